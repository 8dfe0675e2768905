package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// A transaction moves all its users, who may all be new. The answer is its first row, which names
// all entries.
func entriesMoveBalances(t *testing.T, b *books) {
	for _, c := range []struct {
		key      string
		entries  []string
		balances []string
	}{
		{"credit", []string{"1 credit 10"}, []string{"1 110"}},
		{"debit", []string{"1 debit 0.5"}, []string{"1 109.5"}},
		{"debit of all", []string{"1 debit 109.5"}, []string{"1 0"}},
		{"cent", []string{"1 credit 0.01"}, []string{"1 0.01"}},
		{"transfer", []string{"a debit 10", "b credit 10"}, []string{"a 90", "b 110"}},
		{"transfer back", []string{"b debit 110", "a credit 110"}, []string{"a 200", "b 0"}},
		{"transfer with a fee", []string{"a debit 100.5", "b credit 99.5", "shop credit 1"}, []string{"a 99.5", "b 99.5", "shop 101"}},
		{"credit first", []string{"b credit 0.5", "a debit 0.5"}, []string{"a 99", "b 100"}},
		{"money from outside and to it", []string{"a credit 1", "b debit 100"}, []string{"a 100", "b 0"}},
		{"to oneself", []string{"a debit 100", "a credit 100"}, []string{"a 100"}},
		{"new, all of it", []string{"c debit 100", "d credit 1000000000000"}, []string{"c 0", "d 1000000000100"}},
	} {
		r := infratest.Entries(t, c.key, c.entries...)
		posted := b.posts(t, c.key, c.entries...)
		assert.Equal(t, r.TransactionID(), posted.ID, c.key)
		assert.Equal(t, r.Entries, posted.AllEntries(), c.key)
		b.balances(t, c.balances...)
	}
}

// The opening balance counts, whatever the first call.
func firstPostStartsFromOpeningBalance(t *testing.T, b *books) {
	for entry, balance := range map[string]string{
		"credit credit 1": "101", "debit debit 1": "99", "all debit 100": "0", "largest credit 1000000000000": "1000000000100",
	} {
		posted := b.posts(t, "k", entry)
		assert.Equal(t, balance, b.funds(t, posted.UserID.String()), entry)
	}
}

// The most entries and users that are allowed fit in one write.
func mostEntries(t *testing.T, b *books) {
	payroll := []string{"boss debit 98"}
	for i := range 49 {
		payroll = append(payroll, fmt.Sprintf("worker-%d credit 2", i))
	}
	b.posts(t, "payroll", payroll...)
	b.balances(t, "boss 2", "worker-0 102", "worker-48 102")
	b.posts(t, "sales", slices.Repeat([]string{"shop credit 0.01"}, 99)...)
	b.balances(t, "shop 100.99")
}

// Each balance stays in its range after each entry, and not only at the end.
func entriesInTheirOrder(t *testing.T, b *books) {
	b.Fill(t, "rich")
	b.Fill(t, "richer")
	for i, c := range []struct {
		entries []string
		want    string // the decline, or the first user's balance
	}{
		{[]string{"a debit 150", "a credit 50"}, "insufficient funds: entry 0 on 100"},
		{[]string{"a credit 50", "a debit 150"}, "0"},
		{[]string{"b debit 60", "c credit 60", "b debit 60", "b credit 20"}, "insufficient funds: entry 2 on 40"},
		{[]string{"b debit 60", "c credit 60", "b credit 20", "b debit 60"}, "0"},
		{[]string{"rich credit 100.01", "rich debit 100.01"}, "balance limit: entry 0 on 999999999999900"},
		{[]string{"rich credit 100", "rich debit 100"}, "999999999999900"},
		{[]string{"rich credit 50", "d debit 1", "rich credit 51", "rich debit 1000"}, "balance limit: entry 2 on 999999999999950"},
		{[]string{"richer debit 1000", "richer credit 1100"}, "1000000000000000"},
		{[]string{"e debit 100", "e credit 0.01", "e debit 0.01", "e credit 100", "e debit 0.01", "e debit 99.99", "e debit 0.01"},
			"insufficient funds: entry 6 on 0"},
	} {
		key := fmt.Sprint(i)
		user := infratest.Entries(t, key, c.entries...).UserID().String()
		before := b.funds(t, user)
		if got := b.post(t, key, c.entries...); got != "" {
			assert.Equal(t, c.want, got, "%v", c.entries)
			assert.Equal(t, before, b.funds(t, user), "%v", c.entries)
		} else {
			assert.Equal(t, c.want, b.funds(t, user), "%v", c.entries)
		}
	}
}

