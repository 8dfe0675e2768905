package dynamodbmodel

import (
	"cmp"
	"slices"
	"time"
)

// tokenLife is how long DynamoDB remembers a ClientRequestToken after its request.
const tokenLife = 10 * time.Minute

// mostWrites is DynamoDB's limit on the writes in one transaction.
const mostWrites = 100

// token records the transaction that came with a ClientRequestToken.
type token struct {
	body    string
	done    bool
	expires time.Time
}

// write is one write in a transaction: its row, and the item after the write.
type write struct {
	row   *row
	after item
}

// transactWriteItems checks all writes, locks their items for moment.Hold, and then
// commits. While it waits, it unlocks the model for other requests.
func (m *Model) transactWriteItems(asked request, moment Moment) answer {
	if len(asked.TransactItems) > mostWrites {
		return invalid("Member must have length less than or equal to %d", mostWrites)
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
	writes, reasons := make([]write, len(asked.TransactItems)), make([]map[string]any, len(asked.TransactItems))
	for i, each := range asked.TransactItems {
		if each.Update != nil && overlaps(each.Update) {
			return invalid("Invalid UpdateExpression: Two document paths overlap with each other")
		}
		writes[i], reasons[i] = m.judge(each.Put, each.Update, of(moment.Refusals, i))
	}
	if duplicate(writes) {
		return invalid("Transaction request cannot include multiple operations on one item")
	}
	if slices.ContainsFunc(reasons, cancels) {
		return cancelled(moment.reported(reasons))
	}
	t := &token{body: asked.body}
	m.tokens[asked.ClientRequestToken] = t
	for _, w := range writes {
		w.row.held = true
	}
	m.sleep(moment.Hold)
	committed := time.Now()
	for _, i := range moment.order(len(writes)) {
		m.sleep(time.Until(committed.Add(of(moment.Late, i))))
		writes[i].row.put(writes[i].after, moment.Lag)
		writes[i].row.held = false
	}
	t.done, t.expires = true, time.Now().Add(tokenLife)
	return ok(map[string]any{})
}

func duplicate(writes []write) bool {
	seen := map[*row]bool{}
	for _, w := range writes {
		if seen[w.row] && w.row != nil {
			return true
		}
		seen[w.row] = true
	}
	return false
}

// reported returns the reasons without those that the moment hides. If none would be left,
// it returns all, because DynamoDB always reports at least one.
func (m Moment) reported(reasons []map[string]any) []map[string]any {
	left := slices.Clone(reasons)
	for i, r := range reasons {
		if of(m.Unreported, i) && r["Code"] == "ConditionalCheckFailed" {
			left[i] = reason("None", "")
		}
	}
	if !slices.ContainsFunc(left, cancels) {
		return reasons
	}
	return left
}

// sleep unlocks the model for a time, so that other requests can run.
func (m *Model) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	m.mu.Unlock()
	defer m.mu.Lock()
	time.Sleep(d)
}

// order returns the positions of the writes, sorted by their Late times.
func (m Moment) order(writes int) []int {
	positions := make([]int, writes)
	for i := range positions {
		positions[i] = i
	}
	slices.SortStableFunc(positions, func(i, j int) int { return cmp.Compare(of(m.Late, i), of(m.Late, j)) })
	return positions
}

// transactGetItems reads all items at the same moment. It is cancelled if a transaction has
// locked one of them.
func (m *Model) transactGetItems(asked request) answer {
	responses, reasons := []any{}, []map[string]any{}
	for _, each := range asked.TransactItems {
		t, problem := m.table(*each.Get)
		if t == nil {
			return problem
		}
		row := t.row(each.Get.Key)
		responses = append(responses, withItem(map[string]any{}, row.now()))
		if row.held {
			reasons = append(reasons, reason("TransactionConflict", "Transaction is ongoing for the item"))
		} else {
			reasons = append(reasons, reason("None", ""))
		}
	}
	if slices.ContainsFunc(reasons, cancels) {
		return cancelled(reasons)
	}
	return ok(map[string]any{"Responses": responses})
}

// judge checks one write, a put or an update, and returns it with its cancellation reason
// or "None". A refusal other than "" is the reason unless the item is locked.
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
		return write{row: row}, reason("TransactionConflict", "Transaction is ongoing for the item")
	}
	if refusal != "" {
		return write{row: row}, reason(refusal, "refused by chance")
	}
	before := row.now()
	switch fine, err := holds(asked.ConditionExpression, before, asked); {
	case err != nil:
		return write{}, reason("ValidationError", err.Error())
	case !fine:
		failed := reason("ConditionalCheckFailed", "The conditional request failed")
		if asked.ReturnValuesOnConditionCheckFailure != "ALL_OLD" {
			return write{row: row}, failed
		}
		return write{row: row}, withItem(failed, before)
	}
	if put != nil {
		return write{row, put.Item}, reason("None", "")
	}
	if before == nil {
		before = key
	}
	after, err := change(before, asked)
	if err != nil {
		return write{}, reason("ValidationError", err.Error())
	}
	return write{row, after}, reason("None", "")
}

func cancels(reason map[string]any) bool { return reason["Code"] != "None" }

func reason(code, message string) map[string]any {
	if code == "None" {
		return map[string]any{"Code": code}
	}
	return map[string]any{"Code": code, "Message": message}
}
