package events_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"onewrite/infra/infratest/faults"
)

// applied records the writes that DynamoDB applied, by their first rows' ids. The streams
// must report exactly these writes.
type applied struct {
	mu     sync.Mutex
	writes map[string]write
}

type write struct {
	older bool
	rows  []image
	moves map[string]movement // by user
}

// movement is a change to a balance: the sum added, and the number of rows, which is added
// to the version.
type movement struct{ sum, rows string }

// note returns a fault that delivers each request and records the writes that DynamoDB
// applies. If older is true, it first removes transaction_id, which older versions do not
// set.
func (a *applied) note(older bool) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if older {
			body = transactionID.ReplaceAll(body, nil)
		}
		made := write{older: older, moves: map[string]movement{}}
		if err := made.read(body); err != nil {
			return nil, err
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answer, err := deliver()
		if err == nil && answer.StatusCode == http.StatusOK && made.rows != nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.writes[made.rows[0].text("id")] = made // the same request sent again is the same write
		}
		return answer, err
	}
}

// transactionID matches the parts of an update that set transaction_id.
var transactionID = regexp.MustCompile(`, transaction_id = :id|,":id":\{"S":"[^"]*"\}|":id":\{"S":"[^"]*"\},`)

func (w *write) read(body []byte) error {
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
	if request.Item != nil {
		w.rows = append(w.rows, request.Item)
	}
	for _, one := range request.TransactItems {
		if one.Put != nil {
			w.rows = append(w.rows, one.Put.Item)
			continue
		}
		user := one.Update.Key.text("user_id")
		if strings.HasPrefix(user, " ") { // a refund account, which belongs to no user
			continue
		}
		values := one.Update.ExpressionAttributeValues
		sum, rows := minus(values.text(":amount"), "0"), minus(values.text(":one"), "0") // minus 0, for the notation that minus returns
		if strings.Contains(one.Update.UpdateExpression, " - :amount") {
			sum = minus("0", sum)
		}
		w.moves[user] = movement{sum, rows}
	}
	return nil
}
