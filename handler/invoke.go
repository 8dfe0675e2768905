package handler

import (
	"context"
	"net/http"
	"net/url"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Invoke implements aws-lambda-go's Handler: it takes a Lambda event and returns the
// answer for its sender. The error is always nil: an unreadable event gets a 400 like
// any other bad request.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	output, err := protect(func() ([]byte, error) {
		c, err := h.open(ctx, payload)
		return h.serve(ctx, c, err).forEvent(c.Method), nil
	})
	if err != nil {
		output = h.brokenOff(&http.Request{URL: &url.URL{}}, err).forEvent("")
	}
	return output, nil
}

// open returns an event's call. With an error the call is still there, for its
// answer and its log line.
func (h *Handler) open(ctx context.Context, payload []byte) (*call, error) {
	e, err := readEvent(payload)
	request, bodyErr := e.request()
	c := &call{Request: request, requestID: requestID(ctx, e)}
	if err != nil {
		return c, err
	}
	if err := e.checkSender(); err != nil {
		return c, err
	}
	if c.caller, err = h.callerOf(e); err != nil {
		return c, err
	}
	if err := e.checkParameters(); err != nil {
		return c, err
	}
	return c, bodyErr
}

// requestID returns the gateway's request id, which callers see too, or else
// Lambda's.
func requestID(ctx context.Context, e event) string {
	if e.RequestContext.RequestID != "" {
		return e.RequestContext.RequestID
	}
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return invocation.AwsRequestID
	}
	return ""
}
