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
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// This restores from point-in-time recovery, by a scan of each table into a new one: tables under
// writes come back as of different moments, and so do the rows of one transaction. After a rebuild
// and an audit, callers send all their calls again. Each key counts once, and all users together
// have the openings and the money that came in.
//
// A caller who sends a call again after a restore finds:
//
//   - the first answer, marked as a replay, if the row came back;
//   - a new outcome, on the present balance, if the row did not come back. A posted
//     transaction may be declined, and the other way round. It counts once.
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	transactions := func(t *testing.T, d *drill) {
		d.restore(t, d.live.Config.TransactionsTable, d.restored.Config.TransactionsTable)
	}
	balances := func(t *testing.T, d *drill) {
		d.restore(t, d.live.Config.AggregateTable, d.restored.Config.AggregateTable)
	}
	for _, c := range []struct {
		name     string
		settings ledger.Settings
		restore  []func(t *testing.T, d *drill)
	}{
		{"balances of an earlier moment", ledger.DefaultSettings(), []func(*testing.T, *drill){balances, transactions}},
		{"no balances", infratest.Settings(t, "KWD", "3", "0.125"), []func(*testing.T, *drill){transactions}},
		{"balances of a later moment", infratest.Settings(t, "EUR", "2", "0"), []func(*testing.T, *drill){transactions, balances}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDrill(t, c.settings)
			for _, restore := range c.restore {
				d.letPost()
				restore(t, d)
			}
			d.letPost()
			d.stop()

			status, out, _ := command(t, d.restored, "-rebuild", "-settle", "10ms")
			assert.Equal(t, exitWrong, status, "the moments were not the same: %s", out)
			status, out, _ = command(t, d.restored, "-rebuild", "-write", "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)
			require.NoError(t, d.restored.Check(t.Context()))
			status, out, _ = command(t, d.restored, "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)
			d.allowAll(t)
			d.sendAllAgain(t)
			status, out, _ = command(t, d.restored, "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)
		})
	}
}

// drill has books that callers post to, and their restored copy.
type drill struct {
	live, restored *infratest.Books
	callers        sync.WaitGroup
	stopped        context.Context
	stop           func() // waits for the callers

	mu       sync.Mutex
	posted   *sync.Cond
	outcomes []ledger.Transaction // each with its own key
	rules    []ledger.RulesRequest
}

const drillUsers = 8

func newDrill(t *testing.T, s ledger.Settings) *drill {
	t.Helper()
	stopped, stop := context.WithCancel(t.Context())
	d := &drill{live: infratest.NewWith(t, s), restored: infratest.NewWith(t, s), stopped: stopped}
	d.posted = sync.NewCond(&d.mu)
	d.stop = func() { stop(); d.callers.Wait() }
	t.Cleanup(d.stop)
	for user := range drillUsers {
		d.call(t, infratest.Request(t, fmt.Sprint("user-", user), "first", ledger.Credit, "100000"))
	}
	for caller := range 4 {
		d.callers.Go(func() {
			for i := 0; d.stopped.Err() == nil; i++ {
				d.call(t, d.anyRequest(t, fmt.Sprint(caller, "-", i)))
				if i%3 == caller%3 {
					d.rule(t, infratest.Rules(t, fmt.Sprint("user-", rand.N(drillUsers)), fmt.Sprint("rules ", caller, "-", i), fmt.Sprint("limit ", rand.N(1000)), "credits allowed"))
				}
				time.Sleep(3 * callerPause) // each call is sent twice more at the end
			}
		})
	}
	return d
}

// anyRequest returns a credit, a debit that is declined, a transfer in a circle, a payment with a
// fee, or a payment on hold. Payments with a fee are refunded in part.
func (d *drill) anyRequest(t *testing.T, key string) ledger.Request {
	user := rand.Perm(drillUsers)
	name := func(i int) string { return fmt.Sprint("user-", user[i]) }
	switch rand.N(5) {
	case 0:
		return infratest.Request(t, name(0), key, ledger.Credit, fmt.Sprintf("%d.%02d", 1+rand.N(30), rand.N(100)))
	case 1:
		return infratest.Request(t, name(0), key, ledger.Debit, "10000000")
	case 2:
		return infratest.Entries(t, key, name(0)+" debit 5", name(1)+" credit 5", name(1)+" debit 4", name(2)+" credit 4", name(2)+" debit 3", name(0)+" credit 3")
	case 3:
		return infratest.Entries(t, key, name(0)+" debit 10", name(1)+" credit 9.5", name(2)+" credit 0.5")
	default:
		r := infratest.Entries(t, key, name(0)+" debit 7", name(1)+" credit 7")
		r.ExpiresIn = time.Hour
		return r
	}
}

// call posts to the live books, and keeps the outcome.
func (d *drill) call(t *testing.T, r ledger.Request) {
	result, err := outcomeOf(d.live.Ledger.Post(context.WithoutCancel(t.Context()), r)) // on a slow machine its own replay
	assert.NoError(t, err)
	if result.Transaction.Status == ledger.Pending {
		endHold(t, d.live.Ledger, result.Transaction.ID)
	}
	d.mu.Lock()
	d.outcomes = append(d.outcomes, result.Transaction)
	d.posted.Broadcast()
	d.mu.Unlock()
	if len(r.Entries) == 3 && r.Refund == nil {
		d.call(t, partOf(t, d.live.Ledger, result.Transaction))
	}
}

// rule changes rules in the live books, and keeps the request. The limits are far below the sum of
// the balances.
func (d *drill) rule(t *testing.T, r ledger.RulesRequest) {
	_, err := d.live.Ledger.ChangeRules(context.WithoutCancel(t.Context()), r)
	assert.NoError(t, err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules = append(d.rules, r)
}

// allowAll lifts the blocks that a rebuild wrote in place of lost changes, as an operator would who
// knows no block.
func (d *drill) allowAll(t *testing.T) {
	t.Helper()
	blocked := 0
	for user := range drillUsers {
		r := infratest.Rules(t, fmt.Sprint("user-", user), "after the restore", "debits allowed", "credits allowed")
		funds, err := d.restored.Ledger.Balance(t.Context(), r.UserID)
		require.NoError(t, err)
		if funds.DebitsBlocked || funds.CreditsBlocked {
			blocked++
			_, err = d.restored.Ledger.ChangeRules(t.Context(), r)
			require.NoError(t, err)
		}
	}
	t.Logf("%d of %d users were blocked", blocked, drillUsers)
}

// partOf returns a refund for part of a payment with a fee.
func partOf(t *testing.T, l *ledger.Ledger, payment ledger.Transaction) ledger.Request {
	o, err := l.Original(context.WithoutCancel(t.Context()), payment.ID)
	assert.NoError(t, err)
	return infratest.Refund(t, o, "refund of "+payment.IdempotencyKey.String(), "0 4", "1 3.5", "2 0.5")
}

// outcomeOf turns a decline into a result.
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

// restore copies a table's rows to another table, while others write.
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

func (d *drill) sendAgain(t *testing.T, r ledger.Request) ledger.Transaction {
	t.Helper()
	now, err := outcomeOf(d.restored.Ledger.Post(t.Context(), r))
	require.NoError(t, err)
	again, err := outcomeOf(d.restored.Ledger.Post(t.Context(), r))
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: now.Transaction, Replayed: true}, again)
	return now.Transaction
}

