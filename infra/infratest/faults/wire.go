package faults

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/infra"
)

// Wire simulates the network below a real HTTP client. Like a real network, it can deliver a
// request late, twice or never, even after the sender has given up. It is safe for concurrent use.
type Wire struct {
	next       func() Delivery
	deliveries sync.WaitGroup
}

// Delivery describes how one request is delivered.
type Delivery struct {
	To     http.RoundTripper
	Out    time.Duration // delay before the request arrives
	Again  time.Duration // delay from then until a second copy arrives; 0: no copy
	Fault  Fault         // applied when the first copy arrives; may be nil
	Silent bool          // the answer is lost; the sender waits until its context ends
	Back   time.Duration // delay before the answer arrives
}

// NewWire returns a network that calls next for each request, in the sender's goroutine.
func NewWire(next func() Delivery) *Wire { return &Wire{next: next} }

// Over returns an option that makes a DynamoDB client use a transport, such as a [Wire]. The client
// keeps its timeout for each attempt. Pass [Under] after Over.
func Over(transport http.RoundTripper) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) { o.HTTPClient = infra.NewHTTPClient(transport) }
}

// Before wraps a transport so that f handles each request first.
func (f Fault) Before(to http.RoundTripper) http.RoundTripper { return before{f, to} }

type before struct {
	fault Fault
	to    http.RoundTripper
}

func (b before) RoundTrip(r *http.Request) (*http.Response, error) {
	return b.fault(r, func() (*http.Response, error) { return b.to.RoundTrip(r) })
}

// Settle waits until all requests have arrived, including those that their senders abandoned.
func (w *Wire) Settle() { w.deliveries.Wait() }

type arrival struct {
	response *http.Response
	err      error
}

// RoundTrip implements [http.RoundTripper]. It sends nothing if the request's context has ended.
func (w *Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	d, answers := w.next(), make(chan arrival, 1)
	w.deliveries.Go(func() {
		response, err := d.arrive(r, body, d.Out, d.Fault) //nolint:bodyclose // the body is in memory
		time.Sleep(d.Back)
		answers <- arrival{response, err}
	})
	if d.Again > 0 {
		w.deliveries.Go(func() { _, _ = d.arrive(r, body, d.Out+d.Again, nil) }) //nolint:bodyclose // the body is in memory
	}
	if d.Silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	select {
	case a := <-answers:
		return a.response, a.err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// arrive delivers a copy of the request after a delay, and reads the whole answer into memory.
func (d Delivery) arrive(sent *http.Request, body []byte, after time.Duration, fault Fault) (*http.Response, error) {
	time.Sleep(after)
	r := sent.Clone(context.WithoutCancel(sent.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	deliver := func() (*http.Response, error) { return d.To.RoundTrip(r) }
	if fault == nil {
		fault = func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			return deliver()
		}
	}
	response, err := fault(r, deliver)
	if err != nil {
		return nil, err
	}
	whole, err := io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	response.Body = io.NopCloser(bytes.NewReader(whole))
	return response, err
}
