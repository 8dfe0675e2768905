package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

func idOf(t *testing.T, user, key string) string {
	t.Helper()
	r := infratest.Request(t, user, key, ledger.Credit, "1")
	return r.TransactionID().String()
}

// damage is statements on both tables, and the findings: user, kind and detail. %[1]s is the first
// id.
type damage struct {
	name                         string
	transactions, balances, want []string
}

// damages are the ways in which the audit itself finds damage; the tests of package books have
// every kind. The books belong to alice and bob. She has a credit of 10, a debit of 5 and a
// declined debit of 1000 (the transactions %[1]s, %[2]s and %[3]s). He has a credit of 1 (%[4]s).
var damages = []damage{
	{"amount",
		[]string{"UPDATE ? SET ammount = 11 WHERE id = '%[1]s'"}, nil,
		[]string{"alice balance: the balance is 105 at version 2, and the history makes it 106 at version 2"}},
	{"balance", nil,
		[]string{"UPDATE ? SET balance = 1000000 WHERE user_id = 'alice'"},
		[]string{"alice balance: the balance is 1000000 at version 2, and the history makes it 105 at version 2"}},
	{"version too high", nil,
		[]string{"UPDATE ? SET version = 3 WHERE user_id = 'alice'"},
		[]string{"alice balance: the balance is 105 at version 3, and the history makes it 105 at version 2"}},
	{"version too low", nil,
		[]string{"UPDATE ? SET version = 1 WHERE user_id = 'alice'"},
		[]string{"alice balance: the balance is 105 at version 1, and the history makes it 105 at version 2"}},
	{"transaction missing",
		[]string{"DELETE FROM ? WHERE id = '%[1]s'"}, nil,
		[]string{"alice balance: the balance is 105 at version 2, and the history makes it 95 at version 1"}},
	{"balance missing", nil,
		[]string{"DELETE FROM ? WHERE user_id = 'alice'"},
		[]string{"alice balance: there is no balance, and the history makes it 105 at version 2"}},
	{"balance without transactions", nil,
		[]string{"INSERT INTO ? VALUE {'user_id': 'carol', 'balance': 110, 'version': 1}"},
		[]string{"carol balance: the balance is 110 at version 1, and the history makes it 100 at version 0"}},
	{"opening balance as a row", nil,
		[]string{"INSERT INTO ? VALUE {'user_id': 'carol', 'balance': 100, 'version': 0}"},
		[]string{`carol balance-row: version: is 0, must be a whole number of at least 1`}},
	{"key", // the id is another's
		[]string{"UPDATE ? SET idempotency_key = '3' WHERE id = '%[1]s'"}, nil,
		[]string{"alice transaction-id: the id of key \"3\" of this user is %[3]s"}},
	{"transaction of another user",
		[]string{"UPDATE ? SET user_id = 'bob' WHERE id = '%[2]s'"}, nil,
		[]string{
			"alice balance: the balance is 105 at version 2, and the history makes it 110 at version 1",
			"bob balance: the balance is 101 at version 1, and the history makes it 96 at version 2",
			"bob transaction-id: the id of key \"2\" of this user is %[5]s",
		}},
	{"decline without a reason",
		[]string{"UPDATE ? SET balance = 1000 WHERE id = '%[3]s'"}, nil,
		[]string{"alice decline: a debit of 1000 is declined, which its balance of 1000 allowed"}},
	{"stray attributes of a transaction",
		[]string{"UPDATE ? SET note = 'x' SET aggregate = {'a': 1} WHERE id = '%[3]s'"}, nil,
		[]string{`alice attributes: the table has no attribute "aggregate", "note"`}},
	{"balance of nobody", nil,
		[]string{"INSERT INTO ? VALUE {'user_id': ' ', 'balance': 110, 'version': 1}"},
		[]string{"  balance-row: invalid user id: must not be blank"}},
	{"transaction without a user",
		[]string{"UPDATE ? REMOVE user_id WHERE id = '%[4]s'"}, nil,
		[]string{
			` transaction-row: user_id: is missing`,
			"bob balance: the balance is 101 at version 1, and the history makes it 100 at version 0",
		}},
	{"restore with the row and without the balance of a posting", nil,
		[]string{"DELETE FROM ? WHERE user_id = 'bob'", "UPDATE ? SET balance = 110 SET version = 1 WHERE user_id = 'alice'"},
		[]string{
			"alice balance: the balance is 110 at version 1, and the history makes it 105 at version 2",
			"bob balance: there is no balance, and the history makes it 101 at version 1",
		}},
	{"restore with the balance and without the row of a posting",
		[]string{"DELETE FROM ? WHERE id = '%[2]s'", "DELETE FROM ? WHERE id = '%[4]s'"}, nil,
		[]string{
			"alice balance: the balance is 105 at version 2, and the history makes it 110 at version 1",
			"bob balance: the balance is 101 at version 1, and the history makes it 100 at version 0",
		}},
}

