package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Contention returns DynamoDB's conflict between writes, which DynamoDB Local does not have. From
// its request's arrival, a transaction holds its items for the time hold. DynamoDB rejects other
// writes to these items at once. Clients meet only if they share the fault; it is safe for concurrent
// use. Reads meet no conflict.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
func Contention(hold time.Duration) Fault {
	items := heldItems{held: map[string]bool{}}
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		wanted, err := writes(r)
		if err != nil {
			return nil, err
		}
		transaction := Operation(r) == "TransactWriteItems"
		if conflicts := items.take(wanted, transaction); conflicts != nil {
			if transaction {
				return cancelled(r, conflicts), nil
			}
			return Conflict(r, deliver)
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

// take holds the items for a transaction and returns nil if all are free. Otherwise it returns a
// cancellation reason for each held item.
func (h *heldItems) take(items []string, transaction bool) (conflicts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, item := range items {
		if h.held[item] {
			if conflicts == nil {
				conflicts = make([]string, len(items))
			}
			conflicts[i] = "TransactionConflict"
		}
	}
	if conflicts == nil && transaction {
		for _, item := range items {
			h.held[item] = true
		}
	}
	return conflicts
}

// release frees items that take held.
func (h *heldItems) release(items []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, item := range items {
		delete(h.held, item)
	}
}

// write is one write in a request. The ledger puts transactions, whose key is their id, and updates
// balances.
type write struct {
	TableName string
	Item      struct {
		ID json.RawMessage `json:"id"`
	}
	Key json.RawMessage
}

// writes returns the items that a request would write, by name and in its order.
func writes(r *http.Request) ([]string, error) {
	body, err := Body(r)
	if err != nil {
		return nil, err
	}
	var request struct {
		write                            // for a PutItem
		TransactItems []map[string]write // by kind
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

// item returns the written item's name.
func (w write) item() string {
	return w.TableName + " " + string(w.Item.ID) + string(w.Key)
}
