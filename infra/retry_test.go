package infra_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// longest is a jitter that always returns the longest delay.
func longest(bound time.Duration) time.Duration { return bound - 1 }

// first limits a fault to the first requests of an operation.
func first(requests int, operation string, fault faults.Fault) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if faults.Operation(r) != operation || requests == 0 {
			return deliver()
		}
		requests--
		return fault(r, deliver)
	}
}

// The delays after a conflict differ from those after any other transient error.
func TestDelays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault faults.Fault
		want  time.Duration // the sum of the delays after three failed attempts
	}{
		{"conflict", faults.Conflict, (20 + 180) * time.Millisecond},
		{"throttled", faults.Throttle, (25 + 50 + 100) * time.Millisecond},
		{"lost", faults.LoseRequest, (25 + 50 + 100) * time.Millisecond},
	} {
		for _, operation := range []string{"TransactWriteItems", "PutItem"} {
			onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
				store := books.Over(first(3, operation, c.fault).Before(model), infra.WithJitter(longest))
				began := time.Now()
				_, err := ledger.New(store, time.Now).Post(t.Context(), infratest.Request(t, "1", "k", ledger.Debit, "1000"))
				require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
				assert.Equal(t, c.want, time.Since(began), "%s of %s", c.name, operation)
			})
		}
	}
}

// A call fails at once if the next delay would last beyond its deadline.
func TestNoTimeForAnotherAttempt(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		store := books.Over(faults.Conflict.Before(model), infra.WithJitter(longest))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		var trace ledger.Trace
		began := time.Now()
		_, err := ledger.New(store, time.Now).Post(ledger.WithTrace(ctx, &trace), infratest.Request(t, "1", "k", ledger.Credit, "10"))
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.ErrorContains(t, err, "no time for another attempt")
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 20*time.Millisecond, time.Since(began)) // the second delay would take the remaining 180 ms
		assert.Equal(t, 1, trace.Retries)
	})
}

// A call without a deadline gives up after 1,000 attempts.
func TestAttemptsEnd(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		books.Network.Always(faults.ServerError)
		_, err := books.Ledger.Balance(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10").UserID())
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.Len(t, books.Network.Requests(), 1000)
		books.Network.Always(nil)
	})
}

// An attempt without an answer ends after one second. If DynamoDB is still processing it,
// further attempts are rejected until it is applied. The next one then returns the outcome.
func TestTransactionInProgress(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		attempts := 0
		wire := faults.NewWire(func() faults.Delivery {
			if attempts++; attempts == 1 {
				return faults.Delivery{To: model.At(dynamodbmodel.Moment{Hold: 1500 * time.Millisecond})}
			}
			return faults.Delivery{To: model}
		})
		var trace ledger.Trace
		began := time.Now()
		posted, err := ledger.New(books.Over(wire, infra.WithJitter(longest)), time.Now).
			Post(ledger.WithTrace(t.Context(), &trace), infratest.Request(t, "1", "k", ledger.Credit, "10"))
		require.NoError(t, err)
		assert.False(t, posted.Replayed, "the first answer that its caller gets")
		assert.Equal(t, 1000*time.Millisecond+(25+50+100+200+400)*time.Millisecond, time.Since(began))
		assert.Equal(t, 5, trace.Retries, "the last four of which found it in progress")
		wire.Settle()
		assert.Equal(t, "110", books.Balance(t, "1"))
	})
}
