package handler

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"onewrite/ledger"
)

// answerWithin is the time a call has to be answered, by a 503 at the latest:
// longer than 64 callers of one user wait for each other, shorter than the
// function's timeout in template.yaml and the 30 seconds of API Gateway.
const answerWithin = 8 * time.Second

// answerMargin is what an answer needs on its way out before Lambda ends the
// function.
const answerMargin = 500 * time.Millisecond

// Handler serves the ledger's routes. It is safe for concurrent use.
type Handler struct {
	ledger        *ledger.Ledger
	log           io.Writer
	authorization Authorization
	routes        []route
}

// New makes the handler of a ledger. It writes one line of JSON per request to
// log, which must be safe for concurrent use if the handler is to be.
func New(l *ledger.Ledger, log io.Writer, options ...Option) *Handler {
	h := &Handler{ledger: l, log: log, authorization: IAM}
	h.routes = h.allRoutes()
	for _, choose := range options {
		choose(h)
	}
	return h
}

// call is one request on its way, with what its log line will say.
type call struct {
	*http.Request
	caller      caller
	route       string
	requestID   string
	user        ledger.UserID
	transaction string
	trace       ledger.Trace
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, do := h.match(r.Method, r.URL.Path)
	if h.authorization != IAM {
		do = refuse(errForbidden)
	}
	h.serve(r.Context(), &call{Request: r, caller: anyone, route: route}, do).write(w)
}

// serve is the answer of do to one call, logged. The call has answerWithin, and
// less where ctx ends before.
func (h *Handler) serve(ctx context.Context, c *call, do action) answer {
	began := time.Now()
	deadline := began.Add(answerWithin)
	if end, limited := ctx.Deadline(); limited && end.Add(-answerMargin).Before(deadline) {
		deadline = end.Add(-answerMargin)
	}
	ctx, cancel := context.WithDeadline(ledger.WithTrace(ctx, &c.trace), deadline)
	defer cancel()
	c.Request = c.WithContext(ctx)

	a, err := protect(do, c)
	if err != nil {
		a = problemAnswer(err, c.URL.Path)
	}
	h.logCall(c, a, err, time.Since(began))
	return a
}

// protect makes a panic a defect like any other, with its stack for the log.
func protect(do action, c *call) (a answer, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return do(c)
}
