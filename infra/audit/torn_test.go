package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// tornCall is a call, or a few, whose rows a restore can tear. It can be sent again. The later
// ledger's clock is past the expiry of holds.
type tornCall struct {
	rows []ledger.TransactionID // from one write, or from a hold and its end
	call func(l, later *ledger.Ledger) error
}

// tornCalls has one for each kind. Add one for a new kind of row.
func tornCalls(t *testing.T) []tornCall {
	t.Helper()
	metadata, err := ledger.ParseMetadata(`{"order":"7"}`)
	require.NoError(t, err)
	part := amountOf(t, "25")
	// post returns a call with these entries, on hold if it is to expire, and the ids of its rows.
	post := func(expiresIn time.Duration, entries ...string) (r ledger.Request, rows []ledger.TransactionID, call func(l *ledger.Ledger) error) {
		r = infratest.Entries(t, "k", entries...)
		r.Metadata, r.ExpiresIn = metadata, expiresIn
		for place := range entries {
			rows = append(rows, r.TransactionID().Entry(place))
		}
		rows[0] = r.TransactionID()
		return r, rows, func(l *ledger.Ledger) error {
			_, err := outcomeOf(l.Post(t.Context(), r)) // a hold is declined if only the debit that released it came back
			return err
		}
	}
	posted := func(entries ...string) tornCall {
		_, rows, call := post(0, entries...)
		return tornCall{rows, func(l, _ *ledger.Ledger) error { return call(l) }}
	}
	held := func(end func(l *ledger.Ledger, r ledger.EndRequest) error, entries ...string) tornCall {
		r, _, call := post(time.Minute, entries...)
		id := r.TransactionID()
		return tornCall{[]ledger.TransactionID{id, id.End(), id.Entry(1)}, func(l, _ *ledger.Ledger) error {
			if err := call(l); err != nil || end == nil {
				return err
			}
			return end(l, ledger.EndRequest{TransactionID: id})
		}}
	}
	capture := func(l *ledger.Ledger, r ledger.EndRequest) error {
		_, err := l.Capture(t.Context(), r, part)
		return err
	}
	void := func(l *ledger.Ledger, r ledger.EndRequest) error {
		_, err := l.Void(t.Context(), r)
		return err
	}
	refunded := func(original tornCall, payer string) tornCall {
		id := infratest.Entries(t, "refund", payer+" credit 4").TransactionID()
		return tornCall{append(original.rows, id, id.Entry(1)), func(l, later *ledger.Ledger) error {
			if err := original.call(l, later); err != nil {
				return err
			}
			o, err := l.Original(t.Context(), original.rows[0])
			if err == nil {
				_, err = l.Post(t.Context(), infratest.Refund(t, o, "refund", "0 4", "1 4"))
			}
			return err
		}}
	}
	var fifty []string
	for i := range 50 {
		fifty = append(fifty, fmt.Sprintf("many-%d credit 1.01", i))
	}
	_, expired, holdIt := post(time.Second, "e1 debit 90")
	spend := infratest.Entries(t, "spend", "e1 debit 80")
	return []tornCall{
		posted("c1 debit 10", "c2 credit 10", "c2 debit 20", "c3 credit 20", "c3 debit 5", "c1 credit 5"),
		posted("f1 debit 100", "f2 credit 99.5", "f3 credit 0.5"),
		posted(fifty...),
		held(nil, "h1 debit 40"),
		held(capture, "h2 debit 40"),
		held(capture, "h3 debit 40", "shop credit 40"),
		held(void, "h4 debit 40"),
		refunded(posted("r1 debit 10", "r2 credit 10"), "r1"),
		refunded(held(capture, "p1 debit 40", "p2 credit 40"), "p1"),
		{[]ledger.TransactionID{expired[0], expired[0].End(), spend.TransactionID()}, func(l, later *ledger.Ledger) error {
			if err := holdIt(l); err != nil {
				return err
			}
			_, err := later.Post(t.Context(), spend)
			return err
		}},
	}
}

// Transactions come back without any one row, or with one row alone, for every kind, with no
// balances or with later ones. The rebuild makes each whole or removes it, and the balances fit.
// Then each call is sent again, and every user has the same money as without a restore.
func TestTornTransactions(t *testing.T) {
	t.Parallel()
	live := infratest.NewInMemory(t, ledger.DefaultSettings())
	calls := tornCalls(t)
	send := func(t *testing.T, b *infratest.Books) {
		t.Helper()
		l := ledger.New(b.Store, at(time.Now().Add(-time.Minute)))
		for i, c := range calls {
			require.NoError(t, c.call(l, b.Ledger), i)
		}
	}
	send(t, live)
	rows := rowsOf(t, live)
	for place := range 4 {
		for _, alone := range []bool{false, true} {
			withBalances := (place%2 == 0) != alone
			t.Run(fmt.Sprintf("row %d alone=%t balances=%t", place, alone, withBalances), func(t *testing.T) {
				t.Parallel()
				b, back := infratest.New(t), rows.with()
				for key, r := range rows {
					if r["id"] == nil && !withBalances {
						delete(back, key)
					}
				}
				for _, c := range calls {
					for i, id := range c.rows {
						if (i == place) != alone {
							delete(back, id.String())
						}
					}
				}
				back.writeTo(t, b)
				rebuildTorn(t, b)

				again := infratest.NewInMemory(t, ledger.DefaultSettings())
				rowsOf(t, b).writeTo(t, again)
				send(t, again)
				send(t, again)
				for user, r := range rows {
					if r["id"] == nil && !infra.IsRefundAccount(r) {
						assert.Equal(t, fundsOf(t, live, user), fundsOf(t, again, user), user)
					}
				}
			})
		}
	}
}

// rebuildTorn rebuilds the books, and audits them.
func rebuildTorn(t *testing.T, b *infratest.Books) {
	t.Helper()
	before := rowsOf(t, b)
	status, dry, _ := command(t, b, "-rebuild", "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Equal(t, before, rowsOf(t, b), "nothing is written unless -write says so")
	a, _ := auditor(b)
	a.maxWaiting = 0
	var again bytes.Buffer
	_, err := rebuildAll(t.Context(), a, options{rebuild: true}, &again)
	require.NoError(t, err)
	assert.ElementsMatch(t, strings.Split(dry, "\n"), strings.Split(again.String(), "\n"), "the same where other rows are looked up")
	status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
	require.Equal(t, exitRight, status, "%s\n%s", dry, out)
	require.NoError(t, b.Check(t.Context()))
	status, out, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status, out)
	assert.Contains(t, out, "nothing to rebuild")
	status, out, _ = command(t, b, "-settle", "0s")
	assert.Equal(t, exitRight, status, out)
}

// alter changes a table as a restore may have left it: unlike Damage, it leaves it to the test
// whether the books are right in the end.
func alter(t *testing.T, b *infratest.Books, table string, statements ...string) {
	t.Helper()
	b.Execute(t, table, statements...)
}
