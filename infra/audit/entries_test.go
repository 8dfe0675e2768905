package main

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// transfers posts a transaction with three entries, a declined one with three, and one with two,
// all for alice.
func transfers(t *testing.T, l *ledger.Ledger) (ids []any) {
	t.Helper()
	for _, r := range []ledger.Request{
		infratest.Entries(t, "1", "alice debit 10", "bob credit 9", "shop credit 1"),
		infratest.Entries(t, "2", "alice debit 10", "bob debit 1000", "shop credit 1"),
		infratest.Entries(t, "3", "alice credit 10", "bob credit 9"),
	} {
		_, err := outcomeOf(l.Post(t.Context(), r))
		require.NoError(t, err)
		id := r.TransactionID()
		ids = append(ids, id, id.Entry(1), id.Entry(2))
	}
	return ids
}

func TestEntriesRight(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	ids := transfers(t, ledger.New(books.Store, at(lastYear)))
	_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "4", "alice debit 5", "alice debit 5", "carol credit 10"))
	require.NoError(t, err)
	status, out, _ := command(t, books)
	assert.Equal(t, exitRight, status)
	assert.Equal(t, `totals     4 users: opening 400 + credits 39 - debits 20 = 419; balances 419, difference 0
4 users, 9 transactions: every balance is what its history says
`, out)
	_, out, _ = command(t, books, "-user", "bob", "-csv")
	assert.Contains(t, out, fmt.Sprintf(",credit,9,109,posted,%s,,%s,,,\n", ids[1], ids[0]))
}

// The audit finds rows that don't match the transaction's entries, even where each user's rows add
// up to the balance. %[1]s to %[3]s are the first transaction's rows, %[7]s and %[8]s the third's.
func TestDamageToEntries(t *testing.T) {
	t.Parallel()
	const alice = "alice entries: "
	for _, c := range []damage{
		{"row missing", []string{"DELETE FROM ? WHERE id = '%[2]s'"},
			[]string{"UPDATE ? SET balance = 109 SET version = 1 WHERE user_id = 'bob'"},
			[]string{alice + "1 of its 2 further entries have no such row, and 0 rows of it have no such entry"}},
		{"first row missing", []string{"DELETE FROM ? WHERE id = '%[1]s'"},
			[]string{"UPDATE ? SET balance = 110 SET version = 1 WHERE user_id = 'alice'"},
			[]string{" entries: 2 rows of it, and no first row that has their entries"}},
		{"transaction of another", []string{"UPDATE ? SET transaction_id = '%[7]s' WHERE id = '%[2]s'"}, nil,
			[]string{
				alice + "1 of its 2 further entries have no such row, and 0 rows of it have no such entry",
				alice + "0 of its 1 further entries have no such row, and 1 row of it have no such entry",
			}},
		{"made up", []string{"INSERT INTO ? VALUE {'id': '%[9]s', 'user_id': 'bob', 'type': 'credit', 'ammount': 1, 'status': 'posted', 'created_at': '2025-11-22T12:00:03.000Z', 'transaction_id': '%[7]s'}"},
			[]string{"UPDATE ? SET balance = 119 SET version = 3 WHERE user_id = 'bob'"},
			[]string{alice + "0 of its 1 further entries have no such row, and 1 row of it have no such entry"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			books := infratest.New(t)
			c.run(t, books, transfers(t, ledger.New(books.Store, at(lastYear))))
		})
	}
}

// A transaction that is being applied, so that a scan sees only a part, is no damage: it waits for
// the next audit.
func TestEntriesInFlight(t *testing.T) {
	t.Parallel()
	onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
		moment := dynamodbmodel.Moment{Late: []time.Duration{0, 3 * time.Second, 3 * time.Second, 3 * time.Second}}
		go func() {
			_, err := ledger.New(b.Over(model.At(moment)), time.Now).Post(t.Context(), infratest.Entries(t, "1", "1 credit 10", "2 credit 10"))
			assert.NoError(t, err)
		}()
		synctest.Wait()
		found := a.run(t.Context())
		assert.Equal(t, exitRight, found.status(), "%+v", found)
		assert.Equal(t, 1, found.Transactions, "a part was seen")
		assert.True(t, a.fold.EntriesFit(), "and not compared")
	})
}
