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

// These are the faults that a call may request. writeLost, writeAnswerLost and
// writeConflict are each injected once, into the first writes of the call.
const (
	answerLost      = "answer-lost"       // the response to the caller is lost
	writeLost       = "write-lost"        // the write never reaches DynamoDB
	writeAnswerLost = "write-answer-lost" // DynamoDB applies the write, but its response is lost
	writeConflict   = "conflict"          // DynamoDB rejects the write because another write holds one of its items
	contention      = "contention"        // concurrent writes to one item conflict, as they do on AWS
)

// faultSet holds one caller's remaining faults. It needs no lock, because a caller sends
// one request to DynamoDB at a time.
type faultSet map[string]bool

func parseFaults(words string) (faultSet, error) {
	all := faultSet{}
	for word := range strings.SplitSeq(words, ",") {
		switch word = strings.TrimSpace(word); word {
		case answerLost, writeLost, writeAnswerLost, writeConflict, contention:
			all[word] = true
		case "":
		default:
			return nil, fmt.Errorf("%s: unknown fault %q", faultHeader, word)
		}
	}
	return all, nil
}

// take reports whether the set has the fault, and removes it.
func (f faultSet) take(fault string) bool {
	if !f[fault] {
		return false
	}
	delete(f, fault)
	return true
}

// The DynamoDB client treats these errors as a broken connection, and retries.
var (
	errRequestLost = fmt.Errorf("the request was lost, as Local-Fault requested: %w", io.ErrUnexpectedEOF)
	errAnswerLost  = fmt.Errorf("the answer was lost, as Local-Fault requested: %w", io.ErrUnexpectedEOF)
)

// conflictTakes is the delay before a conflict is reported. It is about one round trip, so
// that the write that holds the item can proceed.
const conflictTakes = 10 * time.Millisecond

// conflict waits for conflictTakes, and returns DynamoDB's response to the write in sent if
// other writes hold the items named in held. DynamoDB Local never sends this response.
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
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}, nil
}

// heldItems tracks the items that writes under way hold, to simulate [contention].
type heldItems struct {
	mu    sync.Mutex
	names map[string]bool
}

// take marks the items as held and returns nil. If some are already held, it marks none and
// returns the held ones.
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
