package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// request is a request to DynamoDB, as the console shows it.
type request struct {
	Operation string `json:"operation"`
	Token     string `json:"token,omitempty"` // the same for all attempts at one write
	Items     []item `json:"items"`
}

// item is one read or write of a request, with its condition.
type item struct {
	Action    string `json:"action"`
	Table     string `json:"table"`
	Key       string `json:"key,omitempty"`
	Row       string `json:"row,omitempty"` // a summary of the row to write
	Condition string `json:"condition,omitempty"`
	Update    string `json:"update,omitempty"`
}

func (i item) name() string { return i.Table + " " + i.Key }

// result summarizes DynamoDB's response, or gives the reason if there was none.
type result struct {
	Outcome string   `json:"outcome,omitempty"` // "ok", "request lost", "answer lost", "no answer", or DynamoDB's name for an error
	Reasons []string `json:"reasons,omitempty"` // why a write was cancelled, one per item: "None" if not because of that item
}

// message is the JSON of a request to DynamoDB, or of one write within it.
type message struct {
	TableName, IndexName      string
	Key, Item                 map[string]value
	ConditionExpression       string
	KeyConditionExpression    string
	UpdateExpression          string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]value
	ClientRequestToken        string
	TransactItems             []map[string]message
}

// value is a DynamoDB string, number or list.
type value struct {
	S, N string
	L    []value
}

func (v value) String() string {
	if v.L != nil {
		return fmt.Sprint(v.L)
	}
	return cmp.Or(v.N, v.S)
}

func parseRequest(operation string, body []byte) (request, error) {
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return request{}, err
	}
	r := request{Operation: operation, Token: m.ClientRequestToken}
	for _, write := range m.TransactItems {
		for action, one := range write {
			r.Items = append(r.Items, one.item(action))
		}
	}
	if m.TransactItems == nil {
		r.Items = []item{m.item(strings.TrimSuffix(operation, "Item"))}
	}
	return r, nil
}

// item returns the read or write that a message describes. The key of a Put is the item's
// id. Other actions have a key of one attribute, or none.
func (m message) item(action string) item {
	key := m.Item["id"].String()
	for _, value := range m.Key {
		key = value.String()
	}
	table := m.TableName
	if m.IndexName != "" {
		table += ", index " + m.IndexName
	}
	return item{
		Action:    action,
		Table:     table,
		Key:       key,
		Row:       m.row(),
		Condition: m.readable(m.ConditionExpression + m.KeyConditionExpression),
		Update:    m.readable(m.UpdateExpression),
	}
}

// row summarizes the row that a message puts, or returns "" if it puts none.
func (m message) row() string {
	if m.Item == nil {
		return ""
	}
	if account := m.Item["account"].String(); account != "" {
		return fmt.Sprintf("rules of user %s, %s", account, m.Item["status"])
	}
	text := fmt.Sprintf("%s of %s, user %s, %s", m.Item["type"], m.Item["ammount"], m.Item["user_id"], m.Item["status"])
	if entries := len(m.Item["entries"].L); entries > 0 {
		text += fmt.Sprintf(", first of %d entries", entries)
	}
	return text
}

var placeholder = regexp.MustCompile(`[:#]\w+`)

// readable returns the expression with its placeholders replaced by names and values.
func (m message) readable(expression string) string {
	return placeholder.ReplaceAllStringFunc(expression, func(name string) string {
		return cmp.Or(m.ExpressionAttributeNames[name], m.ExpressionAttributeValues[name].String(), name)
	})
}

func parseResult(status int, body []byte) result {
	if status == http.StatusOK {
		return result{Outcome: "ok"}
	}
	var problem struct {
		Type                string `json:"__type"`
		CancellationReasons []struct{ Code string }
	}
	if err := json.Unmarshal(body, &problem); err != nil {
		return result{Outcome: http.StatusText(status)}
	}
	r := result{Outcome: problem.Type[strings.LastIndex(problem.Type, "#")+1:]}
	for _, reason := range problem.CancellationReasons {
		r.Reasons = append(r.Reasons, reason.Code)
	}
	return r
}
