package handler

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type answer struct {
	status  int
	headers headers
	body    []byte
	outcome outcome
}

// headers are an answer's headers, each with one value.
type headers map[string]string

const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
)

// replayedHeader marks an answer that an earlier call with the same key got.
const replayedHeader = "Idempotent-Replayed"

// newHeaders returns the headers that every answer has.
func newHeaders(contentType string) headers {
	return headers{"Content-Type": contentType, "Cache-Control": "no-store"}
}

// data is the envelope for every answer that is not a problem.
type data struct {
	Data any    `json:"data"`
	Next string `json:"next,omitempty"`
}

// readAnswer returns the answer to a read.
func readAnswer(body data) answer {
	return answer{status: http.StatusOK, headers: newHeaders(jsonType), body: encode(body), outcome: outcomeRead}
}

// write sends the answer over HTTP.
func (a answer) write(w http.ResponseWriter) {
	for name, value := range a.headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller who left sends the same call again
}

// forEvent returns the answer to an event, in payload 1.0's shape, which 2.0 accepts
// too. HEAD gets no body.
func (a answer) forEvent(method string) []byte {
	body := a.body
	if method == http.MethodHead {
		body = nil
	}
	return encode(eventAnswer{StatusCode: a.status, Headers: a.headers, Body: string(body)})
}

// eventAnswer is the function's answer to an event.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
type eventAnswer struct {
	StatusCode      int     `json:"statusCode"`
	Headers         headers `json:"headers"`
	Body            string  `json:"body"`
	IsBase64Encoded bool    `json:"isBase64Encoded"`
}

// encode returns a value as JSON, equal values as equal bytes. It replaces invalid
// UTF-8 and accepts duplicate names, so that every caller's text encodes. The address
// saves a copy.
func encode[T any](v T) []byte {
	encoded, err := json.Marshal(&v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err != nil {
		panic(fmt.Sprintf("handler: encode %T: %v", v, err)) // the handler's own types always encode
	}
	return encoded
}
