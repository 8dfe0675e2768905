package handler

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// answer is what a call is answered with.
type answer struct {
	status  int
	headers []header // besides Cache-Control, which every answer has
	body    []byte
	outcome string
}

type header struct{ name, value string }

var (
	isJSON    = header{"Content-Type", "application/json"}
	isProblem = header{"Content-Type", "application/problem+json"}

	notStored = header{"Cache-Control", "no-store"} // in every answer

	// isReplayed marks the answer of an earlier call with the same key.
	isReplayed = header{"Idempotent-Replayed", "true"}
)

// data is the envelope of every answer that is not a problem.
type data struct {
	Data any    `json:"data"`
	Next string `json:"next,omitempty"`
}

// ok is the answer of a read.
func ok(body data) answer {
	return answer{status: http.StatusOK, headers: []header{isJSON}, body: encode(body), outcome: read}
}

// write answers a call that came over HTTP.
func (a answer) write(w http.ResponseWriter) {
	for _, h := range append(a.headers, notStored) {
		w.Header().Set(h.name, h.value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller who is gone sends the same call again
}

// event answers an event, in the shape of payload 1.0, which 2.0 takes too.
// The answer to HEAD has no body.
func (a answer) event(method string) []byte {
	body := a.body
	if method == http.MethodHead {
		body = nil
	}
	named := make(object, 0, headersSize)
	for _, h := range append(a.headers, notStored) {
		named = named.text(h.name, h.value)
	}
	size := 2*headersSize + 2*len(body) // quotes are escaped
	return make(object, 0, size).
		number("statusCode", a.status).
		value("headers", string(named.end())).
		text("body", string(body)).
		value("isBase64Encoded", "false").
		end()
}

// headersSize is more than the headers of an answer take.
const headersSize = 192

// encode returns a body. The same call has the same bytes. What is not UTF-8 is
// replaced, and no name that stands twice is an error, so that it is our own
// types alone, and nothing of a caller's, that could keep a body from encoding.
func encode(body any) []byte {
	encoded, err := json.Marshal(body, json.Deterministic(true), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err != nil {
		panic(fmt.Sprintf("handler: encode %T: %v", body, err))
	}
	return encoded
}
