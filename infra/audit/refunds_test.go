package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// refunds posts alice's sale with a fee, two refunds of it, and a declined one. It returns their
// ids.
func refunds(t *testing.T, l *ledger.Ledger) (ids []any) {
	t.Helper()
	o := saleOf(t, l, "sale", "alice debit 10", "bob credit 9", "shop credit 1")
	ids = append(ids, o.ID)
	for _, r := range []ledger.Request{
		infratest.Refund(t, o, "1", "0 4", "1 3", "2 0.5"),
		infratest.Refund(t, o, "2", "0 2", "1 2"),
		infratest.Entries(t, "spend", "bob debit 104"),
		infratest.Refund(t, o, "3", "1 1"),
	} {
		_, err := outcomeOf(l.Post(t.Context(), r))
		require.NoError(t, err)
		ids = append(ids, r.TransactionID())
	}
	return ids
}

func saleOf(t *testing.T, l *ledger.Ledger, key string, entries ...string) ledger.Original {
	t.Helper()
	result, err := l.Post(t.Context(), infratest.Entries(t, key, entries...))
	require.NoError(t, err)
	o, err := l.Original(t.Context(), result.Transaction.ID)
	require.NoError(t, err)
	return o
}

func TestRefundsRight(t *testing.T) {
	t.Parallel()
	for age, now := range map[string]func() time.Time{"new": time.Now, "old": at(lastYear)} {
		t.Run(age, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			ids := refunds(t, ledger.New(b.Store, now))
			status, out, _ := command(t, b)
			assert.Equal(t, exitRight, status, out)
			assert.Contains(t, out, "3 users, 10 transactions: every balance is what its history says")
			status, out, _ = command(t, b, "-rebuild", "-settle", "0s")
			assert.Equal(t, exitRight, status, out)
			assert.Contains(t, out, "nothing to rebuild")

			_, out, _ = command(t, b, "-user", "alice", "-csv")
			assert.Equal(t, 2, strings.Count(out, fmt.Sprintf(",,,%s,\n", ids[0])), "the refunds name their original: %s", out)
			status, out, log := command(t, b, "-export", "balances", "-json")
			assert.Equal(t, exitRight, status, log)
			assert.Contains(t, out, `"r0":"6","r1":"5","r2":"0.5","refunded_at":`)
			status, out, log = command(t, b, "-export", "transactions")
			assert.Equal(t, exitRight, status, log)
			assert.Contains(t, out, fmt.Sprintf(`%s,"[""0"",""1"",""2""]"`, ids[0]))
		})
	}
}

// %[1]s is the sale, %[2]s and %[3]s are its refunds, %[5]s is the declined one.
func TestDamageToRefunds(t *testing.T) {
	t.Parallel()
	const account = " WHERE user_id = ' refunds %[1]s'"
	const made = "2 refunds: 6 of entry 0, 5 of entry 1, 0.5 of entry 2"
	for _, c := range []damage{
		{"sum too low", nil, []string{"UPDATE ? SET r1 = 4" + account},
			[]string{" refund: the refund account has 2 refunds: 6 of entry 0, 4 of entry 1, 0.5 of entry 2; the history makes it " + made}},
		{"sum of another place", nil, []string{"UPDATE ? SET r1 = 6, r0 = 5" + account},
			[]string{" refund: the refund account has 2 refunds: 5 of entry 0, 6 of entry 1, 0.5 of entry 2; the history makes it " + made}},
		{"version", nil, []string{"UPDATE ? SET version = 3" + account},
			[]string{" refund: the refund account has 3 refunds: 6 of entry 0, 5 of entry 1, 0.5 of entry 2; the history makes it " + made}},
		{"account missing", nil, []string{"DELETE FROM ?" + account},
			[]string{" refund: there is no refund account; the history makes it " + made}},
		{"account of no refund", nil, []string{"INSERT INTO ? VALUE {'user_id': ' refunds %[4]s', 'version': 1, 'r0': 2, 'refunded_at': '2025-11-22T12:00:00.000Z'}"},
			[]string{" refund: the refund account has 1 refund: 2 of entry 0; the history makes it no refunds"}},
		{"damaged account", nil, []string{"UPDATE ? SET r0 = '6'" + account},
			[]string{" refunds %[1]s balance-row: r0: is of type S, must be N"}},
		{"too many places", nil, []string{"UPDATE ? SET r0 = 6.001" + account},
			[]string{" refunds %[1]s balance-row: r0: is 6.001, must have at most two decimal places"}},
		{"stray attribute", nil, []string{"UPDATE ? SET balance = 6" + account},
			[]string{` refunds %[1]s attributes: the table has no attribute "balance"`}},
		{"account of nothing", nil, []string{"INSERT INTO ? VALUE {'user_id': ' refunds x', 'version': 1, 'r0': 2, 'refunded_at': '2025-11-22T12:00:00.000Z'}"},
			[]string{` refunds x balance-row: user_id: is " refunds x", must be a UUID`}},
		{"time to come", nil, []string{"UPDATE ? SET refunded_at = '2231-11-22T12:00:00.000Z'" + account},
			[]string{" refunds %[1]s time: refunded_at is 2231-11-22T12:00:00.000Z, which is still to come"}},
		{"another place", []string{"UPDATE ? SET refund_places = [1, 2] WHERE id = '%[3]s'"}, nil,
			[]string{
				"alice refund: it is not the opposite of the refunded entries",
				" refund: the refund account has " + made + "; the history makes it 2 refunds: 4 of entry 0, 5 of entry 1, 2.5 of entry 2",
			}},
		{"a place that is none", []string{"UPDATE ? SET refund_places = [0, 9] WHERE id = '%[3]s'"}, nil,
			[]string{
				"alice refund: the refunded transaction has no entry 9",
				" refund: the refund account has " + made + "; the history makes it 2 refunds: 6 of entry 0, 3 of entry 1, 0.5 of entry 2, 2 of entry 9",
			}},
		{"of another transaction", []string{"UPDATE ? SET refund_of = '%[4]s' WHERE id = '%[5]s'"}, nil, nil}, // a declined one counts nothing
		{"of a declined one", []string{"UPDATE ? SET refund_of = '%[5]s' WHERE id = '%[2]s'"}, nil,
			[]string{
				"alice refund: the refunded transaction can't be refunded: transaction %[5]s: not refundable: it is declined",
				"alice entries: 2 of its 2 further entries have no such row, and 2 rows of it have no such entry",
				" refund: the refund account has " + made + "; the history makes it 1 refund: 2 of entry 0, 2 of entry 1",
				" refund: there is no refund account; the history makes it 1 refund: 4 of entry 0, 3 of entry 1, 0.5 of entry 2",
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			ids := refunds(t, ledger.New(b.Store, at(lastYear)))
			if c.want == nil {
				statement := strings.NewReplacer("%[4]s", fmt.Sprint(ids[3]), "%[5]s", fmt.Sprint(ids[4])).Replace(c.transactions[0])
				b.Damage(t, b.Config.TransactionsTable, statement)
				status, out, _ := command(t, b, "-settle", "10ms")
				assert.Equal(t, exitRight, status, out)
				return
			}
			c.run(t, b, ids)
		})
	}
}

