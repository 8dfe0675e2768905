package faults

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// LoseRequest loses the request, which never arrives: nothing is applied.
func LoseRequest(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
	return nil, fmt.Errorf("faults: request lost: %w", io.ErrUnexpectedEOF)
}

// LoseResponse loses the answer: the request is applied, and nothing comes back.
func LoseResponse(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	if err := dropAnswer(deliver); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("faults: response lost: %w", io.ErrUnexpectedEOF)
}

// Rewrite returns a fault that applies the request and changes the answer, as if it were
// read a moment earlier or later.
func Rewrite(change func(body string) string) Fault {
	return replace(func(answer *http.Response, body string) *http.Response {
		return Answer(answer.Request, answer.StatusCode, change(body))
	})
}

// Damage returns a fault that applies the request and damages the answer's body on the way, but
// keeps the checksum of the whole body. DynamoDB sends one with errors too, and DynamoDB Local does
// not.
func Damage(change func(body string) string) Fault {
	return replace(func(answer *http.Response, body string) *http.Response {
		damaged := Foreign(answer.Request, answer.StatusCode, change(body))
		damaged.Header.Set(checksum, checksumOf(body))
		return damaged
	})
}

// Replace returns a fault that applies the request and loses its answer: the sender receives a
// success with this body from another server.
func Replace(body string) Fault {
	return replace(func(answer *http.Response, _ string) *http.Response {
		return Foreign(answer.Request, http.StatusOK, body)
	})
}

// replace returns a fault that applies the request and replaces its answer.
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

// CutResponse applies the request and cuts its answer in half.
var CutResponse = Damage(func(body string) string { return body[:len(body)/2] })

// addDigit puts a digit before the first one, so that a balance of 120 reads 9120.
func addDigit(body string) string {
	at := max(1, strings.IndexAny(body, "0123456789"))
	return body[:at] + "9" + body[at:]
}

// dropAnswer delivers a request and drops its answer. Its error is deliver's.
func dropAnswer(deliver func() (*http.Response, error)) error {
	response, err := deliver()
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Body.Close()
}
