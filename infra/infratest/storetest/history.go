package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// Some rows have one time.
func historyPages(t *testing.T, b *books) {
	want := map[ledger.TransactionID]bool{}
	for i := range 25 {
		b.at(time.Duration(i/3) * time.Millisecond)
		entry := "1 credit 1"
		if i%5 == 0 {
			entry = "1 debit 100000" // declined
		}
		b.post(t, fmt.Sprint(i), entry)
		want[infratest.Entries(t, fmt.Sprint(i), entry).TransactionID()] = true
		b.posts(t, fmt.Sprint(i), "2 credit 1")
	}
	for _, limit := range []int{1, 4, 5, 24, 25, 26, 100} {
		all := b.history(t, "1", len(want), limit)
		got := map[ledger.TransactionID]bool{}
		for i, transaction := range all {
			got[transaction.ID] = true
			if i > 0 {
				assert.False(t, transaction.CreatedAt.After(all[i-1].CreatedAt), "newest first")
			}
		}
		assert.Len(t, all, len(want), "limit %d: each once", limit)
		assert.Equal(t, want, got, "limit %d", limit)
	}
}

// Rows with one time are listed in the order in which they count, on pages of any length, and each
// once.
func historyOfOneTime(t *testing.T, b *books) {
	hold := b.hold(t, "hold", "1 debit 40")
	b.at(time.Minute + time.Second)
	several := b.posts(t, "several", "1 debit 90", "1 credit 3", "2 credit 1", "1 debit 12", "1 debit 1").ID
	more := b.posts(t, "more", "1 credit 7", "1 debit 6").ID
	b.at(time.Hour)
	captured := b.hold(t, "captured", "1 debit 1")
	_, err := b.Ledger.Capture(t.Context(), endOf(captured), ledger.Amount{})
	require.NoError(t, err)

	postings := [][]ledger.TransactionID{{several, several.Entry(1), several.Entry(3), several.Entry(4)}, {more, more.Entry(1)}}
	if slices.Compare(more[:], several[:]) < 0 {
		slices.Reverse(postings)
	}
	want := slices.Concat([]ledger.TransactionID{hold.ID, hold.ID.End()}, postings[0], postings[1], []ledger.TransactionID{captured.ID, captured.ID.End()})
	slices.Reverse(want)
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []ledger.TransactionID
		for _, row := range b.history(t, "1", len(want), limit) {
			got = append(got, row.ID)
		}
		assert.Equal(t, want, got, "limit %d", limit)
	}
}

// Every entry is in its own user's history, and a declined transaction in the first user's.
func entriesInHistory(t *testing.T, b *books) {
	id := b.posts(t, "posted", "a debit 10", "b credit 4", "b credit 5", "c credit 1").ID
	declined := []string{"c debit 10", "a debit 1000", "b credit 1010"}
	assert.Equal(t, "insufficient funds: entry 1 on 90", b.post(t, "declined", declined...))
	declinedID := infratest.Entries(t, "declined", declined...).TransactionID()
	for user, want := range map[string][]ledger.TransactionID{
		"a": {id}, "b": {id.Entry(1), id.Entry(2)}, "c": {declinedID, id.Entry(3)},
	} {
		for _, limit := range []int{1, 100} {
			var got []ledger.TransactionID
			for _, line := range b.history(t, user, len(want), limit) {
				got = append(got, line.ID)
				stored, err := b.Ledger.Transaction(t.Context(), line.ID)
				require.NoError(t, err)
				assert.Equal(t, stored, line, "%s, %d a page", user, limit)
			}
			assert.ElementsMatch(t, want, got, "%s, %d a page", user, limit)
		}
	}
}

// A cursor from one user's history opens nothing in it to another user.
func cursorOfAnotherUser(t *testing.T, b *books) {
	for i := range 4 {
		b.posts(t, fmt.Sprint(i), "alice credit 1")
		b.posts(t, fmt.Sprint(i), "bob credit 1")
	}
	bob := userOf(t, "bob")
	b.history(t, "alice", 4, 100)
	page, err := b.Ledger.History(t.Context(), userOf(t, "alice"), ledger.Cursor{}, 2)
	require.NoError(t, err)
	page, err = b.Ledger.History(t.Context(), bob, page.Next, 100)
	require.NoError(t, err)
	for _, transaction := range page.Transactions {
		assert.Equal(t, bob, transaction.UserID)
	}
}
