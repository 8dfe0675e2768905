package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// A restore from point-in-time recovery, as infra/operations.md describes it,
// with a scan of each table into a new one in place of the restore: two tables
// that go on being written to are brought back as they were at two moments,
// with some changes of a transaction and not the others. Then the books are
// audited, repaired and audited, and callers send all they ever sent again.
// Whatever came back, each key counts once and has one outcome.
//
// What a caller finds who sends a call again after a restore:
//
//   - the row came back: the first answer, and Replayed. It counts once.
//   - the row did not come back, because it was written after the moment of
//     the restored table: the key is unused again. The call is posted or
//     declined anew, on the balance of now, whatever was answered before the
//     restore: what was posted may be declined, and the other way round. It
//     counts once, because a repaired balance holds what the rows say and
//     nothing else.
//   - the row did not come back and its move did, in a balance that was not
//     repaired: it counts twice. So nobody may post before the audit is right.
//
// The balances are restored to an earlier moment than the transactions, or not
// at all: then every move that came back has its row, and the rows determine
// every balance. The other way round the repair leaves the users who moved in
// between, and it is for a person to restore the transactions of a later
// moment, or to say that what has no row did not happen: by removing the row of
// the balance, which the repair then makes anew.
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		restore func(t *testing.T, d *drill)
		kept    bool // users are left by the first repair
	}{
		{"balances of an earlier moment", func(t *testing.T, d *drill) {
			d.restore(t, d.live.Config.AggregateTable, d.restored.Config.AggregateTable)
			d.letPost()
			d.restore(t, d.live.Config.TransactionsTable, d.restored.Config.TransactionsTable)
		}, false},
		{"no balances", func(t *testing.T, d *drill) {
			d.restore(t, d.live.Config.TransactionsTable, d.restored.Config.TransactionsTable)
		}, false},
		{"balances of a later moment", func(t *testing.T, d *drill) {
			d.restore(t, d.live.Config.TransactionsTable, d.restored.Config.TransactionsTable)
			d.letPost()
			d.restore(t, d.live.Config.AggregateTable, d.restored.Config.AggregateTable)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDrill(t)
			d.letPost()
			c.restore(t, d)
			d.letPost()
			d.stop()
			all, more := infratest.Request(t, "spender", "all", ledger.Debit, "1100"), infratest.Request(t, "spender", "more", ledger.Debit, "1")
			assert.Equal(t, ledger.Posted, d.call(t, all).Status)
			assert.Equal(t, ledger.Declined, d.call(t, more).Status)

			status, out, _ := command(t, d.restored, "-settle", "10ms")
			assert.Equal(t, exitWrong, status, "the moments were not the same: %s", out)
			status, found := repaired(t, d.restored, "-write")
			if c.kept {
				assert.Equal(t, exitWrong, status)
				assert.NotEmpty(t, found.Kept)
				for _, f := range found.Kept {
					change(t, d.restored, d.restored.Config.AggregateTable, fmt.Sprintf("DELETE FROM ? WHERE user_id = '%s'", f.UserID))
				}
				status, found = repaired(t, d.restored, "-write")
			}
			assert.Equal(t, exitRight, status, "%+v", found)
			status, out, _ = command(t, d.restored, "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)

			assert.Equal(t, ledger.Posted, d.sendAgain(t, more).Status, "its key is unused again")
			assert.Equal(t, ledger.Declined, d.sendAgain(t, all).Status)
			d.sendAllAgain(t)
			status, out, _ = command(t, d.restored, "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)
		})
	}
}

// drill has books that callers post to, and those that come of a restore.
type drill struct {
	live, restored *infratest.Books
	callers        sync.WaitGroup
	stopped        context.Context
	stop           func() // and wait for the callers

	mu       sync.Mutex
	posted   *sync.Cond
	outcomes []ledger.Transaction // of all calls, each of a key of its own
}

const drillUsers = 8

func newDrill(t *testing.T) *drill {
	t.Helper()
	stopped, stop := context.WithCancel(t.Context())
	d := &drill{live: infratest.New(t), restored: infratest.New(t), stopped: stopped}
	d.posted = sync.NewCond(&d.mu)
	d.stop = func() { stop(); d.callers.Wait() }
	t.Cleanup(d.stop)
	for user := range drillUsers {
		d.call(t, infratest.Request(t, fmt.Sprint("user-", user), "first", ledger.Credit, "10000"))
	}
	d.call(t, infratest.Request(t, "spender", "first", ledger.Credit, "1000"))
	for caller := range 4 {
		d.callers.Go(func() {
			for i := 0; d.stopped.Err() == nil; i++ {
				kind := []ledger.Type{ledger.Credit, ledger.Debit}[rand.N(2)]
				amount := fmt.Sprintf("%d.%02d", 1+rand.N(30), rand.N(100))
				if rand.N(5) == 0 { // declined
					kind, amount = ledger.Debit, "1000000"
				}
				d.call(t, infratest.Request(t, fmt.Sprint("user-", rand.N(drillUsers)), fmt.Sprint(caller, "-", i), kind, amount))
				time.Sleep(callerPause)
			}
		})
	}
	return d
}

// call posts to the live books, and returns the outcome and keeps it.
func (d *drill) call(t *testing.T, r ledger.Request) ledger.Transaction {
	result, err := outcomeOf(d.live.Ledger.Post(context.WithoutCancel(t.Context()), r))
	assert.NoError(t, err)
	assert.False(t, result.Replayed)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outcomes = append(d.outcomes, result.Transaction)
	d.posted.Broadcast()
	return result.Transaction
}

// outcomeOf returns the result that was posted or declined.
func outcomeOf(result ledger.Result, err error) (ledger.Result, error) {
	if declined, ok := errors.AsType[*ledger.DeclinedError](err); ok {
		return declined.Result, nil
	}
	return result, err
}

// letPost returns after some more calls.
func (d *drill) letPost() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for until := len(d.outcomes) + 4*drillUsers; len(d.outcomes) < until; {
		d.posted.Wait()
	}
}

