package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC)

func key(t require.TestingT, text string) ledger.IdempotencyKey {
	k, err := ledger.ParseIdempotencyKey(text)
	require.NoError(t, err)
	return k
}

func metadata(t require.TestingT, members map[string]string) ledger.Metadata {
	m, err := ledger.NewMetadata(members)
	require.NoError(t, err)
	return m
}

// transfer returns user 1's request for a transfer with a fee, with the key 1.
func transfer(t require.TestingT) ledger.Request {
	return ledger.Request{
		IdempotencyKey: key(t, "1"),
		Entries:        entries(t, "1 debit 10, 2 credit 9, shop credit 1"),
		Metadata:       metadata(t, map[string]string{"order": "7"}),
	}
}

// The first row holds the transaction's data, the others only their own.
func TestRowsOfPosting(t *testing.T) {
	t.Parallel()
	r := transfer(t)
	p, err := ledger.NewPosting(r, noon.In(time.FixedZone("east", 3600)).Add(999*time.Microsecond))
	require.NoError(t, err)
	first := ledger.Transaction{
		ID: newID(t, "1", "1"), UserID: r.Entries[0].UserID, Type: ledger.Debit, Amount: r.Entries[0].Amount, Status: ledger.Posted, CreatedAt: noon,
		IdempotencyKey: r.IdempotencyKey, Entries: r.Entries, Metadata: r.Metadata,
	}
	further := func(place int) ledger.Transaction {
		e := r.Entries[place]
		return ledger.Transaction{
			ID: first.ID.Entry(place), UserID: e.UserID, Type: e.Type, Amount: e.Amount, Status: ledger.Posted, CreatedAt: noon, TransactionID: first.ID,
		}
	}
	assert.Equal(t, []ledger.Transaction{first, further(1), further(2)}, p.Rows)
	assert.Equal(t, r.Entries, p.Rows[0].AllEntries())
	assert.Equal(t, r.Entries[2], p.Rows[2].Entry())
}

// A transaction with one entry has metadata, but no list of entries.
func TestRowOfOneEntry(t *testing.T) {
	t.Parallel()
	r := transfer(t)
	r.Entries = r.Entries[:1]
	p, err := ledger.NewPosting(r, noon)
	require.NoError(t, err)
	assert.Equal(t, []ledger.Transaction{{
		ID: newID(t, "1", "1"), UserID: r.Entries[0].UserID, Type: ledger.Debit, Amount: r.Entries[0].Amount, Status: ledger.Posted, CreatedAt: noon,
		IdempotencyKey: r.IdempotencyKey, Metadata: r.Metadata,
	}}, p.Rows)
	assert.Equal(t, r.Entries, p.Rows[0].AllEntries())
}

// moveText returns a move in the notation of the table below.
func moveText(m ledger.Move) string {
	return fmt.Sprintf("%s %s %s from %s to %s in %d", m.UserID, m.Type, m.Sum, m.MinBefore, m.MaxBefore, m.Rows)
}

func TestMoves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		entries string
		want    []string
	}{
		{"1 credit 10.50", []string{"1 credit 10.5 from 0 to 999999999999989.5 in 1"}},
		{"1 debit 10.50", []string{"1 debit 10.5 from 10.5 to 1016000000000000 in 1"}},
		{"1 debit 10, 2 credit 9, shop credit 1", []string{
			"1 debit 10 from 10 to 1016000000000000 in 1",
			"2 credit 9 from 0 to 999999999999991 in 1",
			"shop credit 1 from 0 to 999999999999999 in 1",
		}},
		// Users are in the order of their first entries.
		{"b credit 1, a credit 2, b credit 3", []string{"b credit 4 from 0 to 999999999999996 in 2", "a credit 2 from 0 to 999999999999998 in 1"}},
		// Releases may lift a balance above 10^15, credits may not. The bound
		// applies after each entry, not only to the sum.
		{"1 credit 10, 1 debit 4", []string{"1 credit 6 from 0 to 999999999999990 in 2"}},
		{"1 debit 4, 1 credit 10", []string{"1 credit 6 from 4 to 999999999999994 in 2"}},
		{"1 debit 10, 1 credit 4", []string{"1 debit 6 from 10 to 1000000000000006 in 2"}},
		{"1 credit 4, 1 debit 10", []string{"1 debit 6 from 6 to 999999999999996 in 2"}},
		{"1 debit 10, 1 credit 30, 1 debit 5", []string{"1 credit 15 from 10 to 999999999999980 in 3"}},
		{"1 debit 10, 1 credit 4, 1 debit 3", []string{"1 debit 9 from 10 to 1000000000000006 in 3"}},
		// Entries with the sum zero still need the range.
		{"1 debit 10, 1 credit 10", []string{"1 credit 0 from 10 to 1000000000000000 in 2"}},
		{"1 credit 10, 1 debit 10.00", []string{"1 credit 0 from 0 to 999999999999990 in 2"}},
		{"1 credit 0.01, 1 debit 0.02, 1 credit 0.01", []string{"1 credit 0 from 0.01 to 999999999999999.99 in 3"}},
		{"1 debit 10, 2 debit 5, 1 credit 10, 2 debit 5", []string{
			"1 credit 0 from 10 to 1000000000000000 in 2", "2 debit 10 from 10 to 1016000000000000 in 2",
		}},
		{strings.Repeat("1 credit 1000000000000, ", 98) + "1 credit 1000000000000", []string{"1 credit 99000000000000 from 0 to 901000000000000 in 99"}},
		{strings.Repeat("1 debit 1000000000000, ", 98) + "1 debit 0.01", []string{"1 debit 98000000000000.01 from 98000000000000.01 to 1016000000000000 in 99"}},
	} {
		p, err := ledger.NewPosting(ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, c.entries)}, noon)
		require.NoError(t, err, c.entries)
		var got []string
		for _, m := range p.Moves {
			got = append(got, moveText(m))
		}
		assert.Equal(t, c.want, got, c.entries)
	}
}

func TestMoveAllows(t *testing.T) {
	t.Parallel()
	p, err := ledger.NewPosting(ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, "1 debit 10, 1 credit 30")}, noon)
	require.NoError(t, err)
	for _, c := range []struct {
		balance string
		want    bool
	}{
		{"0", false}, {"9.99", false}, {"10", true}, {"10.01", true}, {"999999999999980", true}, {"999999999999980.01", false}, {"1000000000000000", false},
	} {
		balance, err := ledger.ParseBalance(c.balance)
		require.NoError(t, err)
		assert.Equal(t, c.want, p.Moves[0].Allows(balance), c.balance)
	}
}

func TestPostingOfUnknownType(t *testing.T) {
	t.Parallel()
	for place := range 3 {
		r := transfer(t)
		r.Entries[place].Type = "capture"
		p, err := ledger.NewPosting(r, noon)
		require.EqualError(t, err, `post 47b9e303-c943-824b-a25b-f2db8fa4f6ab: type "capture" moves no balance`)
		assert.Zero(t, p)
		assert.PanicsWithValue(t, `ledger: type "capture" moves no balance`, func() { ledger.Mints(r.Entries) })
	}
}