// A transaction that one balance does not allow moves no other, and has one row. It stays declined,
// whatever comes in later.
func declinedAsAWhole(t *testing.T, b *books) {
	b.Fill(t, "rich")
	b.posts(t, "spend", "spent debit 99.99")
	declines := []struct {
		entries []string
		want    string
	}{
		{[]string{"a debit 100.01"}, "insufficient funds: entry 0 on 100"},
		{[]string{"a debit 1000000000000"}, "insufficient funds: entry 0 on 100"},
		{[]string{"spent debit 0.02"}, "insufficient funds: entry 0 on 0.01"},
		{[]string{"spent debit 100"}, "insufficient funds: entry 0 on 0.01"}, // as much as the opening balance
		{[]string{"a debit 100.01", "b credit 100.01"}, "insufficient funds: entry 0 on 100"},
		{[]string{"b credit 1", "a debit 100.01", "c credit 1"}, "insufficient funds: entry 1 on 100"},
		{[]string{"b debit 1", "c credit 1", "d debit 100", "a debit 100.01"}, "insufficient funds: entry 3 on 100"},
		{[]string{"a debit 101", "rich credit 101"}, "insufficient funds: entry 0 on 100"},
		{[]string{"a debit 100", "c debit 1", "rich credit 101"}, "balance limit: entry 2 on 999999999999900"},
		{[]string{"rich credit 101", "a debit 101"}, "balance limit: entry 0 on 999999999999900"},
	}
	for i, c := range declines {
		r := infratest.Entries(t, fmt.Sprint(i), c.entries...)
		assert.Equal(t, c.want, b.post(t, fmt.Sprint(i), c.entries...), "%v", c.entries)
		b.balances(t, "a 100", "b 100", "c 100", "d 100", "rich 999999999999900", "spent 0.01")
		for place := range r.Entries[1:] {
			_, err := b.Ledger.Transaction(t.Context(), r.TransactionID().Entry(place+1))
			assert.ErrorIs(t, err, ledger.ErrNotFound, "entry %d of %v", place+1, c.entries)
		}
	}
	b.posts(t, "top-up", "a credit 2000", "spent credit 2000")
	b.posts(t, "room", "rich debit 2000")
	for i, c := range declines {
		_, err := b.Ledger.Post(t.Context(), infratest.Entries(t, fmt.Sprint(i), c.entries...))
		assert.Equal(t, c.want, b.declined(t, err), "%v again", c.entries)
		var again *ledger.DeclinedError
		require.ErrorAs(t, err, &again)
		assert.True(t, again.Result.Replayed, "%v again", c.entries)
	}
	b.balances(t, "a 2100", "b 100")
}

func balanceLimit(t *testing.T, b *books) {
	b.Fill(t, "1")
	assert.Equal(t, "balance limit: entry 0 on 999999999999900", b.post(t, "over", "1 credit 100.01"))
	b.posts(t, "full", "1 credit 100")
	assert.Equal(t, "balance limit: entry 0 on 1000000000000000", b.post(t, "cent", "1 credit 0.01"))
	b.posts(t, "less", "1 debit 0.01")
	b.balances(t, "1 999999999999999.99")
}

// A key belongs to one transaction. Its replay is the same request, in other words.
func keyReused(t *testing.T, b *books) {
	first := b.posts(t, "k", "1 credit 10")
	again, err := b.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10.00"))
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: first, Replayed: true}, again)
	for _, c := range []struct {
		kind   ledger.Type
		amount string
		want   ledger.KeyReusedError
	}{
		{ledger.Debit, "10", ledger.KeyReusedError{TypeDiffers: true}},
		{ledger.Credit, "11", ledger.KeyReusedError{AmountDiffers: true}},
		{ledger.Debit, "1000", ledger.KeyReusedError{TypeDiffers: true, AmountDiffers: true}}, // the balance would decline it, too
	} {
		_, err := b.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", c.kind, c.amount))
		assert.Equal(t, c.want, reused(t, err), "%+v", c)
	}
	b.balances(t, "1 110")
}

