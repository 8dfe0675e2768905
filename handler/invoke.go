package handler

import (
	"context"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Invoke implements the Handler of aws-lambda-go: a Lambda event in, the
// answer for its sender out. The error is always nil: an event that can't be
// read is answered 400 like any other bad request.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := readEvent(payload)
	var from caller
	if err == nil {
		from, err = h.callerOf(payload, e)
	}
	request, bodyErr := e.request()
	if err == nil {
		err = bodyErr
	}
	route, do := h.match(request.Method, request.URL.Path)
	if err != nil {
		do = refuse(err)
	}
	a := h.serve(ctx, &call{Request: request, caller: from, route: route, requestID: requestID(ctx, e)}, do)
	return a.event(request.Method), nil
}

// requestID is the gateway's, which its callers see too, or else Lambda's.
func requestID(ctx context.Context, e event) string {
	if e.RequestContext.RequestID != "" {
		return e.RequestContext.RequestID
	}
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return invocation.AwsRequestID
	}
	return ""
}
