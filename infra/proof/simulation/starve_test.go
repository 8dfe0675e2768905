package simulation_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// callTime is the time limit for a call, as in the function.
const callTime = 8 * time.Second

// Callers who pay each other all the time cause many conflicts, because each write locks two
// balances. Every call still succeeds within its time limit.
func TestNoTransferStarves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		callers, transfers int
		hold               time.Duration
	}{
		{2, 200, 5 * time.Millisecond},
		{2, 200, 20 * time.Millisecond},
		{3, 100, 10 * time.Millisecond},
		{6, 30, 10 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%d callers, %v", c.callers, c.hold), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { payInCircle(t, c.callers, c.transfers, c.hold) })
		})
	}
}

// payInCircle runs callers, each of whom pays the next in a circle, again and again. hold is how
// long each write locks its balances.
func payInCircle(t *testing.T, callers, transfers int, hold time.Duration) {
	books, model := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	conflicts := make([]int, callers)
	var all sync.WaitGroup
	for i := range callers {
		chance := rand.New(rand.NewPCG(uint64(i), uint64(hold)))
		wire := faults.NewWire(func() faults.Delivery {
			return faults.Delivery{
				To:   model.At(dynamodbmodel.Moment{Hold: hold}),
				Out:  time.Duration(chance.Int64N(int64(time.Millisecond))),
				Back: time.Millisecond,
			}
		})
		jitter := func(bound time.Duration) time.Duration { return time.Duration(chance.Int64N(int64(bound))) }
		payer := ledger.New(books.Over(wire, infra.WithJitter(jitter)), time.Now)
		var requests []ledger.Request
		for n := range transfers {
			requests = append(requests, infratest.Entries(t, fmt.Sprint(n), nameOf(i)+" debit 0.01", nameOf((i+1)%callers)+" credit 0.01"))
		}
		all.Go(func() {
			for n, r := range requests {
				ctx, cancel := context.WithTimeout(t.Context(), callTime)
				trace := new(ledger.Trace)
				_, err := payer.Post(ledger.WithTrace(ctx, trace), r)
				conflicts[i] += trace.Retries
				cancel()
				assert.NoError(t, err, "transfer %d of %s", n, nameOf(i))
			}
		})
	}
	all.Wait()
	assert.Positive(t, slices.Max(conflicts), "conflicts")
	for i := range callers {
		assert.Equal(t, "100", books.Balance(t, nameOf(i)))
	}
}
