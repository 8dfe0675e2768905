package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// balances requires the users' balances, each written as "alice 12.5".
func balances(t *testing.T, books *infratest.Books, want ...string) {
	t.Helper()
	for _, text := range want {
		user, balance, _ := strings.Cut(text, " ")
		assert.Equal(t, balance, books.Balance(t, user), "the balance of %s", user)
	}
}

// A transaction moves all its users, who may all be new. The answer is its first row, which names
// all entries.
func entriesMoveBalances(t *testing.T, open Open) {
	books := open(t)
	for _, c := range []struct {
		key      string
		entries  []string
		balances []string
	}{
		{"transfer", []string{"a debit 10", "b credit 10"}, []string{"a 90", "b 110"}},
		{"transfer back", []string{"b debit 110", "a credit 110"}, []string{"a 200", "b 0"}},
		{"transfer with a fee", []string{"a debit 100.5", "b credit 99.5", "shop credit 1"}, []string{"a 99.5", "b 99.5", "shop 101"}},
		{"credit first", []string{"b credit 0.5", "a debit 0.5"}, []string{"a 99", "b 100"}},
		{"money from outside and to it", []string{"a credit 1", "b debit 100"}, []string{"a 100", "b 0"}},
		{"to oneself", []string{"a debit 100", "a credit 100"}, []string{"a 100"}},
		{"new, all of it", []string{"c debit 100", "d credit 1000000000000"}, []string{"c 0", "d 1000000000100"}},
	} {
		r := infratest.Entries(t, c.key, c.entries...)
		result, err := books.Ledger.Post(t.Context(), r)
		require.NoError(t, err, c.key)
		assert.False(t, result.Replayed, c.key)
		assert.Equal(t, ledger.Posted, result.Transaction.Status, c.key)
		assert.Equal(t, r.TransactionID(), result.Transaction.ID, c.key)
		assert.Equal(t, r.Entries, result.Transaction.Entries, c.key)
		balances(t, books, c.balances...)
	}
}

// The most entries and users that are allowed fit in one write.
func mostEntries(t *testing.T, open Open) {
	books := open(t)
	payroll := []string{"boss debit 98"}
	for i := range 49 {
		payroll = append(payroll, fmt.Sprintf("worker-%d credit 2", i))
	}
	_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "payroll", payroll...))
	require.NoError(t, err)
	balances(t, books, "boss 2", "worker-0 102", "worker-48 102")

	sales := make([]string, 99)
	for i := range sales {
		sales[i] = "shop credit 0.01"
	}
	_, err = books.Ledger.Post(t.Context(), infratest.Entries(t, "sales", sales...))
	require.NoError(t, err)
	balances(t, books, "shop 100.99")
}

// Each balance stays in its range after each entry, and not only at the end.
func entriesInTheirOrder(t *testing.T, open Open) {
	books := open(t)
	books.Fill(t, "rich")
	books.Fill(t, "richer")
	for i, c := range []struct {
		entries []string
		place   int // the declined entry's, or -1
		balance string
	}{
		{[]string{"a debit 150", "a credit 50"}, 0, "100"},
		{[]string{"a credit 50", "a debit 150"}, -1, "0"},
		{[]string{"b debit 60", "c credit 60", "b debit 60", "b credit 20"}, 2, "40"},
		{[]string{"b debit 60", "c credit 60", "b credit 20", "b debit 60"}, -1, "0"},
		{[]string{"rich credit 100.01", "rich debit 100.01"}, 0, "999999999999900"},
		{[]string{"rich credit 100", "rich debit 100"}, -1, "999999999999900"},
		{[]string{"rich credit 50", "d debit 1", "rich credit 51", "rich debit 1000"}, 2, "999999999999950"},
		{[]string{"richer debit 1000", "richer credit 1100"}, -1, "1000000000000000"},
		{[]string{"e debit 100", "e credit 0.01", "e debit 0.01", "e credit 100", "e debit 0.01", "e debit 99.99", "e debit 0.01"}, 6, "0"},
	} {
		key := fmt.Sprint(i)
		r := infratest.Entries(t, key, c.entries...)
		before := books.Balance(t, r.UserID().String())
		_, err := books.Ledger.Post(t.Context(), r)
		if c.place < 0 {
			require.NoError(t, err, "%v", c.entries)
			assert.Equal(t, c.balance, books.Balance(t, r.UserID().String()), "%v", c.entries)
			continue
		}
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined, "%v", c.entries)
		assert.Equal(t, c.place, declined.Result.Transaction.DeclinedEntry, "%v", c.entries)
		assert.Equal(t, c.balance, declined.Result.Transaction.BalanceSeen.String(), "%v", c.entries)
		assert.Equal(t, before, books.Balance(t, r.UserID().String()), "%v", c.entries)
	}
}

