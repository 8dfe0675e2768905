package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A call may ask for these faults. writeLost, writeAnswerLost and writeConflict are for
// the call's first write.
const (
	answerLost      = "answer-lost"       // the caller loses the answer
	writeLost       = "write-lost"        // DynamoDB never gets the write
	writeAnswerLost = "write-answer-lost" // DynamoDB applies the write, and its answer is lost
	writeConflict   = "conflict"          // DynamoDB rejects the write, because another one has its item
	contention      = "contention"        // writes to one item at once meet such conflicts, as they do on AWS
)

// faultSet has one caller's remaining faults. The caller's requests to DynamoDB follow
// one another.
type faultSet map[string]bool

// parseFaults reads a header's words, which commas separate.
func parseFaults(words string) (faultSet, error) {
	all := faultSet{}
	for word := range strings.SplitSeq(words, ",") {
		switch word = strings.TrimSpace(word); word {
		case answerLost, writeLost, writeAnswerLost, writeConflict, contention:
			all[word] = true
		case "":
		default:
			return nil, fmt.Errorf("%s knows no %q", faultHeader, word)
		}
	}
	return all, nil
}

// take reports whether the fault is still to come, and uses it up.
func (f faultSet) take(fault string) bool {
	if !f[fault] {
		return false
	}
	delete(f, fault)
	return true
}

// These errors look like a broken connection's.
var (
	errRequestLost = fmt.Errorf("the request was lost, as asked for: %w", io.ErrUnexpectedEOF)
	errAnswerLost  = fmt.Errorf("the answer was lost, as asked for: %w", io.ErrUnexpectedEOF)
)

// conflictTakes is how long a conflict takes: about a round trip, in which the item's
// holder goes on.
const conflictTakes = 10 * time.Millisecond

// conflict returns, after conflictTakes, DynamoDB's answer to a write whose items
// another one holds. DynamoDB Local never gives this answer.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
func conflict(r *http.Request, sent request, held map[string]bool) (*http.Response, error) {
	time.Sleep(conflictTakes)
	const names = "com.amazonaws.dynamodb.v20120810#"
	problem := map[string]any{"__type": names + "TransactionConflictException", "message": "Transaction is ongoing for the item"}
	if sent.Operation == "TransactWriteItems" {
		reasons := make([]map[string]string, len(sent.Items))
		for i, item := range sent.Items {
			reasons[i] = map[string]string{"Code": "None"}
			if held[item.name()] {
				reasons[i] = map[string]string{"Code": "TransactionConflict"}
			}
		}
		problem = map[string]any{"__type": names + "TransactionCanceledException", "Message": "Transaction cancelled", "CancellationReasons": reasons}
	}
	body, err := json.Marshal(problem)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode:    http.StatusBadRequest,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}, nil
}

// heldItems are the items that writes under way hold, for [contention].
type heldItems struct {
	mu    sync.Mutex
	names map[string]bool
}

// take holds the items and returns nil, or returns the held ones.
func (h *heldItems) take(items []item) (others map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range items {
		if h.names[i.name()] {
			if others == nil {
				others = map[string]bool{}
			}
			others[i.name()] = true
		}
	}
	if others != nil {
		return others
	}
	if h.names == nil {
		h.names = map[string]bool{}
	}
	for _, i := range items {
		h.names[i.name()] = true
	}
	return nil
}

func (h *heldItems) release(items []item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range items {
		delete(h.names, i.name())
	}
}
