package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// Point-in-time recovery brings back each table as of its own moment, and any rows of the writes at
// about that moment. After a rebuild and an audit, callers send all their calls again. Each key
// counts once, and all users together have the openings and the money that came in.
//
// A caller who sends a call again after a restore finds:
//
//   - the first answer, marked as a replay, if the row came back;
//   - a new outcome, on the present balance, if the row did not come back. A posted
//     transaction may be declined, and the other way round. It counts once.
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		settings        ledger.Settings
		earlier, latest bool // the balances that come back
	}{
		{"balances of an earlier moment", ledger.DefaultSettings(), true, false},
		{"no balances", infratest.Settings(t, "KWD", "3", "0.125"), false, false},
		{"balances of a later moment", infratest.Settings(t, "EUR", "2", "0"), false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := &drill{live: infratest.NewInMemory(t, c.settings), restored: infratest.NewWith(t, c.settings)}
			for user := range drillUsers {
				d.call(t, infratest.Request(t, fmt.Sprint("user-", user), "first", ledger.Credit, "100000"))
			}
			d.makeCalls(t, 30)
			back := rowsOf(t, d.live)
			d.makeCalls(t, 50)
			for key, r := range rowsOf(t, d.live) {
				switch isBalance := r["id"] == nil; {
				case isBalance && c.latest, !isBalance && rand.N(2) == 0:
					back[key] = r
				case isBalance && !c.earlier:
					delete(back, key)
				}
			}
			back.writeTo(t, d.restored)

			status, out, _ := command(t, d.restored, "-rebuild", "-settle", "10ms")
			assert.Equal(t, exitWrong, status, "the moments were not the same: %s", out)
			status, out, _ = command(t, d.restored, "-rebuild", "-write", "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)
			require.NoError(t, d.restored.Check(t.Context()))
			status, out, _ = command(t, d.restored, "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)
			rebuilt := rowsOf(t, d.restored)
			d.restored = infratest.NewInMemory(t, c.settings)
			rebuilt.writeTo(t, d.restored)
			d.allowAll(t)
			d.sendAllAgain(t)
		})
	}
}

// drill has books that callers post to, and their restored copy.
type drill struct {
	live, restored *infratest.Books
	outcomes       []ledger.Transaction // each with its own key
	rules          []ledger.RulesRequest
}

const drillUsers = 8

// makeCalls makes calls, and changes rules after every third. The limits are far below the sum of
// the balances.
func (d *drill) makeCalls(t *testing.T, count int) {
	t.Helper()
	for i := range count {
		key := fmt.Sprint(len(d.outcomes))
		d.call(t, d.anyRequest(t, key))
		if i%3 == 0 {
			r := infratest.Rules(t, fmt.Sprint("user-", rand.N(drillUsers)), "rules "+key, fmt.Sprint("limit ", rand.N(1000)), "credits allowed")
			_, err := d.live.Ledger.ChangeRules(t.Context(), r)
			require.NoError(t, err)
			d.rules = append(d.rules, r)
		}
	}
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
	t.Helper()
	result, err := outcomeOf(d.live.Ledger.Post(t.Context(), r))
	require.NoError(t, err)
	if result.Transaction.Status == ledger.Pending {
		endHold(t, d.live.Ledger, result.Transaction.ID)
	}
	d.outcomes = append(d.outcomes, result.Transaction)
	if len(r.Entries) == 3 && r.Refund == nil {
		d.call(t, partOf(t, d.live.Ledger, result.Transaction))
	}
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
	o, err := l.Original(t.Context(), payment.ID)
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
	t.Helper()
	var err error
	switch id[0] % 3 {
	case 0:
		_, err = l.Capture(t.Context(), ledger.EndRequest{TransactionID: id}, amountOf(t, "2.5"))
	case 1:
		_, err = l.Void(t.Context(), ledger.EndRequest{TransactionID: id})
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
