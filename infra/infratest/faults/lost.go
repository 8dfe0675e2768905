package faults

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// LoseRequest drops the request before it reaches DynamoDB.
func LoseRequest(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
	return nil, fmt.Errorf("faults: request lost: %w", io.ErrUnexpectedEOF)
}

// LoseResponse delivers the request, which DynamoDB applies, and drops the answer.
func LoseResponse(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	if err := dropAnswer(deliver); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("faults: response lost: %w", io.ErrUnexpectedEOF)
}

// Rewrite returns a fault that applies the request and changes the answer, checksum included. Tests
// use it to simulate an earlier or later read.
func Rewrite(change func(body string) string) Fault {
	return replace(func(answer *http.Response, body string) *http.Response {
		return Answer(answer.Request, answer.StatusCode, change(body))
	})
}

// damage returns a fault that applies the request and changes the answer's body, but keeps the
// checksum of the original body. DynamoDB sends a checksum even with errors; DynamoDB Local does
// not.
func damage(change func(body string) string) Fault {
	return replace(func(answer *http.Response, body string) *http.Response {
		damaged := foreign(answer.Request, answer.StatusCode, change(body))
		damaged.Header.Set(checksum, checksumOf(body))
		return damaged
	})
}

func replace(by func(answer *http.Response, body string) *http.Response) Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		answer, err := deliver()
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(answer.Body)
		if err = errors.Join(err, answer.Body.Close()); err != nil {
			return nil, err
		}
		answer.Request = r
		return by(answer, string(body)), nil
	}
}

// emptyResponse applies the request and loses its answer. The client receives an empty one with
// status 200, without a checksum, instead.
var emptyResponse = replace(func(answer *http.Response, _ string) *http.Response {
	return foreign(answer.Request, http.StatusOK, "")
})

// CutResponse applies the request and drops the second half of the answer.
var CutResponse = damage(func(body string) string { return body[:len(body)/2] })

// addDigit inserts a 9 before the first digit, so that a balance of 120 reads 9120.
func addDigit(body string) string {
	at := max(1, strings.IndexAny(body, "0123456789"))
	return body[:at] + "9" + body[at:]
}

// dropAnswer delivers a request and discards its answer. It fails if deliver fails.
func dropAnswer(deliver func() (*http.Response, error)) error {
	response, err := deliver()
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Body.Close()
}
