package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

// history reads all pages of a user's history and returns the ids. It waits until the index has
// count rows. Every page but the last must be full, and the last must not be empty unless there are
// no rows.
func history(t *testing.T, b *script.Script, user string, count, limit int) (ids []ledger.TransactionID) {
	t.Helper()
	read := func(after ledger.Cursor, limit int) ledger.Page {
		page, err := b.Ledger.History(t.Context(), userOf(t, user), after, limit)
		require.NoError(t, err)
		return page
	}
	for len(read(ledger.Cursor{}, ledger.MaxPage).Transactions) < count {
		require.NoError(t, t.Context().Err(), "the history doesn't catch up")
	}
	for after := (ledger.Cursor{}); ; {
		page := read(after, limit)
		require.False(t, len(page.Transactions) == 0 && len(ids) > 0, "a next page of %d after all %d", limit, len(ids))
		for _, row := range page.Transactions {
			ids = append(ids, row.ID)
		}
		if page.Next == (ledger.Cursor{}) {
			return ids
		}
		require.Len(t, page.Transactions, limit)
		after = page.Next
	}
}

func userOf(t *testing.T, name string) ledger.UserID {
	t.Helper()
	return infratest.Request(t, name, "k", ledger.Credit, "1").UserID()
}

// Pages of any length list every row once, even if several rows have the same time.
func historyPages(t *testing.T, b *script.Script) {
	var groups [][]ledger.TransactionID
	for i := range 8 {
		const steps = "a%[1]d: 1 credit 1; b%[1]d: 1 credit 1; c%[1]d: 1 debit 1000 = on %[2]d; d%[1]d: 2 credit 1; 1ms"
		b.Play(t, fmt.Sprintf(steps, i, 102+2*i))
		var group []ledger.TransactionID
		for _, name := range []string{"a", "b", "c"} {
			group = append(group, b.ID(fmt.Sprint(name, i)))
		}
		groups = append(groups, group)
	}
	slices.Reverse(groups) // newest first
	for _, limit := range []int{1, 4, 5, 23, 24, 25, 100} {
		got := history(t, b, "1", 24, limit)
		require.Len(t, got, 24, "%d a page", limit)
		for i, group := range groups {
			assert.ElementsMatch(t, group, got[3*i:3*i+3], "%d a page", limit)
		}
	}
}

// Rows with the same time are listed by when they changed the balance, latest first, each once, for
// any page length.
func historyOfRowsWithTheSameTime(t *testing.T, b *script.Script) {
	b.Play(t, `
		hold: hold 1 debit 40; 1m1s
		several: 1 debit 90, 1 credit 3, 2 credit 1, 1 debit 12, 1 debit 1
		more: 1 credit 7, 1 debit 6; 1h
		captured: hold 1 debit 1; c: capture captured`)
	postings := [][]string{{"several", "several/1", "several/3", "several/4"}, {"more", "more/1"}}
	several, more := b.ID("several"), b.ID("more")
	if slices.Compare(more[:], several[:]) < 0 {
		slices.Reverse(postings)
	}
	var want []ledger.TransactionID
	for _, row := range slices.Concat([]string{"hold", "hold/end"}, postings[0], postings[1], []string{"captured", "captured/end"}) {
		want = append(want, b.ID(row))
	}
	slices.Reverse(want)
	for limit := 1; limit <= len(want)+1; limit++ {
		assert.Equal(t, want, history(t, b, "1", len(want), limit), "limit %d", limit)
	}
}

// With a cursor from alice's history, bob sees only his own rows.
func cursorOfAnotherUser(t *testing.T, b *script.Script) {
	for i := range 4 {
		b.Play(t, fmt.Sprintf("%d: alice credit 1; %d: bob credit 1", i, i))
	}
	history(t, b, "alice", 4, 100)
	page, err := b.Ledger.History(t.Context(), userOf(t, "alice"), ledger.Cursor{}, 2)
	require.NoError(t, err)
	page, err = b.Ledger.History(t.Context(), userOf(t, "bob"), page.Next, 100)
	require.NoError(t, err)
	for _, transaction := range page.Transactions {
		assert.Equal(t, "bob", transaction.UserID.String())
	}
}
