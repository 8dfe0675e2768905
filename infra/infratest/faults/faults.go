// Package faults makes the network between the real DynamoDB client and DynamoDB fail, for tests
// and trials: requests that never arrive, answers that never come back, and errors that DynamoDB
// Local never returns itself (conflicts, throttling, its own failures). [All] lists them.
package faults

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Fault does something to one request. Deliver sends the request and returns its answer.
type Fault func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error)

// Network is an HTTP client that gives faults to requests. It is safe for concurrent use. The zero
// Network is not valid; see [Under].
type Network struct {
	client dynamodb.HTTPClient

	mu       sync.Mutex
	next     []Fault // one for each coming request
	always   Fault   // for the later ones; nil: none
	requests []string
}

// Under returns the option that puts a new Network under a DynamoDB client.
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

// Always gives this fault to all requests after those of [Network.Next]; nil ends it.
func (n *Network) Always(f Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.always = f
}

// Requests returns the operations requested since its last call, such as "GetItem". Each attempt by
// the client counts, lost ones included.
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
	if fault := n.take(Operation(r)); fault != nil {
		return fault(r, deliver)
	}
	return deliver()
}

// take notes a request and returns its fault, or nil if it has none.
func (n *Network) take(operation string) Fault {
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

// Operation returns the name in a request's X-Amz-Target, DynamoDB_20120810.Name.
func Operation(r *http.Request) string {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return name
}

// Body returns a request's body. The request can still be sent.
func Body(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}