// endHold captures a part of a hold, voids it or leaves it open, depending on its id.
func endHold(t *testing.T, l *ledger.Ledger, id ledger.TransactionID) {
	var err error
	ctx := context.WithoutCancel(t.Context())
	switch id[0] % 3 {
	case 0:
		part, parseErr := ledger.ParseAmount("2.5")
		assert.NoError(t, parseErr)
		_, err = l.Capture(ctx, ledger.EndRequest{TransactionID: id}, part)
	case 1:
		_, err = l.Void(ctx, ledger.EndRequest{TransactionID: id})
	}
	assert.NoError(t, err)
}

// sendAllAgain sends all calls again, in any order. Then the restored books hold the money that the
// calls make, to the cent.
func (d *drill) sendAllAgain(t *testing.T) {
	t.Helper()
	var replayed int
	for _, i := range rand.Perm(len(d.outcomes)) {
		before := d.outcomes[i]
		stored, err := d.restored.Ledger.Transaction(t.Context(), before.ID)
		request := infratest.RequestOf(before)
		if before.IsRefund() { // a caller who finds no original sends that again first
			i := slices.IndexFunc(d.outcomes, func(t ledger.Transaction) bool { return t.ID == before.RefundOf })
			request = partOf(t, d.restored.Ledger, d.sendAgain(t, infratest.RequestOf(d.outcomes[i])))
		}
		now := d.sendAgain(t, request)
		assert.Equal(t, before.Status == ledger.Declined, now.Status == ledger.Declined)
		if err == nil {
			replayed++
			assert.Equal(t, stored.CreatedAt, now.CreatedAt)
		}
		if before.ExpiresIn() > 0 && now.Status != ledger.Declined {
			endHold(t, d.restored.Ledger, now.ID)
		}
	}
	for _, i := range rand.Perm(len(d.rules)) {
		_, err := d.restored.Ledger.ChangeRules(t.Context(), d.rules[i])
		require.NoError(t, err)
		again, err := d.restored.Ledger.ChangeRules(t.Context(), d.rules[i])
		require.NoError(t, err)
		assert.True(t, again.Replayed)
	}
	assert.Positive(t, replayed)
	assert.Less(t, replayed, len(d.outcomes))
	for user := range drillUsers {
		name := fmt.Sprint("user-", user)
		assert.Equal(t, fundsOf(t, d.live, name), fundsOf(t, d.restored, name), name)
	}
	t.Logf("%d calls, %d of them replayed", len(d.outcomes), replayed)
}

// fundsOf returns a user's own money, in the balance and on hold. The limits come from the last
// changes, which have another order after a restore.
func fundsOf(t *testing.T, b *infratest.Books, user string) string {
	t.Helper()
	id, err := ledger.ParseUserID(user)
	require.NoError(t, err)
	funds, err := b.Ledger.Balance(t.Context(), id)
	require.NoError(t, err)
	return books.SumOf(funds.Balance).Plus(books.SumOf(funds.Held)).Minus(books.SumOf(funds.CreditLimit)).String()
}
