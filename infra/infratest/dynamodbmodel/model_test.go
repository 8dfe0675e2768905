package dynamodbmodel_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/storetest"
	"onewrite/infra/internal/tables"
	"onewrite/ledger"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// The store passes its acceptance suite on the model with locked items and delayed indexes.
func TestStoreOnModel(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) *infratest.Books {
		books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{Hold: time.Millisecond, Lag: time.Millisecond})
		return books
	})
}

// both sends each request to DynamoDB Local and to the model, and compares the answers.
type both struct {
	t        *testing.T
	local    http.RoundTripper
	model    http.RoundTripper
	compared int
}

func (b *both) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var answers [2][]byte
	var response *http.Response
	for i, each := range []http.RoundTripper{b.model, b.local} {
		copied := r.Clone(r.Context())
		copied.Body = io.NopCloser(bytes.NewReader(body))
		if response, err = each.RoundTrip(copied); err != nil {
			return nil, err
		}
		if answers[i], err = io.ReadAll(response.Body); err != nil {
			return nil, err
		}
		_ = response.Body.Close()
	}
	assert.Equal(b.t, content(b.t, answers[1]), content(b.t, answers[0]), "the model's answer to %s", body)
	b.compared++
	response.Body = io.NopCloser(bytes.NewReader(answers[1]))
	return response, nil
}

// content decodes the parts of an answer that a store reads.
func content(t *testing.T, body []byte) (c struct {
	Type                string       `json:"__type"`
	Item                attributes   `json:"Item"`
	Items               []attributes `json:"Items"`
	CancellationReasons []struct {
		Code string
		Item attributes
	}
}) {
	assert.NoError(t, json.Unmarshal(body, &c), "%s", body)
	return c
}

// attributes are the attributes of one item. Numbers are compared by value, because
// DynamoDB Local returns a sum as "79.70".
type attributes map[string]struct {
	S string
	N number
}

type number string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *number) UnmarshalText(text []byte) error {
	d, _, err := apd.NewFromString(string(text))
	if err == nil {
		d.Reduce(d)
		*n = number(d.Text('f'))
	}
	return err
}

// The model and DynamoDB Local give the same answers to a sequence of requests.
func TestModelAnswersAsDynamoDBLocal(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	pair := &both{t: t, local: transport, model: dynamodbmodel.New(tables.Definitions(books.Config))}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := ledger.New(books.Over(pair), func() time.Time { now = now.Add(time.Millisecond); return now })
	chance := rand.New(rand.NewPCG(1, 1))
	amounts := []string{"0.01", "0.1", "10", "99.9", "100", "100.01", "1000000000000"}
	for range 300 {
		kind := []ledger.Type{ledger.Credit, ledger.Debit, ledger.Debit}[chance.IntN(3)]
		r := infratest.Request(t, fmt.Sprint(chance.IntN(8)), fmt.Sprint(chance.IntN(12)), kind, amounts[chance.IntN(len(amounts))])
		switch chance.IntN(10) {
		case 0:
			_, _ = l.Balance(t.Context(), r.UserID())
		case 1:
			_, _ = l.Transaction(t.Context(), r.TransactionID())
		case 2:
			page, err := l.History(t.Context(), r.UserID(), ledger.Cursor{}, 2)
			require.NoError(t, err)
			_, err = l.History(t.Context(), r.UserID(), page.Next, 2)
			require.NoError(t, err)
		default:
			_, _ = l.Post(t.Context(), r)
		}
	}
	assert.Greater(t, pair.compared, 300)
}
