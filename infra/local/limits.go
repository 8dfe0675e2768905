package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// readWithin bounds the arrival of a call, header and body.
	readWithin = 5 * time.Second
	// writeWithin bounds the rest of a call, from its header to the end of its
	// answer. A call of the ledger takes less than 10 s.
	writeWithin = 30 * time.Second
	// idleFor is how long a connection may wait for its next call.
	idleFor = 2 * time.Minute
)

// newServer returns a server whose calls all end, also when a caller stops sending
// or reading. net/http would answer "OPTIONS *" itself, without the guard.
func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadTimeout: readWithin, WriteTimeout: writeWithin, IdleTimeout: idleFor, DisableGeneralOptionsHandler: true}
}

// afterBody calls next once the body of a call has arrived. It answers a body that
// stalls as the contract answers every call that wrote nothing and may be sent again.
func afterBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived, err := io.ReadAll(io.LimitReader(r.Body, callersLimitBytes))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			w.Header().Set("Retry-After", "1")
			writeProblem(w, problem{"/problems/try-again", "Service unavailable", http.StatusServiceUnavailable,
				fmt.Sprintf("The body did not arrive within %s, and nothing was written. Send the same call with the same key again.", readWithin),
				r.URL.EscapedPath()})
			return
		}
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(arrived), r.Body)) // the second returns the error again
		next.ServeHTTP(w, r)
	})
}

// problem is a problem document (RFC 9457) of the local server itself.
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"`
}

func writeProblem(w http.ResponseWriter, p problem) {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and a number always encode
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // a caller that is gone needs no answer
}
