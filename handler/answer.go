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
	headers headers // besides Cache-Control, which every answer has
	body    []byte
	outcome outcome
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

// readAnswer returns the answer of a read.
func readAnswer(body data) answer {
	return answer{status: http.StatusOK, headers: []header{isJSON}, body: encode(body), outcome: outcomeRead}
}

// write answers a call over HTTP.
func (a answer) write(w http.ResponseWriter) {
	for _, h := range append(a.headers, notStored) {
		w.Header().Set(h.name, h.value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller who is gone sends the same call again
}

// forEvent returns the answer to an event, in the shape of payload 1.0, which
// 2.0 takes too. The answer to HEAD has no body.
func (a answer) forEvent(method string) []byte {
	body := a.body
	if method == http.MethodHead {
		body = nil
	}
	return encode(eventAnswer{StatusCode: a.status, Headers: append(a.headers, notStored), Body: string(body)})
}

// eventAnswer is what a function answers an event with.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
type eventAnswer struct {
	StatusCode      int     `json:"statusCode"`
	Headers         headers `json:"headers"`
	Body            string  `json:"body"`
	IsBase64Encoded bool    `json:"isBase64Encoded"`
}

// headers are an object of their names and values, in their order: a map, which
// has to be sorted, would take 2 µs more of a call.
type headers []header

// MarshalJSONTo implements [json.MarshalerTo].
func (h headers) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, one := range h {
		if err := e.WriteToken(jsontext.String(one.name)); err != nil {
			return err
		}
		if err := e.WriteToken(jsontext.String(one.value)); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// encode returns a value as JSON, and the same value as the same bytes. What is
// not UTF-8 is replaced, and no name that stands twice is an error, so that
// nothing of a caller's can keep an answer from encoding. The encoder would copy a
// value that it is not given by its address.
func encode[T any](v T) []byte {
	encoded, err := json.Marshal(&v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err != nil {
		panic(fmt.Sprintf("handler: encode %T: %v", v, err)) // our own types always encode
	}
	return encoded
}
