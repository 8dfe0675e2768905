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

// replayedHeader marks an answer that repeats the answer to an earlier call.
const replayedHeader = "Idempotent-Replayed"

// newHeaders returns the headers that every answer has.
func newHeaders(contentType string) headers {
	return headers{"Content-Type": contentType, "Cache-Control": "no-store"}
}

// data is the envelope of every answer except problems.
type data struct {
	Data any    `json:"data"`
	Next string `json:"next,omitempty"`
}

func readAnswer(body data) answer {
	return answer{status: http.StatusOK, headers: newHeaders(jsonType), body: encode(body), outcome: outcomeRead}
}

func (a answer) write(w http.ResponseWriter) {
	for name, value := range a.headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the error is ignored: a caller that has disconnected can send the same call again
}

// forEvent returns the answer as JSON in the shape of payload 1.0, which is valid for 2.0
// too. The answer to HEAD has no body.
func (a answer) forEvent(method string) []byte {
	body := a.body
	if method == http.MethodHead {
		body = nil
	}
	return encode(eventAnswer{StatusCode: a.status, Headers: a.headers, Body: string(body)})
}

// eventAnswer is the JSON that the function returns for an event.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
type eventAnswer struct {
	StatusCode      int     `json:"statusCode"`
	Headers         headers `json:"headers"`
	Body            string  `json:"body"`
	IsBase64Encoded bool    `json:"isBase64Encoded"`
}

// encode returns v as JSON. Equal values give equal bytes. Invalid UTF-8 is replaced and
// duplicate names are accepted, so that any caller's text can be encoded. Passing &v to
// Marshal saves a copy.
func encode[T any](v T) []byte {
	encoded, err := json.Marshal(&v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err != nil {
		panic(fmt.Sprintf("handler: encode %T: %v", v, err)) // the handler's own types always encode
	}
	return encoded
}
