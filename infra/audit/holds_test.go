package main

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// hold posts a hold with the entries, for an hour, and returns its id.
func hold(t *testing.T, l *ledger.Ledger, key string, entries ...string) ledger.TransactionID {
	t.Helper()
	r := infratest.Entries(t, key, entries...)
	r.ExpiresIn = time.Hour
	_, err := l.Post(t.Context(), r)
	require.NoError(t, err)
	return r.TransactionID()
}

// holds makes an open hold, whose id comes first, and others: captured, captured in part for bob,
// voided, and expired.
func holds(t *testing.T, books *infratest.Books) (ids []any) {
	t.Helper()
	l := ledger.New(books.Store, at(lastYear))
	later := ledger.New(books.Store, at(lastYear.Add(2*time.Hour)))
	expired := hold(t, l, "5", "carol debit 90")
	_, err := later.Post(t.Context(), infratest.Entries(t, "6", "carol debit 80")) // needs the released money
	require.NoError(t, err)

	open, captured := hold(t, l, "1", "alice debit 10"), hold(t, l, "2", "alice debit 20")
	part, voided := hold(t, l, "3", "alice debit 30", "bob credit 30"), hold(t, l, "4", "alice debit 5")
	_, err = l.Capture(t.Context(), ledger.EndRequest{TransactionID: captured}, ledger.Amount{})
	require.NoError(t, err)
	amount, err := ledger.ParseAmount("25")
	require.NoError(t, err)
	_, err = l.Capture(t.Context(), ledger.EndRequest{TransactionID: part}, amount)
	require.NoError(t, err)
	_, err = l.Void(t.Context(), ledger.EndRequest{TransactionID: voided})
	require.NoError(t, err)
	return []any{open, captured, part, voided, expired, part.Entry(1), part.End()}
}

func TestHoldsRight(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	holds(t, books)
	status, out, _ := command(t, books)
	assert.Equal(t, `totals     3 users: opening 300 + credits 125 - debits 235 = 190; balances 190, difference 0
3 users, 11 transactions: every balance is what its history says
`, out)
	assert.Equal(t, exitRight, status)
	for _, most := range []int{maxWaiting, 0} {
		a, network := auditor(books)
		a.maxWaiting = most
		assert.Equal(t, exitRight, a.run(t.Context()).status())
		assert.Equal(t, 2*a.tables.segments, requests(network, "Scan"), "each pair counts once, so no transaction is looked for")
		assert.Equal(t, 1, a.fold.OpenCount(), "the open one")
	}
	status, out, _ = command(t, books, "-user", "alice", "-csv")
	assert.Equal(t, exitRight, status)
	assert.Contains(t, out, ",closing,,45,")
	status, _, log := command(t, books, "-export", "balances")
	assert.Equal(t, exitRight, status, log)
}

// %[1]s is the open hold, %[3]s the payment that was captured in part for bob by the row %[6]s, and
// %[7]s that capture's row. %[8]s is the open hold's attribute.
func TestDamageToHolds(t *testing.T) {
	t.Parallel()
	for _, c := range []damage{
		{"balance", nil, []string{"UPDATE ? SET balance = 55 WHERE user_id = 'alice'"},
			[]string{"alice balance: the balance is 55 at version 7, with 10 held, and the history makes it 45 at version 7, with 10 held"}},
		{"held", nil, []string{"UPDATE ? SET held = 11 WHERE user_id = 'alice'"},
			[]string{"alice balance-row: held: is 11, and the open holds come to 10"}},
		{"open hold gone", nil, []string{"UPDATE ? REMOVE \"%[8]s\" SET held = 0 SET holds = 0 WHERE user_id = 'alice'"},
			[]string{"alice balance: the balance is 45 at version 7, with 0 held, and the history makes it 45 at version 7, with 10 held"}},
		{"open hold of another transaction", nil, []string{"UPDATE ? SET \"hold:AAAAAAAAAAAAAAAAAAAAAA\" = [10, 1763816404000] REMOVE \"%[8]s\" WHERE user_id = 'alice'"},
			[]string{"alice hold: the balance has it as an open hold, and the rows have none of this id, amount and expiry"}},
		{"open hold of another expiry", nil, []string{"UPDATE ? SET \"%[8]s\" = [10, 1] WHERE user_id = 'alice'"},
			[]string{"alice hold: the balance has it as an open hold, and the rows have none of this id, amount and expiry"}},
		{"capture for less", []string{"UPDATE ? SET ammount = 24 WHERE id = '%[7]s'"},
			[]string{"UPDATE ? SET balance = 46 WHERE user_id = 'alice'"},
			[]string{"alice entries: 1 of its 1 further entries have no such row, and 1 row of it have no such entry"}},
		{"what was captured is missing", []string{"DELETE FROM ? WHERE id = '%[6]s'"},
			[]string{"DELETE FROM ? WHERE user_id = 'bob'"},
			[]string{"alice entries: 1 of its 1 further entries have no such row, and 0 rows of it have no such entry"}},
		{"end of another sum", []string{"UPDATE ? SET ammount = 80 SET held = 80 WHERE id = '%[7]s'", "DELETE FROM ? WHERE id = '%[6]s'"},
			[]string{"DELETE FROM ? WHERE user_id = 'bob'", "UPDATE ? SET held = 0 WHERE user_id = 'alice'"},
			[]string{
				"alice balance-row: held: is 0, and the open holds come to 10",
				"alice hold: the end of a hold is not of the user and the sum of its pending row",
				"alice entries: 1 of its 1 further entries have no such row, and 0 rows of it have no such entry",
			}},
		{"pending row missing", []string{"DELETE FROM ? WHERE id = '%[2]s'"},
			[]string{"UPDATE ? SET balance = 65 SET version = 6 WHERE user_id = 'alice'"},
			[]string{
				"alice balance: the balance is 65 at version 6, with 10 held, and the history makes it 65 at version 6, with -10 held",
				"alice hold: it ends a hold that has no pending row",
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			books := infratest.New(t)
			ids := holds(t, books)
			id := ids[0].(ledger.TransactionID)
			ids = append(ids, "hold:"+base64.RawURLEncoding.EncodeToString(id[:]))
			c.run(t, books, ids)
		})
	}
}
