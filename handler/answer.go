package handler

import (
	"fmt"
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

func (a answer) write(w http.ResponseWriter) {
	body, err := json.Marshal(a.body)
	if err != nil {
		panic(fmt.Sprintf("handler: encode %T: %v", a.body, err)) // our own types always encode
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json")
	for name, value := range a.header {
		header.Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a caller who is gone sends the same call again
}
