package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"onewrite/ledger"
)

// answerWithin limits how long a call takes. After that the caller gets a 503. It is long
// enough for 64 callers that post for one user at once. It is shorter than the function's
// timeout in template.yaml and API Gateway's 30 seconds.
const answerWithin = 8 * time.Second

// answerMargin is reserved for sending the answer before Lambda ends the function.
const answerMargin = 500 * time.Millisecond

// Handler serves the ledger's routes. It is safe for concurrent use.
type Handler struct {
	ledger *ledger.Ledger
	log    *slog.Logger
	access Access
	routes []route

	settings ledger.Settings
}

// New returns a handler for the ledger. It logs each call in one line; see [NewLogger].
func New(l *ledger.Ledger, log *slog.Logger, access Access) *Handler {
	h := &Handler{ledger: l, log: log, access: access, settings: l.Settings()}
	h.routes = h.allRoutes()
	return h
}

// call is a request that is being served, with the values for its log line.
type call struct {
	*http.Request
	caller      caller
	route       string
	id          string // the path's segment at the route's wildcard
	requestID   string
	user        ledger.UserID
	transaction string
	trace       ledger.Trace
}

// ServeHTTP implements [http.Handler]. Plain HTTP has no authenticated caller, so ServeHTTP
// forbids every call unless the authorization is [None].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var err error
	if h.access.Authorization != None {
		err = errForbidden
	}
	h.serve(r.Context(), &call{Request: r, caller: anyone}, err).write(w)
}

// serve answers a call and logs it. If err is not nil, the call has already failed, and
// serve answers with err without running the route's action. The call must finish within
// answerWithin, and at least answerMargin before ctx's deadline.
func (h *Handler) serve(ctx context.Context, c *call, err error) answer {
	began := time.Now()
	deadline := began.Add(answerWithin)
	if end, limited := ctx.Deadline(); limited && end.Add(-answerMargin).Before(deadline) {
		deadline = end.Add(-answerMargin)
	}
	ctx, cancel := context.WithDeadline(ledger.WithTrace(ctx, &c.trace), deadline)
	defer cancel()
	c.Request = c.WithContext(ctx)

	do := h.match(c)
	if err != nil {
		do = failWith(err)
	}
	if errors.Is(err, errNotFound) {
		c.route = ""
	}
	a, err := protect(func() (answer, error) { return do(c) })
	if err != nil {
		a = h.problemAnswer(err, c.caller, c.URL.EscapedPath())
	}
	h.logCall(c, a, err, time.Since(began))
	return a
}

// protect calls f. It returns a panic in f as an error with its stack, so that the caller
// gets a 500 and the log gets the cause.
func protect[T any](f func() (T, error)) (result T, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return f()
}
