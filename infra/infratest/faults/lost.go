package faults

import (
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

// CutResponse cuts the answer: the request is applied, and its answer ends half
// way.
func CutResponse(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	return Rewrite(func(body string) string { return body[:len(body)/2] })(r, deliver)
}

// Rewrite returns the fault of a request that is applied and whose answer is
// another, such as what a reader a moment earlier or later would have read.
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

// dropAnswer delivers a request and drops its answer. Its error is deliver's.
func dropAnswer(deliver func() (*http.Response, error)) error {
	response, err := deliver()
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Body.Close()
}
