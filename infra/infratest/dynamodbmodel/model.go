// Package dynamodbmodel is DynamoDB in memory, as much as a ledger's store needs, to
// stand under the real client in tests. It does what DynamoDB promises and DynamoDB
// Local does not show:
//
//   - a transaction holds its items from its checks to its commit, and until then,
//     other writes to one of them are refused with the reason TransactionConflict,
//     whatever their conditions;
//   - each write in a transaction is judged by itself, so reasons are mixed;
//   - while a transaction commits, an ordinary read sees some of its writes and not the
//     others, and another transaction that reads one of its items is cancelled;
//   - a read that does not ask for consistency, and every index read, sees a write only
//     some time after it;
//   - a ClientRequestToken is good for ten minutes, refused while its first
//     request is under way, and refused with another request.
//
// It decides nothing by chance: a [Moment] defines what happens to a request, and in a
// [testing/synctest] bubble its time is the bubble's. It refuses what it does not
// model, with a ValidationException.
package dynamodbmodel

import (
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Model is one DynamoDB. It is an [http.RoundTripper], safe for concurrent use,
// to which nothing happens by chance; see [Model.At].
type Model struct {
	mu     sync.Mutex
	tables map[string]*table
	tokens map[string]*token
}

// Moment is what chance does to one request.
type Moment struct {
	Hold time.Duration // from a transaction's checks to its commit
	Lag  time.Duration // until eventually consistent reads see its writes

	// These are by the write's position in its transaction. A position beyond the end
	// has none.

	// Late are the times from the commit until the item is written and free.
	Late []time.Duration

	// Refusals are reasons to cancel an otherwise valid transaction:
	// "TransactionConflict", as if another transaction held the item, or
	// "ThrottlingError". "" is none.
	Refusals []string

	// Unreported are failed conditions that DynamoDB does not report, unless no other
	// fails.
	Unreported []bool
}

// of returns the value in a position, or the zero value.
func of[T any](all []T, position int) (one T) {
	if position < len(all) {
		one = all[position]
	}
	return one
}

// New makes a DynamoDB with these tables, empty.
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

// At returns the same DynamoDB, to which the moment happens.
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