// The audit finds a refund beyond what its original moved although rows, balances and account
// agree, and one whose original is gone.
func TestRefundsBeyondTheOriginal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, statement string
		want            []string
	}{
		{"together", "UPDATE ? SET ammount = 5 WHERE id = '%s'", []string{
			"refund: 6 was refunded of entry 0, which moved 5",
		}},
		{"one alone", "UPDATE ? SET ammount = 3.5 WHERE id = '%s'", []string{
			"refund: entry 0: invalid amount: must be at most what the entry moved: 3.5", "refund: 6 was refunded of entry 0, which moved 3.5",
		}},
		{"missing", "DELETE FROM ? WHERE id = '%s'", []string{"refund: the refunded transaction is not there"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			l := ledger.New(b.Store, at(lastYear))
			o := saleOf(t, l, "sale", "alice debit 10")
			for key, part := range map[string]string{"1": "0 4", "2": "0 2"} {
				_, err := l.Post(t.Context(), infratest.Refund(t, o, key, part))
				require.NoError(t, err)
			}
			b.Damage(t, b.Config.TransactionsTable, fmt.Sprintf(c.statement, o.ID))
			status, out, _ := command(t, b, "-settle", "10ms")
			assert.Equal(t, exitWrong, status)
			for _, want := range c.want {
				assert.Contains(t, out, want)
			}
		})
	}
}

// A refund older than the capture that it refunds is found, unless clocks differ so much.
func TestRefundBeforeTheCapture(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	now := lastYear
	l := ledger.New(b.Store, func() time.Time { return now })
	hold := infratest.Entries(t, "hold", "alice debit 10")
	hold.ExpiresIn = time.Hour
	_, err := l.Post(t.Context(), hold)
	require.NoError(t, err)
	now = lastYear.Add(30 * time.Minute)
	_, err = l.Capture(t.Context(), ledger.EndRequest{TransactionID: hold.TransactionID()}, ledger.Amount{})
	require.NoError(t, err)
	o, err := l.Original(t.Context(), hold.TransactionID())
	require.NoError(t, err)
	for key, after := range map[string]time.Duration{"by another clock": 15 * time.Minute, "before": 14 * time.Minute} {
		now = lastYear.Add(after)
		_, err = l.Post(t.Context(), infratest.Refund(t, o, key, "0 5"))
		require.NoError(t, err)
	}
	b.Damage(t, b.Config.TransactionsTable) // the check agrees that the books are wrong
	status, out, _ := command(t, b, "-settle", "10ms")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, out, "refund: its time is 2025-11-22T12:14:00.000Z, and the refunded transaction's is 2025-11-22T12:30:00.000Z\n")
	assert.Contains(t, out, "1 wrong")
}

