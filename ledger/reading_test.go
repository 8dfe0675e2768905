package ledger_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"onewrite/ledger"
)

// A hold becomes spendable one second after its expiry, and not earlier.
func TestFunds(t *testing.T) {
	t.Parallel()
	early, late := noon.Add(time.Minute), noon.Add(time.Hour)
	holds := slices.Concat(holdsOf(t, "1", early, "40", "0.01"), holdsOf(t, "2", late, "5.50"))
	for _, c := range []struct {
		at                time.Time
		spendable, inHold string
	}{
		{noon, "10", "45.51"},
		{early.Add(999 * time.Millisecond), "10", "45.51"},
		{early.Add(time.Second), "50.01", "5.5"},
		{late.Add(999 * time.Millisecond), "50.01", "5.5"},
		{late.Add(time.Second), "55.51", "0"},
	} {
		a := account(t, "10", holds...)
		funds := a.Funds(c.at)
		assert.Equal(t, c.spendable, funds.Balance.String(), "%v", c.at)
		assert.Equal(t, c.inHold, funds.Held.String(), "%v", c.at)
		assert.Equal(t, "10", a.Balance.String(), "a reading changes nothing")
	}
	assert.Equal(t, "45.51", ledger.Held(holds).String())

	// The highest balance is MaxBalance plus the release of MaxHolds holds of the highest
	// amount.
	holds = holdsOf(t, "1", noon, slices.Repeat([]string{"1000000000000"}, ledger.MaxHolds)...)
	funds := account(t, ledger.MaxBalance().String(), holds...).Funds(after)
	assert.Equal(t, "1016000000000000", funds.Balance.String())
	assert.True(t, funds.Balance.Equal(ledger.HighestBalance()))
	assert.True(t, funds.Held.IsZero())
}

// A hold that expires during the read may have been captured. Therefore Balance reads the
// account again, but only once for the same hold.
func TestBalanceWhileAHoldExpires(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spendable time.Duration // when the hold becomes spendable, relative to the clock's first call
		step      time.Duration // how far the clock advances at each call
		reads     int
	}{
		{-time.Hour, time.Millisecond, 1}, {0, time.Millisecond, 1}, {time.Millisecond, time.Millisecond, 2}, {time.Minute, time.Hour, 2},
		{2 * time.Millisecond, time.Millisecond, 1}, {time.Hour, time.Millisecond, 1},
	} {
		first := noon.Add(c.step)
		s := &script{account: account(t, "60", holdsOf(t, "1", first.Add(c.spendable-time.Second), "40")...)}
		_, err := ledger.New(s, ticking(noon, c.step)).Balance(t.Context(), user(t, "1"))
		require.NoError(t, err)
		assert.Equal(t, c.reads, s.reads, "%+v", c)
	}
}

// Without a trace in the context, retries are not counted.
func TestTrace(t *testing.T) {
	t.Parallel()
	var trace ledger.Trace
	ctx := ledger.WithTrace(t.Context(), &trace)
	ledger.TraceOf(ctx).Retries++
	ledger.TraceOf(t.Context()).Retries++
	assert.Equal(t, 1, trace.Retries)
	assert.Zero(t, ledger.TraceOf(t.Context()).Retries)
}

// Rows are sorted by time, and rows from one write by their place in it.
func TestSortRows(t *testing.T) {
	t.Parallel()
	rowsOf := func(k string, at time.Time, text string) []ledger.Transaction {
		p, err := ledger.NewPosting(ledger.Request{IdempotencyKey: key(t, k), Entries: entries(t, text)}, at)
		require.NoError(t, err)
		return p.Rows
	}
	release := endRow(t, ledger.Transaction{ID: newID(t, "1", "a"), UserID: user(t, "1")}, ledger.Expiry, "40")
	hold := pendingRow(t, "1 debit 40")
	many := rowsOf("k", noon, "1 debit 1, 1 debit 2, 2 credit 3"+strings.Repeat(", 1 debit 1", 8)+", 1 credit 12")
	many = slices.Delete(many, 2, 3) // removes the row of another user
	var several []ledger.Transaction // writes at the same time, ordered by their ids
	for _, k := range []string{"b", "d", "c", "a"} {
		several = append(several, rowsOf(k, noon, "1 debit 1, 1 debit 2, 1 debit 3")...)
	}
	slices.SortStableFunc(several, func(a, b ledger.Transaction) int {
		one, other := a.FirstID(), b.FirstID()
		return slices.Compare(one[:], other[:])
	})
	for name, want := range map[string][]ledger.Transaction{
		"by time":                                append(rowsOf("k", noon.Add(-time.Millisecond), "1 debit 1"), release),
		"entries by position":                    many,
		"entries by position, without the first": many[1:],
		"several writes with the same time":      several,
		"releases first":                         append([]ledger.Transaction{release}, many...),
		"a capture after its hold":               {hold, endRow(t, hold, ledger.Capture, "25")},
		"a void after its hold":                  {release, hold, endRow(t, hold, ledger.Void, "40")},
		"an expiry after its hold":               {release, hold, endRow(t, hold, ledger.Expiry, "40")},
	} {
		rapid.Check(t, func(t *rapid.T) {
			got := rapid.Permutation(want).Draw(t, "rows")
			ledger.SortRows(got)
			require.Equal(t, want, got, name)
		})
	}
}
