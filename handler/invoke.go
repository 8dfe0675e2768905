package handler

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"
)

// answerMargin is what an answer needs on its way out before Lambda ends the
// function.
const answerMargin = 500 * time.Millisecond

// Invoke implements the Handler of aws-lambda-go: a Lambda event in, the
// answer for its sender out. The error is always nil: an event that can't be
// read is answered 400 like any other bad request.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if deadline, limited := ctx.Deadline(); limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerMargin))
		defer cancel()
	}
	e, err := readEvent(payload)
	var from caller
	if err == nil {
		from, err = h.callerOf(payload, e)
	}
	request, bodyErr := e.request(ctx)
	if err == nil {
		err = bodyErr
	}
	route, do := h.match(request.Method, request.URL.Path)
	if err != nil {
		do = refuse(err)
	}
	response := newRecorder(request.Method)
	h.serve(&call{Request: request, response: response, caller: from, route: route, requestID: requestID(ctx, e)}, do)
	return response.eventAnswer()
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

// recorder is the [http.ResponseWriter] of an event.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
	head   bool // the answer has no body
}

func newRecorder(method string) *recorder {
	return &recorder{header: http.Header{}, head: method == http.MethodHead}
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(body []byte) (int, error) {
	if r.head {
		return len(body), nil
	}
	return r.body.Write(body)
}

// eventAnswer is the answer in the shape of payload 1.0, which 2.0 takes too.
func (r *recorder) eventAnswer() ([]byte, error) {
	headers := make(map[string]string, len(r.header))
	for name := range r.header {
		headers[name] = r.header.Get(name)
	}
	return json.Marshal(struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
	}{r.status, headers, r.body.String(), false})
}