// A refund between the two tables' readings waits for the next audit, and so does one whose row
// shows before its account.
func TestRefundsMeanwhile(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	l := ledger.New(b.Store, at(lastYear))
	o := saleOf(t, l, "sale", "alice debit 10")
	_, err := l.Post(t.Context(), infratest.Refund(t, o, "old", "0 1"))
	require.NoError(t, err)
	refund := func(key string) func() {
		return func() {
			_, err := b.Ledger.Post(t.Context(), infratest.Refund(t, o, key, "0 1"))
			assert.NoError(t, err)
		}
	}
	for i, next := range [][]faults.Fault{
		{before(refund("before the rows"))},
		{nil, nil, before(refund("between"))}, // Scan, GetItem for the original, Scan
	} {
		a, network := auditor(b)
		a.tables.segments = 1
		network.Next(next...)
		found := a.run(t.Context())
		assert.Equal(t, exitRight, found.status(), "%d: %+v", i, found)
		assert.Equal(t, 2, requests(network, "Scan"), "no other scan looks for damage")
	}
	a, _ := auditor(b)
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
}

// The rebuild makes the refund accounts from the rows, whatever is stored, and nothing else.
func TestRebuildOfRefundAccounts(t *testing.T) {
	t.Parallel()
	const right = "2 refunds: 6 of entry 0, 5 of entry 1, 0.5 of entry 2"
	for _, c := range []struct{ name, statement, from, to string }{
		{"missing", "DELETE FROM ? WHERE user_id = ' refunds %[1]s'", "no refunds", right},
		{"wrong", "UPDATE ? SET r0 = 1, version = 7 REMOVE r2 WHERE user_id = ' refunds %[1]s'", "7 refunds: 1 of entry 0, 5 of entry 1", right},
		{"place too many", "UPDATE ? SET r3 = 1 WHERE user_id = ' refunds %[1]s'", right + ", 1 of entry 3", right},
		{"damaged", "UPDATE ? SET r0 = 'x' REMOVE version WHERE user_id = ' refunds %[1]s'", "a damaged account", right},
		{"of no refund", "INSERT INTO ? VALUE {'user_id': ' refunds %[2]s', 'version': 1, 'r0': 2, 'refunded_at': '2025-11-22T12:00:00.000Z'}", "1 refund: 2 of entry 0", "no refunds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			ids := refunds(t, ledger.New(b.Store, at(lastYear)))
			contentsBefore := contents(t, b)
			alter(t, b, b.Config.AggregateTable, fmt.Sprintf(c.statement+"%.0[1]s%.0[2]s", ids[0], ids[1]))
			of := fmt.Sprint(ids[0])
			if c.to == "no refunds" {
				of = fmt.Sprint(ids[1])
			}
			line := "the refund account of transaction " + of + ": from " + c.from + " to " + c.to + "\n"
			status, out, _ := command(t, b, "-rebuild", "-settle", "0s")
			assert.Equal(t, exitWrong, status)
			assert.Contains(t, out, "would      "+line)
			status, out, _ = command(t, b, "-rebuild", "-write", "-settle", "0s", "-user", "nobody")
			assert.Equal(t, exitRight, status, out)
			status, out, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
			assert.Equal(t, exitRight, status, out)
			assert.Contains(t, out, "rebuilt    "+line)
			assert.ElementsMatch(t, withoutMover(contentsBefore), withoutMover(contents(t, b)))
			status, out, _ = command(t, b, "-settle", "0s")
			assert.Equal(t, exitRight, status, out)
		})
	}
}

// A refund account that is written to during a rebuild, at any moment, is kept, or rebuilt with the
// new refund: no refund is lost.
func TestRebuildOfMovingRefundAccount(t *testing.T) {
	t.Parallel()
	for _, moment := range []struct {
		operation string
		number    int
	}{{"Scan", 2}, {"Scan", 3}, {"Scan", 4}, {"Scan", 5}, {"UpdateItem", 1}} { // balances, rows, balances, rows, balances
		t.Run(fmt.Sprint(moment), func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			l := ledger.New(b.Store, at(lastYear))
			o := saleOf(t, l, "sale", "alice debit 10")
			_, err := l.Post(t.Context(), infratest.Refund(t, o, "1", "0 1"))
			require.NoError(t, err)
			alter(t, b, b.Config.AggregateTable, "UPDATE ? SET r0 = 2 WHERE user_id = '"+infra.RefundsKey(o.ID)+"'")
			a, network := auditor(b)
			a.tables.segments = 1
			requests := 0
			network.Always(on(moment.operation, before(func() {
				if requests++; requests == moment.number {
					_, err := b.Ledger.Post(t.Context(), infratest.Refund(t, o, "2", "0 1"))
					assert.NoError(t, err)
				}
			})))
			var out strings.Builder
			_, err = rebuildAll(t.Context(), a, options{rebuild: true, write: true}, &out)
			require.NoError(t, err)
			_, account, err := b.Ledger.Refunds(t.Context(), o.ID)
			require.NoError(t, err)
			assert.Equal(t, 2, account.Count, out.String())
			assert.Contains(t, []string{"2", "3"}, account.Sums[0].String(), out.String())
			status, text, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
			assert.Equal(t, exitRight, status, text)
			require.NoError(t, b.Check(t.Context()))
		})
	}
}