// The audit finds every damage, in rows from now and from long ago, and so does the tests' own
// check: see [infratest.Books.Damage].
func TestDamage(t *testing.T) {
	t.Parallel()
	for _, c := range damages {
		for age, now := range map[string]func() time.Time{"new": time.Now, "old": at(lastYear)} {
			t.Run(c.name+", "+age, func(t *testing.T) {
				t.Parallel()
				b := infratest.New(t)
				l := ledger.New(b.Store, now)
				post(t, l, "alice", "+10", "-5", "-1000")
				post(t, l, "bob", "+1")
				ids := []any{idOf(t, "alice", "1"), idOf(t, "alice", "2"), idOf(t, "alice", "3"), idOf(t, "bob", "1"), idOf(t, "bob", "2")}
				c.run(t, b, ids)
			})
		}
	}
}

// run damages books whose rows have these ids, and looks at the report.
func (c damage) run(t *testing.T, b *infratest.Books, ids []any) {
	t.Helper()
	fill := func(texts []string) (filled []string) {
		for _, text := range texts {
			for i, id := range ids {
				text = strings.ReplaceAll(text, fmt.Sprintf("%%[%d]s", i+1), fmt.Sprint(id))
			}
			filled = append(filled, text)
		}
		return filled
	}
	b.Damage(t, b.Config.TransactionsTable, fill(c.transactions)...)
	b.Damage(t, b.Config.AggregateTable, fill(c.balances)...)
	status, out, log := command(t, b, "-json", "-settle", "10ms")
	assert.Equal(t, exitWrong, status)
	assert.Empty(t, log)
	var found report
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	var got []string
	for _, f := range found.Mismatches {
		got = append(got, fmt.Sprintf("%s %s: %s", f.UserID, f.Kind, f.Detail))
	}
	assert.ElementsMatch(t, fill(c.want), got)
	assert.Empty(t, found.Unsettled)
	a, _ := auditor(b)
	a.maxWaiting = 0
	assert.Equal(t, found.Mismatches, a.run(t.Context()).Mismatches, "the same where other rows are looked up")
}

// A row can have a future time only if clocks differ.
func TestTimeToCome(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, ledger.New(b.Store, func() time.Time { return time.Now().Add(books.ClockAhead - time.Minute) }), "1", "+10")
	status, out, _ := command(t, b, "-settle", "10ms")
	assert.Equal(t, exitRight, status, out)

	alter(t, b, b.Config.TransactionsTable, "UPDATE ? SET created_at = '2231-11-22T12:00:00.000Z' WHERE id = '"+idOf(t, "1", "1")+"'")
	status, out, _ = command(t, b, "-settle", "10ms")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, out, ": time: created_at is 2231-11-22T12:00:00.000Z, which is still to come\n")
}

func TestReportOfDamage(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10")
	b.Damage(t, b.Config.AggregateTable, "UPDATE ? SET balance = 1000 WHERE user_id = '1'")
	b.Damage(t, b.Config.TransactionsTable, "INSERT INTO ? VALUE {'id': '\x1b[2J', 'user_id': '\x1b[1m'}")
	status, out, _ := command(t, b)
	assert.Equal(t, exitWrong, status)
	assert.Equal(t, `wrong      user "\x1b[1m", transaction "\x1b[2J": transaction-row: id: is "\x1b[2J", must be a UUID; user_id: is "\x1b[1m", must not contain control characters; ammount: is missing; status: is missing; created_at: is missing; type: is missing; idempotency_key: is missing
wrong      user "1": balance: the balance is 1000 at version 1, and the history makes it 110 at version 1
totals     1 user: opening 100 + credits 10 - debits 0 = 110; balances 1000, difference 890
1 user, 2 transactions: 2 wrong, 0 unsettled
`, out)
}
