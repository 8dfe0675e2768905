// Package faults injects network and server faults below the real DynamoDB client, for tests and
// trials: lost requests, lost answers, and errors that DynamoDB Local never returns (conflicts,
// throttling, internal errors). [All] lists them.
package faults

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Fault handles one request in place of the network. It may call deliver, which sends the request
// and returns the answer.
type Fault func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error)

// Network is an HTTP client that injects faults. It is safe for concurrent use. Before use, [Under]
// must attach it to a DynamoDB client.
type Network struct {
	client dynamodb.HTTPClient

	mu       sync.Mutex
	next     []Fault // one for each of the next requests
	always   Fault   // for all requests after those; may be nil
	requests []string
}

// Under returns an option that sends a DynamoDB client's requests through n.
func Under(n *Network) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		n.client = o.HTTPClient
		o.HTTPClient = n
	}
}

// Next injects one fault into each of the next requests. A nil fault leaves its request alone.
func (n *Network) Next(faults ...Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = append(n.next, faults...)
}

// Always injects f into all requests after those of [Network.Next]. Always(nil) stops that.
func (n *Network) Always(f Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.always = f
}

// Requests returns the operations, such as "GetItem", since Requests was last called. It includes
// every attempt by the client, even lost ones.
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

// take records a request's operation, and returns the request's fault or nil.
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

// Operation returns a request's operation, such as "GetItem", from its X-Amz-Target header.
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
