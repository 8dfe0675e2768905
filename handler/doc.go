// Package handler is the ledger's edge: it takes HTTP and Lambda events, and returns
// answers and problem documents.
//
// One [Handler] has two entry points. [Handler.ServeHTTP] takes HTTP requests, for the
// local server and tests. [Handler.Invoke] takes Lambda events, translates each to an
// HTTP request, and answers in the shape that the sender expects. So both share one set
// of routes and rules.
//
// A route parses its input into the ledger's types, calls the ledger, and returns
// an answer or an error. One table, [problems], turns errors into problem documents
// (RFC 9457).
package handler
