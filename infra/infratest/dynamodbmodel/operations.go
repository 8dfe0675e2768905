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

// putItem writes one item immediately. Unlike a transaction, it does not lock the item.
func (m *Model) putItem(asked request, moment Moment) answer {
	t, problem := m.table(asked)
	if t == nil {
		return problem
	}
	w, why := m.judge(&asked, nil, "")
	switch code := why["Code"].(string); code {
	case "None":
		w.row.put(w.after, moment.Lag)
		return ok(map[string]any{})
	case "ValidationError":
		return invalid("%s", why["Message"])
	default: // a conflict or a failed condition
		a := refused(code+"Exception", why["Message"])
		old, _ := why["Item"].(item)
		withItem(a.body, old)
		return a
	}
}

func (m *Model) batchWriteItem(asked request, moment Moment) answer {
	for name, writes := range asked.RequestItems {
		t, problem := m.table(request{TableName: name})
		if t == nil {
			return problem
		}
		for _, write := range writes {
			t.row(write.PutRequest.Item).put(write.PutRequest.Item, moment.Lag)
		}
	}
	return ok(map[string]any{})
}

// scan reads a page of a table, or of one of its segments.
func (m *Model) scan(asked request) answer {
	t, problem := m.table(asked)
	if t == nil {
		return problem
	}
	if asked.ProjectionExpression != "" && asked.ProjectionExpression != t.key {
		return invalid("not modelled: ProjectionExpression %q", asked.ProjectionExpression)
	}
	found := []item{}
	for _, key := range t.segment(asked.Segment, asked.TotalSegments) {
		if asked.ExclusiveStartKey != nil && key <= asked.ExclusiveStartKey[t.key].text() {
			continue
		}
		seen := t.rows[key].eventually()
		if asked.ConsistentRead {
			seen = t.rows[key].now()
		}
		if seen != nil && asked.ProjectionExpression != "" {
			seen = item{t.key: seen[t.key]}
		}
		if seen != nil {
			found = append(found, seen)
		}
		if asked.Limit > 0 && len(found) == asked.Limit {
			return ok(map[string]any{"Items": found, "LastEvaluatedKey": item{t.key: {"S": key}}})
		}
	}
	return ok(map[string]any{"Items": found})
}

// query reads a page from one partition of an index.
func (m *Model) query(asked request) answer {
	t, problem := m.table(asked)
	if t == nil {
		return problem
	}
	by, known := t.indexes[asked.IndexName]
	if !known {
		return invalid("a Query of index %q is not modelled", asked.IndexName)
	}
	direction := 1
	if asked.ScanIndexForward != nil && !*asked.ScanIndexForward {
		direction = -1
	}
	order := func(a, b item) int {
		return direction * cmp.Or(cmp.Compare(a[by.sort].text(), b[by.sort].text()), cmp.Compare(a[t.key].text(), b[t.key].text()))
	}
	found := []item{}
	for _, key := range t.keys() {
		seen := t.rows[key].eventually()
		matches, err := holds(asked.KeyConditionExpression, seen, &asked)
		if err != nil {
			return invalid("KeyConditionExpression: %v", err)
		}
		if matches && (asked.ExclusiveStartKey == nil || order(asked.ExclusiveStartKey, seen) < 0) {
			found = append(found, seen)
		}
	}
	slices.SortFunc(found, order)
	if len(found) <= asked.Limit {
		return ok(map[string]any{"Items": found})
	}
	found = found[:asked.Limit]
	last := found[len(found)-1]
	return ok(map[string]any{"Items": found, "LastEvaluatedKey": item{
		t.key: last[t.key], by.partition: last[by.partition], by.sort: last[by.sort],
	}})
}

// table returns the table that a request names, or nil and an error response.
func (m *Model) table(asked request) (*table, answer) {
	t, known := m.tables[asked.TableName]
	if !known {
		return nil, refused("ResourceNotFoundException", "Cannot do operations on a non-existent table")
	}
	return t, answer{}
}

func withItem(body map[string]any, i item) map[string]any {
	if i != nil {
		body["Item"] = i
	}
	return body
}
