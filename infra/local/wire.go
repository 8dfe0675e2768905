package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// wire is the HTTP client that the DynamoDB client uses. If a request's context has a
// [caller], wire records the request and injects the caller's faults. It is safe for
// concurrent use.
type wire struct {
	client dynamodb.HTTPClient
	held   heldItems
}

// overWire is an option that wraps a DynamoDB client's HTTP client in a new wire.
func overWire(o *dynamodb.Options) {
	o.HTTPClient = &wire{client: o.HTTPClient}
}

// caller is the sender of one call: a client of this server, or one of the callers that a
// request to callersPath simulates.
type caller struct {
	number int // from 1, or 0 if there is only one caller
	record *record
	faults faultSet
}

type callerKey struct{}

func (c *caller) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Do implements [dynamodb.HTTPClient].
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	c, ok := r.Context().Value(callerKey{}).(*caller)
	if !ok {
		return w.client.Do(r)
	}
	sent, err := readRequest(r)
	if err != nil {
		return nil, err
	}
	place := c.record.add(c.number, sent)
	response, err := w.deliver(c, r, sent)
	result, err := readResult(response, err)
	c.record.end(place, result)
	if err != nil {
		return nil, err
	}
	return response, nil
}

// deliver sends the request r, which sent describes. If r is a write and c has a fault
// left, deliver injects that fault.
func (w *wire) deliver(c *caller, r *http.Request, sent request) (*http.Response, error) {
	write := sent.Operation == "TransactWriteItems" || sent.Operation == "PutItem"
	switch {
	case write && c.faults.take(writeLost):
		return nil, errRequestLost
	case write && c.faults.take(writeConflict):
		return conflict(r, sent, map[string]bool{sent.Items[len(sent.Items)-1].name(): true})
	case write && c.faults.take(writeAnswerLost):
		return nil, w.loseAnswer(r)
	case write && c.faults[contention]:
		if others := w.held.take(sent.Items); others != nil {
			return conflict(r, sent, others)
		}
		defer w.held.release(sent.Items)
	}
	return w.client.Do(r)
}

// loseAnswer sends a request, drops the answer and returns errAnswerLost.
func (w *wire) loseAnswer(r *http.Request) error {
	response, err := w.client.Do(r)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	return errAnswerLost
}

// readRequest summarizes a request to DynamoDB for the console, and restores the request's
// body for sending.
func readRequest(r *http.Request) (request, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return request{}, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return parseRequest(operation, body)
}

// readResult summarizes the answer to a request for the console, and restores the answer's
// body for the client.
func readResult(response *http.Response, err error) (result, error) {
	switch {
	case errors.Is(err, errRequestLost):
		return result{Outcome: "request lost"}, err
	case errors.Is(err, errAnswerLost):
		return result{Outcome: "answer lost"}, err
	case err != nil:
		return result{Outcome: "no answer"}, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return result{Outcome: "no answer"}, err
	}
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	return parseResult(response.StatusCode, body), nil
}
