// Package dynamodbmodel is an in-memory DynamoDB for tests, with the operations that a
// ledger's store needs. The real client uses it as its transport. The model also does
// these things, which DynamoDB can do but DynamoDB Local never does:
//
//   - a transaction locks its items from its checks to its commit. Until then, other
//     writes to them are rejected with the reason TransactionConflict, without a check
//     of their conditions;
//   - each write in a transaction is checked separately, so one answer can have several
//     different reasons;
//   - while a transaction commits, an ordinary read sees some of its writes and not
//     others, and a TransactGetItems of one of its items is cancelled;
//   - eventually consistent reads, and all index reads, see a write only some time
//     after it;
//   - a ClientRequestToken is valid for ten minutes. It is rejected while its first
//     request is running, and if it comes with a different request.
//
// Nothing is random: a [Moment] defines the delays and refusals for a request. In a
// [testing/synctest] bubble the model uses the bubble's time. It rejects anything that it
// does not support with a ValidationException.
package dynamodbmodel

import (
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Model is an in-memory DynamoDB. It is an [http.RoundTripper] and safe for concurrent use.
// By itself it adds no delays or refusals; see [Model.At].
type Model struct {
	mu     sync.Mutex
	tables map[string]*table
	tokens map[string]*token
}

// Moment defines the delays and refusals for one request. On AWS they happen by chance.
type Moment struct {
	Hold time.Duration // how long a transaction locks its items before the commit
	Lag  time.Duration // delay until eventually consistent reads see the writes

	// The slices below are indexed by the write's position in its transaction. Positions
	// beyond a slice's end have the zero value.

	// Late is the time from the commit until the item is written and unlocked.
	Late []time.Duration

	// Refusals are reasons to cancel an otherwise valid transaction: "TransactionConflict",
	// as if another transaction had locked the item, or "ThrottlingError". "" means no refusal.
	Refusals []string

	// Unreported removes a failed condition from the reported reasons, unless none would be
	// left. DynamoDB can do the same.
	Unreported []bool
}

// of returns the value at a position, or the zero value beyond the end.
func of[T any](all []T, position int) (one T) {
	if position < len(all) {
		one = all[position]
	}
	return one
}

// New returns a model with these tables, which are empty.
func New(tables []dynamodb.CreateTableInput) *Model {
	m := &Model{tables: map[string]*table{}, tokens: map[string]*token{}}
	for _, definition := range tables {
		t := &table{key: *definition.KeySchema[0].AttributeName, indexes: map[string]index{}, rows: map[string]*row{}}
		for _, i := range definition.GlobalSecondaryIndexes {
			t.indexes[*i.IndexName] = index{*i.KeySchema[0].AttributeName, *i.KeySchema[1].AttributeName}
		}
		m.tables[*definition.TableName] = t
	}
	return m
}

// RoundTrip implements [http.RoundTripper].
func (m *Model) RoundTrip(r *http.Request) (*http.Response, error) {
	return m.At(Moment{}).RoundTrip(r)
}

// At returns a transport to the same model that applies the moment to each request.
func (m *Model) At(moment Moment) http.RoundTripper { return at{m, moment} }

type at struct {
	model  *Model
	moment Moment
}

func (a at) RoundTrip(r *http.Request) (*http.Response, error) {
	asked, err := read(r)
	if err != nil {
		return nil, err
	}
	return a.model.answer(asked, a.moment).response(r), nil
}

func (m *Model) answer(asked request, moment Moment) answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if asked.failure != nil {
		return invalid("not modelled: %v", asked.failure)
	}
	switch asked.operation {
	case "GetItem":
		return m.getItem(asked)
	case "PutItem":
		return m.putItem(asked, moment)
	case "BatchWriteItem":
		return m.batchWriteItem(asked, moment)
	case "TransactWriteItems":
		return m.transactWriteItems(asked, moment)
	case "TransactGetItems":
		return m.transactGetItems(asked)
	case "Query":
		return m.query(asked)
	case "Scan":
		return m.scan(asked)
	}
	return invalid("operation %q is not modelled", asked.operation)
}
