// Package handler is the edge of the ledger: HTTP and Lambda events in,
// answers and problem documents out.
//
// One [Handler] has two entry points. [Handler.ServeHTTP] takes HTTP requests, for
// the local server and tests. [Handler.Invoke] takes Lambda events, makes each
// one the HTTP request that it stands for, and answers in the shape that the
// event's sender expects. So there is one set of routes and one set of rules.
//
// A route parses its input into the ledger's types, calls the ledger, and
// returns an answer or an error. Errors become problem documents (RFC 9457) by
// one table, [problems].
package handler
