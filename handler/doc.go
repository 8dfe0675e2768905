// Package handler is the ledger's edge. It translates HTTP requests and Lambda events into
// calls to the ledger, and the results into JSON answers and problem documents.
//
// A [Handler] has two entry points. [Handler.ServeHTTP] serves HTTP requests, for the local
// server and tests. [Handler.Invoke] serves Lambda events: it translates each to an HTTP
// request, and answers in the shape that the sender expects. Both share one set of routes
// and rules.
//
// Each route parses its input into the ledger's types, calls the ledger, and returns an
// answer or an error. One table, [problems], maps errors to problem documents (RFC 9457).
package handler