// A transaction that one balance does not allow moves no other, and has one row.
func declinedAsAWhole(t *testing.T, open Open) {
	books := open(t)
	books.Fill(t, "rich")
	for i, c := range []struct {
		entries []string
		place   int
		balance string
		reason  error
	}{
		{[]string{"a debit 100.01", "b credit 100.01"}, 0, "100", ledger.ErrInsufficientFunds},
		{[]string{"b credit 1", "a debit 100.01", "c credit 1"}, 1, "100", ledger.ErrInsufficientFunds},
		{[]string{"b debit 1", "c credit 1", "d debit 100", "a debit 100.01"}, 3, "100", ledger.ErrInsufficientFunds},
		{[]string{"a debit 101", "rich credit 101"}, 0, "100", ledger.ErrInsufficientFunds},
		{[]string{"a debit 100", "c debit 1", "rich credit 101"}, 2, "999999999999900", ledger.ErrBalanceLimit},
		{[]string{"rich credit 101", "a debit 101"}, 0, "999999999999900", ledger.ErrBalanceLimit},
	} {
		r := infratest.Entries(t, fmt.Sprint(i), c.entries...)
		_, err := books.Ledger.Post(t.Context(), r)
		require.ErrorIs(t, err, c.reason, "%v", c.entries)
		var first *ledger.DeclinedError
		require.ErrorAs(t, err, &first)
		declined := first.Result.Transaction
		assert.Equal(t, c.place, declined.DeclinedEntry, "%v", c.entries)
		assert.Equal(t, c.balance, declined.BalanceSeen.String(), "%v", c.entries)
		balances(t, books, "a 100", "b 100", "c 100", "d 100", "rich 999999999999900")

		stored, err := books.Ledger.Transaction(t.Context(), declined.ID)
		require.NoError(t, err)
		assert.Equal(t, declined, stored, "%v", c.entries)
		for place := range r.Entries[1:] {
			_, err := books.Ledger.Transaction(t.Context(), declined.ID.Entry(place+1))
			assert.ErrorIs(t, err, ledger.ErrNotFound, "entry %d of %v", place+1, c.entries)
		}
	}
	// A declined transaction stays declined, whatever comes in later.
	_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "top-up", "a credit 1000"))
	require.NoError(t, err)
	_, err = books.Ledger.Post(t.Context(), infratest.Entries(t, "0", "a debit 100.01", "b credit 100.01"))
	var again *ledger.DeclinedError
	require.ErrorAs(t, err, &again)
	assert.True(t, again.Result.Replayed)
	assert.Equal(t, "100", again.Result.Transaction.BalanceSeen.String())
	balances(t, books, "a 1100", "b 100")
}

// A replay needs no balance, neither its user's nor the others'.
func entriesReplayed(t *testing.T, open Open) {
	books := open(t)
	r := infratest.Entries(t, "k", "a debit 100", "b credit 99", "shop credit 1")
	r.Metadata = metadata(t)
	first, err := books.Ledger.Post(t.Context(), r)
	require.NoError(t, err)
	books.Fill(t, "c")
	for i, between := range []string{"b debit 199", "shop debit 101", "a credit 5", "a debit 5"} {
		_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, fmt.Sprint(i), between))
		require.NoError(t, err)
		again, err := books.Ledger.Post(t.Context(), r)
		require.NoError(t, err, "after %s", between)
		assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, again, "after %s", between)
	}
	for _, other := range [][]string{
		{"a debit 100"},
		{"a debit 100", "b credit 99"},
		{"a debit 100", "shop credit 1", "b credit 99"},
		{"a debit 100", "b credit 99", "shop credit 1.01"},
		{"a debit 100", "b credit 99", "shop credit 1", "shop credit 1"},
		{"a debit 100", "b credit 99", "c credit 1000000000000"}, // which c's balance does not allow, either
	} {
		reuse := infratest.Entries(t, "k", other...)
		reuse.Metadata = r.Metadata
		_, err := books.Ledger.Post(t.Context(), reuse)
		var reused *ledger.KeyReusedError
		require.ErrorAs(t, err, &reused, "%v", other)
		assert.Equal(t, ledger.KeyReusedError{EntriesDiffer: true}, *reused, "%v", other)
	}
	r.Metadata = ledger.Metadata{}
	_, err = books.Ledger.Post(t.Context(), r)
	var reused *ledger.KeyReusedError
	require.ErrorAs(t, err, &reused)
	assert.Equal(t, ledger.KeyReusedError{MetadataDiffers: true}, *reused)
	balances(t, books, "a 0", "b 0", "shop 0")
}

func metadata(t *testing.T) ledger.Metadata {
	t.Helper()
	m, err := ledger.NewMetadata(map[string]string{"order": "7", "note": "\u2028 <用> \"\\"})
	require.NoError(t, err)
	return m
}

