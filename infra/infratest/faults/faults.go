// Package faults makes the network between the real DynamoDB client and
// DynamoDB fail, for tests and trials: requests that never arrive, answers
// that never come back, and the refusals that DynamoDB Local never makes
// itself (conflicts, throttling, faults of its own).
package faults

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Fault does something to one request. Deliver sends it and brings its answer.
type Fault func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error)

// Network is an HTTP client whose requests meet faults. It is safe for
// concurrent use. The zero Network is not valid; see [Under].
type Network struct {
	client dynamodb.HTTPClient

	mu       sync.Mutex
	next     []Fault // for the requests to come, one each
	always   Fault   // for those after them; nil: none
	requests []string
}

// Under puts a new Network under a DynamoDB client, as one of its options.
func Under(n *Network) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		n.client = o.HTTPClient
		o.HTTPClient = n
	}
}

// Next gives each of the next requests its fault; nil is none.
func (n *Network) Next(faults ...Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = append(n.next, faults...)
}

// Always gives all requests after those of [Network.Next] this fault; nil ends it.
func (n *Network) Always(f Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.always = f
}

// Requests are the operations requested since the last call of Requests, such
// as "GetItem", each attempt of the client counted, lost ones included.
func (n *Network) Requests() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	requests := n.requests
	n.requests = nil
	return requests
}

// Do implements [dynamodb.HTTPClient].
func (n *Network) Do(r *http.Request) (*http.Response, error) {
	deliver := func() (*http.Response, error) { return n.client.Do(r) }
	if fault := n.meet(Operation(r)); fault != nil {
		return fault(r, deliver)
	}
	return deliver()
}

// meet counts a request and takes its fault.
func (n *Network) meet(operation string) Fault {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests = append(n.requests, operation)
	if len(n.next) == 0 {
		return n.always
	}
	fault := n.next[0]
	n.next = n.next[1:]
	return fault
}

// Operation is the name in a request's X-Amz-Target, DynamoDB_20120810.Name.
func Operation(r *http.Request) string {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return name
}

// LoseRequest is a request that never arrives: nothing is applied.
func LoseRequest(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
	return nil, fmt.Errorf("faults: request lost: %w", io.ErrUnexpectedEOF)
}

// LoseResponse is a request that is applied and whose answer never comes back.
func LoseResponse(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	response, err := deliver()
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return nil, fmt.Errorf("faults: response lost: %w", io.ErrUnexpectedEOF)
}

// CutResponse is a request that is applied and whose answer ends half way.
func CutResponse(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	return Rewrite(func(body string) string { return body[:len(body)/2] })(r, deliver)
}

// Rewrite is a request that is applied and whose answer says something else,
// such as what a reader a moment earlier or later would have heard.
func Rewrite(change func(body string) string) Fault {
	return func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		response, err := deliver()
		if err != nil {
			return nil, err
		}
		whole, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, err
		}
		_ = response.Body.Close()
		response.Header.Del("X-Amz-Crc32")
		response.Body = io.NopCloser(strings.NewReader(change(string(whole))))
		return response, nil
	}
}

// Conflict is the refusal of a write whose items another transaction holds.
func Conflict(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
	return refuse(r, "TransactionConflict", "TransactionConflictException")
}

// Throttle is the refusal of a request beyond the table's throughput.
func Throttle(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
	return refuse(r, "ThrottlingError", "ThrottlingException")
}

// ServerError is a fault of DynamoDB's own.
func ServerError(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
	return Answer(r, http.StatusInternalServerError, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"The request processing has failed because of an unknown error, exception or failure."}`), nil
}

// FailAfter is a fault of DynamoDB's own after it has applied the request.
func FailAfter(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	if _, err := LoseResponse(r, deliver); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return ServerError(r, deliver)
}

// refuse answers a transaction with a reason for its second write, and any
// other request with an exception.
func refuse(r *http.Request, reason, exception string) (*http.Response, error) {
	if Operation(r) != "TransactWriteItems" {
		return Refusal(r, exception, "refused"), nil
	}
	return Answer(r, http.StatusBadRequest, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
		`"Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [None, %s]",`+
		`"CancellationReasons":[{"Code":"None"},{"Code":%[1]q,"Message":"refused"}]}`, reason)), nil
}

// Refusal is the answer 400 with that exception, for faults of a test's own.
func Refusal(r *http.Request, exception, message string) *http.Response {
	return Answer(r, http.StatusBadRequest, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":%q}`, exception, message))
}

// Answer is an answer of DynamoDB, with that body.
func Answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		Status:        http.StatusText(status),
		StatusCode:    status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}
}
