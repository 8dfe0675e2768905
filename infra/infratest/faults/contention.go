package faults

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

// Contention is DynamoDB's conflict between writes, which DynamoDB Local does
// not have: a transaction holds its items for the time hold, from the arrival
// of its request, and whatever else would write one of them meanwhile is
// refused at once. A request and its answer take the time roundTrip on their
// way. Give the one fault to all clients that shall meet; it is safe for
// concurrent use. Reads meet no conflict.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
func Contention(hold, roundTrip time.Duration) Fault {
	items := heldItems{held: map[string]bool{}}
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		time.Sleep(roundTrip / 2)
		defer time.Sleep(roundTrip / 2)
		wanted, err := writes(r)
		if err != nil {
			return nil, err
		}
		transaction := Operation(r) == "TransactWriteItems"
		if taken := items.take(wanted, transaction); taken != nil {
			if transaction {
				return cancelled(r, taken), nil
			}
			return Refusal(r, "TransactionConflictException", "Transaction is ongoing for the item"), nil
		}
		if !transaction {
			return deliver()
		}
		defer items.release(wanted)
		held := time.After(hold)
		response, err := deliver()
		<-held // even if the caller is gone before that
		return response, err
	}
}

// heldItems are the items that transactions hold.
type heldItems struct {
	mu   sync.Mutex
	held map[string]bool
}

// take holds the items, if it is for a transaction and none is held. Otherwise
// it says of each whether it is.
func (h *heldItems) take(items []string, transaction bool) (taken []bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, item := range items {
		if h.held[item] {
			if taken == nil {
				taken = make([]bool, len(items))
			}
			taken[i] = true
		}
	}
	if taken == nil && transaction {
		for _, item := range items {
			h.held[item] = true
		}
	}
	return taken
}

func (h *heldItems) release(items []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, item := range items {
		delete(h.held, item)
	}
}

// write is one write of a request. The ledger puts transactions, whose key is
// their id, and updates balances.
type write struct {
	TableName string
	Item      struct {
		ID json.RawMessage `json:"id"`
	}
	Key json.RawMessage
}

// writes are the items that a request would write, in its order.
func writes(r *http.Request) ([]string, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var request struct {
		write                            // of a PutItem
		TransactItems []map[string]write // by the kind of write
	}
	if Operation(r) != "TransactWriteItems" && Operation(r) != "PutItem" {
		return nil, nil
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, fmt.Errorf("faults: read %s: %w", Operation(r), err)
	}
	if request.TransactItems == nil {
		return []string{request.item()}, nil
	}
	var items []string
	for _, kinds := range request.TransactItems {
		for _, w := range kinds {
			items = append(items, w.item())
		}
	}
	return items, nil
}

// item is the name of the item that is written.
func (w write) item() string {
	return w.TableName + " " + string(w.Item.ID) + string(w.Key)
}

// cancelled is the answer to a transaction of which those items are taken.
func cancelled(r *http.Request, taken []bool) *http.Response {
	reasons := make([]string, len(taken))
	for i := range taken {
		reasons[i] = `{"Code":"None"}`
		if taken[i] {
			reasons[i] = `{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"}`
		}
	}
	return Answer(r, http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
		`"Message":"Transaction cancelled, please refer cancellation reasons for specific reasons",`+
		`"CancellationReasons":[`+strings.Join(reasons, ",")+`]}`)
}