// Each row is read back as it was recorded, by its own id.
func entriesReadBack(t *testing.T, open Open) {
	books := open(t)
	r := infratest.Entries(t, "posted", "Ω debit 0.01", "Ω credit 1000000000000", "b debit 100", "Ω debit 99.99")
	r.Metadata = metadata(t)
	p := posting(t, r)
	require.NoError(t, books.Store.Post(t.Context(), p))
	one := infratest.Entries(t, "one", "Ω debit 1")
	one.Metadata = metadata(t)
	single := posting(t, one)
	require.NoError(t, books.Store.Post(t.Context(), single))
	refused := infratest.Entries(t, "declined", "Ω debit 1", "b debit 1")
	refused.Metadata = metadata(t)
	whole := posting(t, refused).Rows[0]
	whole.Status, whole.DeclinedEntry = ledger.Declined, 1
	var err error
	whole.BalanceSeen, err = ledger.ParseBalance("0")
	require.NoError(t, err)
	require.NoError(t, books.Store.Decline(t.Context(), whole))
	for _, want := range append(p.Rows, single.Rows[0], whole) {
		got, err := books.Store.Transaction(t.Context(), want.ID)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

// The row with the first id answers every later posting with that id.
func entriesRecorded(t *testing.T, open Open) {
	books := open(t)
	first := posting(t, infratest.Entries(t, "k", "a debit 100", "b credit 100"))
	require.NoError(t, books.Store.Post(t.Context(), first))
	for _, again := range [][]string{
		{"a debit 100", "b credit 100"}, {"a debit 100"}, {"a credit 1", "b credit 1", "c credit 1"}, {"a debit 1", "b debit 1000"},
	} {
		var recorded *ledger.RecordedError
		require.ErrorAs(t, books.Store.Post(t.Context(), posting(t, infratest.Entries(t, "k", again...))), &recorded, "%v", again)
		assert.Equal(t, first.Rows[0], recorded.Recorded, "%v", again)
	}
	balances(t, books, "a 0", "b 200", "c 100")
}

// Every entry is in its own user's history, and a declined transaction in the first user's.
func entriesInHistory(t *testing.T, open Open) {
	books := open(t)
	l := books.Ledger
	r := infratest.Entries(t, "posted", "a debit 10", "b credit 4", "b credit 5", "c credit 1")
	_, err := l.Post(t.Context(), r)
	require.NoError(t, err)
	declined := infratest.Entries(t, "declined", "c debit 10", "a debit 1000", "b credit 1010")
	_, err = l.Post(t.Context(), declined)
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	id := r.TransactionID()
	for user, want := range map[string][]ledger.TransactionID{
		"a": {id}, "b": {id.Entry(1), id.Entry(2)}, "c": {declined.TransactionID(), id.Entry(3)},
	} {
		for len(history(t, l, user, 100)) < len(want) {
			require.NoError(t, t.Context().Err(), "the history doesn't catch up")
		}
		for _, limit := range []int{1, 100} {
			var got []ledger.TransactionID
			for _, line := range history(t, l, user, limit) {
				got = append(got, line.ID)
				stored, err := l.Transaction(t.Context(), line.ID)
				require.NoError(t, err)
				assert.Equal(t, stored, line, "%s, %d a page", user, limit)
			}
			assert.ElementsMatch(t, want, got, "%s, %d a page", user, limit)
		}
	}
}

// Many callers at once transfer in a circle, some with a fee: all end, and no money is made or
// lost. The books' check shows that each counts once.
func circleAtOnce(t *testing.T, open Open) {
	books := open(t)
	users := []string{"a", "b", "c"}
	errs := atOnce(24, func(i int) error {
		from, to := users[i%3], users[(i+1+i%2)%3]
		entries := []string{from + " debit 3", to + " credit 3"}
		if i%4 == 0 {
			entries = []string{from + " debit 3", to + " credit 2", "shop credit 1"}
		}
		r := infratest.Entries(t, fmt.Sprint(i), entries...)
		for try := 0; ; try++ {
			_, err := books.Ledger.Post(t.Context(), r)
			if !errors.Is(err, ledger.ErrTryAgain) || try == 10 {
				return err
			}
			time.Sleep(time.Millisecond)
		}
	})
	for i, err := range errs {
		assert.NoError(t, err, "transfer %d", i)
	}
	assert.Equal(t, "106", books.Balance(t, "shop"))
}

// Many callers send one transfer at once: one posts it, and the others replay it.
func oneTransferAtOnce(t *testing.T, open Open) {
	books := open(t)
	r := infratest.Entries(t, "k", "a debit 60", "b credit 60")
	results := make([]ledger.Result, 8)
	errs := atOnce(len(results), func(i int) (err error) {
		results[i], err = books.Ledger.Post(t.Context(), r)
		return err
	})
	firsts := 0
	for i, result := range results {
		require.NoError(t, errs[i])
		assert.Equal(t, results[0].Transaction.CreatedAt, result.Transaction.CreatedAt)
		if !result.Replayed {
			firsts++
		}
	}
	assert.Equal(t, 1, firsts)
	balances(t, books, "a 40", "b 160")
}
