package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// wire passes requests on to DynamoDB and notes every applied write: the streams must report
// exactly these. Callers above it may lose requests and answers.
type wire struct {
	*httptest.Server
	dynamodb string
	older    bool // whether a version without transaction_id writes here
	applied  *applied
}

// applied holds the writes on all wires by their first rows' ids.
type applied struct {
	mu     sync.Mutex
	writes map[string]write
}

// write is a write that DynamoDB applied.
type write struct {
	older bool
	rows  []image
	moves map[string]movement // by user
}

// movement is one change to a balance: the sum added, and the rows counted.
type movement struct{ sum, rows string }

func newWire(t *testing.T, endpoint string, older bool, to *applied) *wire {
	w := &wire{dynamodb: endpoint, older: older, applied: to}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if err := w.pass(out, r); err != nil {
			assert.NoError(t, err, "pass a request on")
			out.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

// pass sends a request on and notes it if it is applied. It waits for the answer even if the caller
// has been killed.
func (w *wire) pass(out http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil //nolint:nilerr // the caller was killed as it sent
	}
	if w.older {
		body = withoutTransactionID(body)
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, w.dynamodb, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = r.Header.Clone()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode == http.StatusOK {
		if err := w.note(body); err != nil {
			return err
		}
	}
	maps.Copy(out.Header(), answer.Header)
	out.WriteHeader(answer.StatusCode)
	_, _ = out.Write(text) // a killed caller does not read it
	return nil
}

// withoutTransactionID turns a request into the older version's, which did not set transaction_id.
// DynamoDB rejects unused values, so :id goes too.
func withoutTransactionID(body []byte) []byte {
	var request map[string]any
	if json.Unmarshal(body, &request) != nil {
		return body
	}
	items, _ := request["TransactItems"].([]any)
	for _, one := range items {
		if update, ok := one.(map[string]any)["Update"].(map[string]any); ok {
			update["UpdateExpression"] = strings.Replace(update["UpdateExpression"].(string), ", transaction_id = :id", "", 1)
			delete(update["ExpressionAttributeValues"].(map[string]any), ":id")
		}
	}
	changed, err := json.Marshal(request)
	if err != nil {
		return body
	}
	return changed
}

// note notes a request's write. The same request sent again with its token is the same write.
func (w *wire) note(body []byte) error {
	var request struct {
		Item          image // for a PutItem
		TransactItems []struct {
			Put    *struct{ Item image }
			Update *struct {
				Key, ExpressionAttributeValues image
				UpdateExpression               string
			}
		}
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return err
	}
	made := write{older: w.older, moves: map[string]movement{}}
	if request.Item != nil {
		made.rows = append(made.rows, request.Item)
	}
	for _, one := range request.TransactItems {
		if one.Put != nil {
			made.rows = append(made.rows, one.Put.Item)
			continue
		}
		user := one.Update.Key.text("user_id")
		if strings.HasPrefix(user, " ") { // a refund account, which no user has
			continue
		}
		values := one.Update.ExpressionAttributeValues
		sum, rows := minus(values.text(":amount"), "0"), minus(values.text(":one"), "0") // as minus writes numbers
		if strings.Contains(one.Update.UpdateExpression, " - :amount") {
			sum = minus("0", sum)
		}
		made.moves[user] = movement{sum, rows}
	}
	if made.rows != nil {
		w.applied.mu.Lock()
		defer w.applied.mu.Unlock()
		w.applied.writes[made.rows[0].text("id")] = made
	}
	return nil
}
