package handler

import (
	"fmt"
	"maps"
	"net/http"

	"github.com/go-json-experiment/json"
)

// answer is what a call is answered with.
type answer struct {
	status  int
	header  map[string]string // besides those that every answer has
	body    any
	outcome string
}

// replayedHeader marks the answer of an earlier call with the same key.
const replayedHeader = "Idempotent-Replayed"

// data is the envelope of every answer that is not a problem.
type data struct {
	Data any    `json:"data"`
	Next string `json:"next,omitempty"`
}

// ok is the answer of a read.
func ok(body data) answer {
	return answer{status: http.StatusOK, body: body, outcome: read}
}

// write answers a call that came over HTTP.
func (a answer) write(w http.ResponseWriter) {
	header, body := a.encode()
	for name, value := range header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a caller who is gone sends the same call again
}

// event answers an event, in the shape of payload 1.0, which 2.0 takes too.
// The answer to HEAD has no body.
func (a answer) event(method string) ([]byte, error) {
	header, body := a.encode()
	if method == http.MethodHead {
		body = nil
	}
	return json.Marshal(&struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
	}{a.status, header, string(body), false})
}

// encode is all headers, and the body.
func (a answer) encode() (header map[string]string, body []byte) {
	body, err := json.Marshal(a.body, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("handler: encode %T: %v", a.body, err)) // our own types always encode
	}
	header = map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json"}
	maps.Copy(header, a.header)
	return header, body
}
