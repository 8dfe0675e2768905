package dynamodbmodel

import (
	"cmp"
	"slices"
)

func (m *Model) getItem(asked request) answer {
	t, problem := m.table(asked)
	if t == nil {
		return problem
	}
	row := t.row(asked.Key)
	found := row.now()
	if !asked.ConsistentRead {
		found = row.eventually()
	}
	return ok(withItem(map[string]any{}, found))
}

// putItem is an atomic write of one item, at once.
func (m *Model) putItem(asked request, moment Moment) answer {
	t, problem := m.table(asked)
	if t == nil {
		return problem
	}
	row := t.row(asked.Item)
	if row.held {
		return refused("TransactionConflictException", "Transaction is ongoing for the item")
	}
	switch fine, err := holds(asked.ConditionExpression, row.now(), asked.ExpressionAttributeValues); {
	case err != nil:
		return invalid("ConditionExpression: %v", err)
	case !fine && asked.ReturnValuesOnConditionCheckFailure == "ALL_OLD" && row.now() != nil:
		return refused("ConditionalCheckFailedException", "The conditional request failed", "Item", row.now())
	case !fine:
		return refused("ConditionalCheckFailedException", "The conditional request failed")
	}
	row.put(asked.Item, moment.Lag)
	return ok(map[string]any{})
}

func (m *Model) batchWriteItem(asked request, moment Moment) answer {
	for name, writes := range asked.RequestItems {
		t, problem := m.table(request{TableName: name, failure: asked.failure})
		if t == nil {
			return problem
		}
		for _, write := range writes {
			t.row(write.PutRequest.Item).put(write.PutRequest.Item, moment.Lag)
		}
	}
	return ok(map[string]any{})
}

// scan is a consistent one of a whole table.
func (m *Model) scan(asked request) answer {
	t, problem := m.table(asked)
	if t == nil {
		return problem
	}
	if !asked.ConsistentRead {
		return invalid("a Scan that is not consistent is not modelled")
	}
	found := []item{}
	for _, key := range t.keys() {
		if row := t.rows[key]; row.now() != nil {
			found = append(found, row.now())
		}
	}
	return ok(map[string]any{"Items": found})
}

// query reads one partition of an index.
func (m *Model) query(asked request) answer {
	t, problem := m.table(asked)
	if t == nil {
		return problem
	}
	by, known := t.indexes[asked.IndexName]
	if !known || asked.KeyConditionExpression != by.partition+" = :user" {
		return invalid("a Query of index %q where %s is not modelled", asked.IndexName, asked.KeyConditionExpression)
	}
	direction := 1
	if asked.ScanIndexForward != nil && !*asked.ScanIndexForward {
		direction = -1
	}
	order := func(a, b item) int {
		return direction * cmp.Or(cmp.Compare(a[by.sort]["S"], b[by.sort]["S"]), cmp.Compare(a[t.key]["S"], b[t.key]["S"]))
	}
	found := []item{}
	for _, key := range t.keys() {
		seen := t.rows[key].eventually()
		if seen == nil || seen[by.partition]["S"] != asked.ExpressionAttributeValues[":user"]["S"] {
			continue
		}
		if asked.ExclusiveStartKey == nil || order(asked.ExclusiveStartKey, seen) < 0 {
			found = append(found, seen)
		}
	}
	slices.SortFunc(found, order)
	return ok(map[string]any{"Items": found[:min(asked.Limit, len(found))]})
}

// table is the table that a request names, or nil and what is wrong.
func (m *Model) table(asked request) (*table, answer) {
	if asked.failure != nil {
		return nil, invalid("not modelled: %v", asked.failure)
	}
	t, known := m.tables[asked.TableName]
	if !known {
		return nil, refused("ResourceNotFoundException", "Cannot do operations on a non-existent table")
	}
	return t, answer{}
}

// withItem adds an item to an answer, if there is one.
func withItem(body map[string]any, i item) map[string]any {
	if i != nil {
		body["Item"] = i
	}
	return body
}
