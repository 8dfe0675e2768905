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

// answerWithin is the time until a call is answered, by a 503 at the latest. It is
// longer than 64 callers for one user wait for each other. It is shorter than the
// function's timeout in template.yaml and API Gateway's 30 seconds.
const answerWithin = 8 * time.Second

// answerMargin is the time that an answer needs before Lambda ends the function.
const answerMargin = 500 * time.Millisecond

// Handler serves the ledger's routes. It is safe for concurrent use.
type Handler struct {
	ledger *ledger.Ledger
	log    *slog.Logger
	access Access
	routes []route

	// settings are the ledger's.
	settings ledger.Settings
}

// New returns a ledger's handler. It logs one record for each call, see [NewLogger].
func New(l *ledger.Ledger, log *slog.Logger, access Access) *Handler {
	h := &Handler{ledger: l, log: log, access: access, settings: l.Settings()}
	h.routes = h.allRoutes()
	return h
}

// call is one request on its way, with the content for its log line.
type call struct {
	*http.Request
	caller      caller
	route       string
	id          string // the route's wildcard stands for it
	requestID   string
	user        ledger.UserID
	transaction string
	trace       ledger.Trace
}

// ServeHTTP implements [http.Handler]. It forbids all calls, as plain HTTP has no checked
// caller, unless there is no authorization ([None]).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var err error
	if h.access.Authorization != None {
		err = errForbidden
	}
	h.serve(r.Context(), &call{Request: r, caller: anyone}, err).write(w)
}

// serve answers a call, and logs it. If err is set, the call has already failed: serve
// answers err without the action. The call has answerWithin, and less if ctx ends
// before.
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

// protect turns a panic in f into a defect like any other, with its stack for the log.
func protect[T any](f func() (T, error)) (result T, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return f()
}
