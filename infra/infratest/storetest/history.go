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

// clock returns a time that goes on by itself: three calls share a millisecond.
func clock() func() time.Time {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(334 * time.Microsecond)
		return now
	}
}

// history returns the transactions on all pages. It checks that each page but the last is full, and
// that the last is not empty, unless all are.
func history(t *testing.T, l *ledger.Ledger, user string, limit int) (all []ledger.Transaction) {
	t.Helper()
	id, err := ledger.ParseUserID(user)
	require.NoError(t, err)
	for after := (ledger.Cursor{}); ; {
		page, err := l.History(t.Context(), id, after, limit)
		require.NoError(t, err)
		require.False(t, len(page.Transactions) == 0 && len(all) > 0, "a next page of %d after all %d", limit, len(all))
		all = append(all, page.Transactions...)
		if page.Next == (ledger.Cursor{}) {
			return all
		}
		require.Len(t, page.Transactions, limit)
		after = page.Next
	}
}

func historyPages(t *testing.T, open Open) {
	books := open(t)
	l := ledger.New(books.Store, clock())
	want := map[ledger.TransactionID]bool{}
	for i := range 25 {
		kind, amount := ledger.Credit, "1"
		if i%5 == 0 {
			kind, amount = ledger.Debit, "100000" // declined
		}
		r := infratest.Request(t, "1", fmt.Sprint(i), kind, amount)
		_, _ = l.Post(t.Context(), r)
		want[r.TransactionID()] = true
		_, err := l.Post(t.Context(), infratest.Request(t, "2", fmt.Sprint(i), ledger.Credit, "1"))
		require.NoError(t, err)
	}
	for len(history(t, l, "1", 100)) < len(want) {
		require.NoError(t, t.Context().Err(), "the history doesn't catch up")
	}
	for _, limit := range []int{1, 4, 5, 24, 25, 26, 100} {
		all := history(t, l, "1", limit)
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
func historyOfOneTime(t *testing.T, open Open) {
	b := openTimed(t, open)
	hold := b.hold(t, "hold", "1 debit 40")
	b.at(time.Minute + time.Second)
	_, err := b.timed.Post(t.Context(), infratest.Entries(t, "several", "1 debit 90", "1 credit 3", "2 credit 1", "1 debit 12", "1 debit 1"))
	require.NoError(t, err)
	_, err = b.timed.Post(t.Context(), infratest.Entries(t, "more", "1 credit 7", "1 debit 6"))
	require.NoError(t, err)
	b.at(time.Hour)
	captured := b.hold(t, "captured", "1 debit 1")
	_, err = b.timed.Capture(t.Context(), endOf(captured), ledger.Amount{})
	require.NoError(t, err)

	several := infratest.Entries(t, "several", "1 debit 1").TransactionID()
	more := infratest.Entries(t, "more", "1 debit 1").TransactionID()
	postings := [][]ledger.TransactionID{{several, several.Entry(1), several.Entry(3), several.Entry(4)}, {more, more.Entry(1)}}
	if slices.Compare(more[:], several[:]) < 0 {
		slices.Reverse(postings)
	}
	want := slices.Concat([]ledger.TransactionID{hold.ID, hold.ID.End()}, postings[0], postings[1], []ledger.TransactionID{captured.ID, captured.ID.End()})
	slices.Reverse(want)
	b.lines(t, "1", len(want))
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []ledger.TransactionID
		for _, row := range history(t, b.timed, "1", limit) {
			got = append(got, row.ID)
		}
		assert.Equal(t, want, got, "limit %d", limit)
	}
}

func historyOfNobody(t *testing.T, open Open) {
	books := open(t)
	assert.Empty(t, history(t, books.Ledger, "nobody", 50))
}

// A cursor from one user's history opens nothing in it to another user.
func cursorOfAnotherUser(t *testing.T, open Open) {
	books := open(t)
	for i := range 4 {
		for _, user := range []string{"alice", "bob"} {
			_, err := books.Ledger.Post(t.Context(), infratest.Request(t, user, fmt.Sprint(i), ledger.Credit, "1"))
			require.NoError(t, err)
		}
	}
	alice, bob := infratest.Request(t, "alice", "1", ledger.Credit, "1").UserID(), infratest.Request(t, "bob", "1", ledger.Credit, "1").UserID()
	page, err := books.Ledger.History(t.Context(), alice, ledger.Cursor{}, 2)
	require.NoError(t, err)
	page, err = books.Ledger.History(t.Context(), bob, page.Next, 100)
	require.NoError(t, err)
	for _, transaction := range page.Transactions {
		assert.Equal(t, bob, transaction.UserID)
	}
}
