package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
			live := newScript(infratest.NewInMemory(t, c.settings), lastYear)
			var scripts []string
			play := func(steps string) {
				live.play(t, steps)
				scripts = append(scripts, steps)
			}
			for user := range drillUsers {
				play(fmt.Sprintf("first-%d: user-%d credit 100000", user, user))
			}
			for i := range 40 {
				play(anySteps(fmt.Sprint("early-", i)))
			}
			back := rowsOf(t, live.books)
			for i := range 60 {
				play(anySteps(fmt.Sprint("late-", i)))
			}
			for key, r := range rowsOf(t, live.books) {
				switch isBalance := r["id"] == nil; {
				case isBalance && c.latest, !isBalance && rand.N(2) == 0:
					back[key] = r
				case isBalance && !c.earlier:
					delete(back, key)
				}
			}
			restored := infratest.NewWith(t, c.settings)
			back.writeTo(t, restored)

			status, out, _ := command(t, restored, "-rebuild", "-settle", "10ms")
			assert.Equal(t, exitWrong, status, "the moments were not the same: %s", out)
			status, out, _ = command(t, restored, "-rebuild", "-write", "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)
			require.NoError(t, restored.Check(t.Context()))
			status, out, _ = command(t, restored, "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)

			again := live.repeat(infratest.NewInMemory(t, c.settings), lastYear.Add(10*time.Minute))
			rowsOf(t, restored).writeTo(t, again.books)
			allowAll(t, again)
			rand.Shuffle(len(scripts), func(i, j int) { scripts[i], scripts[j] = scripts[j], scripts[i] })
			replayed, sent := 0, 0
			for _, steps := range scripts {
				for _, name := range namesOf(steps) {
					sent++
					if again.twice(t, name) {
						replayed++
					}
				}
			}
			assert.Positive(t, replayed)
			assert.Less(t, replayed, sent)
			for user := range drillUsers {
				name := fmt.Sprint("user-", user)
				assert.Equal(t, fundsOf(t, live.books, name), fundsOf(t, again.books, name), name)
			}
		})
	}
}

const drillUsers = 8

// anySteps returns a credit, a debit that is declined, a transfer in a circle, a payment with a fee
// that is refunded in part, a payment on hold, or a limit far below the sum of the balances.
func anySteps(name string) string {
	user := rand.Perm(drillUsers)
	a, b, c := fmt.Sprint("user-", user[0]), fmt.Sprint("user-", user[1]), fmt.Sprint("user-", user[2])
	switch rand.N(6) {
	case 0:
		return fmt.Sprintf("%s: %s credit %d.%02d", name, a, 1+rand.N(30), rand.N(100))
	case 1:
		return name + ": " + a + " debit 10000000: insufficient funds"
	case 2:
		return fmt.Sprintf("%s: %s debit 5, %s credit 5, %s debit 4, %s credit 4, %s debit 3, %s credit 3", name, a, b, b, c, c, a)
	case 3:
		return fmt.Sprintf("%s: %s debit 10, %s credit 9.5, %s credit 0.5; %s back: refund %s 0 4, 1 3.5, 2 0.5", name, a, b, c, name, name)
	case 4:
		held := fmt.Sprintf("%s: hold %s debit 7, %s credit 7", name, a, b)
		return held + []string{"", "; " + name + " end: void " + name, "; " + name + " end: capture " + name + " 2.5"}[rand.N(3)]
	default:
		return fmt.Sprintf("%s: rules %s limit %d, credits allowed", name, a, rand.N(1000))
	}
}

// twice sends a call again, and once more: that is a replay. It reports whether the first was one.
func (r *script) twice(t *testing.T, name string) (replayed bool) {
	t.Helper()
	c := r.calls[name]
	now, err := outcomeOf(c.send(r.ledger()))
	require.NoError(t, err, name)
	assert.Equal(t, c.first.Transaction.Status == ledger.Declined, now.Transaction.Status == ledger.Declined, name)
	again, err := outcomeOf(c.send(r.ledger()))
	require.NoError(t, err, name)
	assert.Equal(t, ledger.Result{Transaction: now.Transaction, Replayed: true}, again, name)
	return now.Replayed
}

// allowAll lifts the blocks that a rebuild wrote in place of lost changes, as an operator would who
// knows no block.
func allowAll(t *testing.T, s *script) {
	t.Helper()
	for user := range drillUsers {
		r := infratest.Rules(t, fmt.Sprint("user-", user), "after the restore", "debits allowed", "credits allowed")
		funds, err := s.books.Ledger.Balance(t.Context(), r.UserID)
		require.NoError(t, err)
		if funds.DebitsBlocked || funds.CreditsBlocked {
			_, err = s.ledger().ChangeRules(t.Context(), r)
			require.NoError(t, err)
		}
	}
}

// outcomeOf turns a decline into a result.
func outcomeOf(result ledger.Result, err error) (ledger.Result, error) {
	if declined, ok := errors.AsType[*ledger.DeclinedError](err); ok {
		return declined.Result, nil
	}
	return result, err
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
