package handler

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"onewrite/ledger"
)

// answerWithin is the time a call has to be answered, by a 503 at the latest:
// longer than 64 callers of one user wait for each other, shorter than the
// function's timeout in template.yaml and the 30 seconds of API Gateway.
const answerWithin = 8 * time.Second

// Handler serves the ledger's routes. It is safe for concurrent use.
type Handler struct {
	ledger        *ledger.Ledger
	log           *slog.Logger
	authorization Authorization
}

// New makes the handler of a ledger. It writes one line per request to log.
func New(l *ledger.Ledger, log *slog.Logger, options ...Option) *Handler {
	h := &Handler{l, log, IAM}
	for _, choose := range options {
		choose(h)
	}
	return h
}

// call is one request on its way, with what its log line will say.
type call struct {
	*http.Request
	response    http.ResponseWriter
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
	h.serve(&call{Request: r, response: w, caller: anyone, route: route}, do)
}

// serve answers one call by do, and logs it.
func (h *Handler) serve(c *call, do action) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ledger.WithTrace(c.Context(), &c.trace), answerWithin)
	defer cancel()
	c.Request = c.WithContext(ctx)

	a, err := protect(do, c)
	if err != nil {
		a = problemAnswer(err, c.URL.Path)
	}
	a.write(c.response)
	h.logCall(c, a, err, time.Since(began))
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
