package dynamodbmodel

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// tokenLife is how long DynamoDB knows a ClientRequestToken after its request.
const tokenLife = 10 * time.Minute

// token is a ClientRequestToken with which a transaction was begun.
type token struct {
	body    string
	done    bool
	expires time.Time
}

// write is one of a transaction's, when nothing speaks against it.
type write struct {
	row   *row
	after item
}

// transactWriteItems checks all writes, holds their items for a while, and
// then commits them all at once. The lock is free in between.
func (m *Model) transactWriteItems(asked request, moment Moment) answer {
	if asked.failure != nil || len(asked.TransactItems) > len(moment.Refusals) {
		return invalid("a transaction of %d writes is not modelled: %v", len(asked.TransactItems), asked.failure)
	}
	if known := m.tokens[asked.ClientRequestToken]; known != nil && asked.ClientRequestToken != "" {
		switch {
		case known.body != asked.body:
			return refused("IdempotentParameterMismatchException", "another request had this token")
		case !known.done:
			return refused("TransactionInProgressException", "The transaction with the given request token is already in progress.")
		case time.Now().Before(known.expires):
			return ok(map[string]any{})
		}
	}
	writes, reasons, cancelled := make([]write, len(asked.TransactItems)), make([]any, len(asked.TransactItems)), false
	for i, each := range asked.TransactItems {
		var reason map[string]any
		if writes[i], reason = m.judge(each.Put, each.Update, moment.Refusals[i]); reason["Code"] != "None" {
			cancelled = true
		}
		reasons[i] = reason
	}
	if cancelled {
		return refused("TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons",
			"CancellationReasons", reasons)
	}
	t := &token{body: asked.body}
	m.tokens[asked.ClientRequestToken] = t
	for _, w := range writes {
		w.row.held = true
	}
	m.sleep(moment.Hold)
	committed := time.Now()
	for _, i := range moment.order(len(writes)) {
		m.sleep(time.Until(committed.Add(moment.Late[i])))
		writes[i].row.put(writes[i].after, moment.Lag)
		writes[i].row.held = false
	}
	t.done, t.expires = true, time.Now().Add(tokenLife)
	return ok(map[string]any{})
}

// sleep lets other requests in for a time.
func (m *Model) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	m.mu.Unlock()
	defer m.mu.Lock()
	time.Sleep(d)
}

// order returns the positions of a transaction's writes, earliest first.
func (m Moment) order(writes int) []int {
	positions := make([]int, writes)
	for i := range positions {
		positions[i] = i
	}
	slices.SortStableFunc(positions, func(i, j int) int { return cmp.Compare(m.Late[i], m.Late[j]) })
	return positions
}

// transactGetItems reads all items at one moment at which none is being written.
func (m *Model) transactGetItems(asked request) answer {
	if asked.failure != nil {
		return invalid("not modelled: %v", asked.failure)
	}
	responses, reasons, cancelled := []any{}, []any{}, false
	for _, each := range asked.TransactItems {
		t, problem := m.table(*each.Get)
		if t == nil {
			return problem
		}
		row := t.row(each.Get.Key)
		responses = append(responses, withItem(map[string]any{}, row.now()))
		if row.held {
			cancelled = true
			reasons = append(reasons, reason("TransactionConflict", "Transaction is ongoing for the item"))
		} else {
			reasons = append(reasons, reason("None", ""))
		}
	}
	if cancelled {
		return refused("TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons",
			"CancellationReasons", reasons)
	}
	return ok(map[string]any{"Responses": responses})
}

// judge says what one write would do, and the reason against it.
func (m *Model) judge(put, update *request, refusal string) (write, map[string]any) {
	asked := put
	if put == nil {
		asked = update
	}
	t, known := m.tables[asked.TableName]
	if !known {
		return write{}, reason("ValidationError", "no such table")
	}
	key := asked.Key
	if put != nil {
		key = put.Item
	}
	row := t.row(key)
	if row.held {
		return write{}, reason("TransactionConflict", "Transaction is ongoing for the item")
	}
	if refusal != "" {
		return write{}, reason(refusal, "refused by chance")
	}
	before := row.now()
	switch fine, err := holds(asked.ConditionExpression, before, asked.ExpressionAttributeValues); {
	case err != nil:
		return write{}, reason("ValidationError", err.Error())
	case !fine:
		failed := reason("ConditionalCheckFailed", "The conditional request failed")
		if asked.ReturnValuesOnConditionCheckFailure != "ALL_OLD" {
			return write{}, failed
		}
		return write{}, withItem(failed, before)
	}
	after := asked.Item
	if put == nil {
		if after = maps.Clone(before); after == nil {
			after = maps.Clone(key)
		}
		if err := change(asked.UpdateExpression, after, asked.ExpressionAttributeValues); err != nil {
			return write{}, reason("ValidationError", err.Error())
		}
	}
	return write{row, after}, reason("None", "")
}

func reason(code, message string) map[string]any {
	if code == "None" {
		return map[string]any{"Code": code}
	}
	return map[string]any{"Code": code, "Message": message}
}