// A replay needs no balance, neither its user's nor the others'.
func entriesReplayed(t *testing.T, b *books) {
	r := infratest.Entries(t, "k", "a debit 100", "b credit 99", "shop credit 1")
	r.Metadata = metadata(t)
	first, err := b.Ledger.Post(t.Context(), r)
	require.NoError(t, err)
	for i, between := range []string{"b debit 199", "shop debit 101", "a credit 5", "a debit 5"} {
		b.posts(t, fmt.Sprint(i), between)
		again, err := b.Ledger.Post(t.Context(), r)
		require.NoError(t, err, "after %s", between)
		assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, again, "after %s", between)
	}
	for _, other := range [][]string{
		{"a debit 100"},
		{"a debit 100", "b credit 99"},
		{"a debit 100", "shop credit 1", "b credit 99"},
		{"a debit 100", "b credit 99", "shop credit 1.01"},
		{"a debit 100", "b credit 99", "shop credit 1", "shop credit 1"},
	} {
		reuse := infratest.Entries(t, "k", other...)
		reuse.Metadata = r.Metadata
		_, err := b.Ledger.Post(t.Context(), reuse)
		assert.Equal(t, ledger.KeyReusedError{EntriesDiffer: true}, reused(t, err), "%v", other)
	}
	r.Metadata = ledger.Metadata{}
	_, err = b.Ledger.Post(t.Context(), r)
	assert.Equal(t, ledger.KeyReusedError{MetadataDiffers: true}, reused(t, err))
	b.balances(t, "a 0", "b 0", "shop 0")
}

func usersShareKeys(t *testing.T, b *books) {
	b.posts(t, "signup-bonus", "1 credit 5")
	b.posts(t, "signup-bonus", "2 credit 5")
	b.balances(t, "1 105", "2 105")
}

func fortyDebitsAtOnce(t *testing.T, b *books) {
	errs := atOnce(40, func(i int) error {
		_, err := b.Ledger.Post(t.Context(), infratest.Request(t, "1", fmt.Sprint(i), ledger.Debit, "10"))
		return err
	})
	posted, declined := 0, 0
	for _, err := range errs {
		switch {
		case err == nil:
			posted++
		case errors.Is(err, ledger.ErrInsufficientFunds):
			declined++
		}
	}
	assert.Equal(t, 10, posted, "posted of %v", errs)
	assert.Equal(t, 30, declined, "declined of %v", errs)
	b.balances(t, "1 0")
}

// Many callers send one transfer at once: one posts it, and the others replay it.
func oneKeyAtOnce(t *testing.T, b *books) {
	transfer := infratest.Entries(t, "k", "a debit 60", "b credit 60")
	results := make([]ledger.Result, 32)
	for _, err := range atOnce(len(results), func(i int) (err error) {
		results[i], err = b.Ledger.Post(t.Context(), transfer)
		return err
	}) {
		require.NoError(t, err)
	}
	firsts := 0
	for _, result := range results {
		assert.Equal(t, results[0].Transaction, result.Transaction)
		if !result.Replayed {
			firsts++
		}
	}
	assert.Equal(t, 1, firsts, "answers that are not replays")
	b.balances(t, "a 40", "b 160")
}

// One key is sent for two different transactions at once: one uses it, the other is refused.
func oneKeyTwoPayloadsAtOnce(t *testing.T, b *books) {
	requests := []ledger.Request{
		infratest.Request(t, "1", "k", ledger.Credit, "10"),
		infratest.Request(t, "1", "k", ledger.Debit, "1000"), // declined, if it is first
	}
	errs := atOnce(16, func(i int) error {
		_, err := b.Ledger.Post(t.Context(), requests[i%2])
		return err
	})
	reused := 0
	for _, err := range errs {
		if errors.Is(err, ledger.ErrKeyReused) {
			reused++
		}
	}
	assert.Equal(t, 8, reused, "reused of %v", errs)
}
