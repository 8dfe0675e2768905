package faults

import (
	"encoding/json"
	"net/http"
)

// Access is an action on a table or an index that IAM must allow.
type Access struct{ Action, Table, Index string }

// Record returns a fault that delivers every request and first reports the access that the request
// needs. A transaction needs access for each of its writes.
func Record(report func(Access)) Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		body, err := Body(r)
		if err != nil {
			return nil, err
		}
		var asked struct {
			TableName, IndexName string
			TransactItems        []map[string]struct{ TableName string }
		}
		if err := json.Unmarshal(body, &asked); err != nil {
			return nil, err
		}
		if asked.TableName != "" {
			report(Access{"dynamodb:" + Operation(r), asked.TableName, asked.IndexName})
		}
		for _, write := range asked.TransactItems {
			for action, on := range write { // Put, Update, Delete or ConditionCheck
				report(Access{"dynamodb:" + action + "Item", on.TableName, ""})
			}
		}
		return deliver()
	}
}