// restore copies the rows of a table, in which others write, to another.
func (d *drill) restore(t *testing.T, from, to string) {
	t.Helper()
	client := infra.NewClient(d.live.Config, patient)
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &from, ConsistentRead: aws.Bool(true), Limit: aws.Int32(20)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for batch := range slices.Chunk(page.Items, 25) {
			var puts []types.WriteRequest
			for _, item := range batch {
				puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
			}
			_, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{to: puts}})
			require.NoError(t, err)
		}
	}
}

// sendAgain posts to the restored books.
func (d *drill) sendAgain(t *testing.T, r ledger.Request) ledger.Transaction {
	t.Helper()
	now, err := outcomeOf(d.restored.Ledger.Post(t.Context(), r))
	require.NoError(t, err)
	again, err := outcomeOf(d.restored.Ledger.Post(t.Context(), r))
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: now.Transaction, Replayed: true}, again)
	return now.Transaction
}

// sendAllAgain sends all calls again, in any order.
func (d *drill) sendAllAgain(t *testing.T) {
	t.Helper()
	var replayed, anew int
	for _, i := range rand.Perm(len(d.outcomes)) {
		before := d.outcomes[i]
		stored, err := d.restored.Ledger.Transaction(t.Context(), before.ID)
		now := d.sendAgain(t, infratest.RequestOf(before))
		if err == nil {
			replayed++
			assert.Equal(t, stored, now)
		} else {
			anew++
			assert.ErrorIs(t, err, ledger.ErrNotFound)
		}
		if before.UserID.String() != "spender" { // whose outcomes are others now
			assert.Equal(t, before.Status, now.Status)
			assert.Equal(t, err == nil, assert.ObjectsAreEqual(before, now), "the first answer, if it came back")
		}
	}
	assert.Equal(t, len(d.outcomes), d.restored.Rows(t), "one row for each key")
	assert.Positive(t, replayed)
	assert.Positive(t, anew)
	t.Logf("%d calls replayed, %d anew", replayed, anew)
}

// What a call counts for that is sent again before the audit is right: twice.
func TestCallSentAgainBeforeRepair(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10", "-5")
	b.Damage(t, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+idOf(t, "1", "2")+"'") // its move came back
	post(t, b.Ledger, "1", "+10", "-5")
	assert.Equal(t, "100", b.Balance(t, "1"), "the debit counts twice")
	status, found := repaired(t, b, "-write")
	assert.Equal(t, exitWrong, status)
	require.Len(t, found.Kept, 1)
	assert.Contains(t, found.Kept[0].Detail, "it counts 1 whose rows are gone")
}
