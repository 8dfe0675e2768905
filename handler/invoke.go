package handler

import (
	"context"
	"net/http"
	"net/url"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Invoke implements aws-lambda-go's Handler. It serves a Lambda event and returns the
// answer for its sender. The error is always nil: an unreadable event gets a 400.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	c := &call{Request: &http.Request{URL: &url.URL{}}}
	_, err := protect(func() (any, error) { return nil, h.open(ctx, payload, c) })
	return h.serve(ctx, c, err).forEvent(c.Method), nil
}

// open decodes an event into c, and checks its sender and caller. Even if it fails, c has
// everything that the answer and the log line need.
func (h *Handler) open(ctx context.Context, payload []byte, c *call) error {
	e, err := readEvent(payload)
	request, bodyErr := e.request()
	c.Request, c.requestID = request, requestID(ctx, e)
	if err != nil {
		return err
	}
	if err := e.checkSender(); err != nil {
		return err
	}
	if c.caller, err = h.callerOf(e); err != nil {
		return err
	}
	if err := e.checkParameters(); err != nil {
		return err
	}
	return bodyErr
}

// requestID returns the gateway's request id, which callers see too, or else Lambda's.
func requestID(ctx context.Context, e event) string {
	if e.RequestContext.RequestID != "" {
		return e.RequestContext.RequestID
	}
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return invocation.AwsRequestID
	}
	return ""
}
