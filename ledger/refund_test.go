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

// originalOf returns these entries as a posted transaction.
func originalOf(t *testing.T, text string) ledger.Original {
	t.Helper()
	r := requestOf(t, text, 0)
	return ledger.Original{ID: r.TransactionID(), Entries: r.Entries}
}

func amountOf(t *testing.T, text string) ledger.Amount {
	t.Helper()
	amount, err := ledger.ParseAmount(text)
	require.NoError(t, err)
	return amount
}

func TestRefundOfASum(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ entries, amount, want string }{
		{"1 debit 10", "10", "[1 credit 10]"},
		{"1 credit 10", "0.01", "[1 debit 0.01]"},
		{"1 debit 10, 2 credit 10", "4", "[1 credit 4 2 debit 4]"},
		{"1 credit 10, 1 debit 10", "4", "[1 debit 4 1 credit 4]"},
		{"1 debit 10", "10.01", "must be at most what the entry moved: 10"},
		{"1 debit 10, 2 credit 10", "11", "must be at most what the entry moved: 10"},
		{"1 debit 10, 2 credit 9", "4", "must be in entries"},
		{"1 debit 10, 2 debit 10", "4", "must be in entries"},
		{"1 debit 10, 2 credit 9, 3 credit 1", "1", "must be in entries"},
	} {
		o := originalOf(t, c.entries)
		parts, err := o.Sum(amountOf(t, c.amount))
		if err != nil {
			require.ErrorIs(t, err, ledger.ErrInvalidAmount, c.entries)
			assert.ErrorContains(t, err, c.want, c.entries)
			continue
		}
		var got []string
		for _, e := range o.Request(parts).Entries {
			got = append(got, fmt.Sprint(e.UserID, " ", e.Type, " ", e.Amount))
		}
		assert.Equal(t, c.want, fmt.Sprint(got), c.entries)
	}
}

// A refund's posting names the original on every row, and the places on the first.
func TestRefundPosting(t *testing.T) {
	t.Parallel()
	o := originalOf(t, "1 debit 10, 2 credit 9, 3 credit 1")
	r := o.Request([]ledger.Part{{0, amountOf(t, "5")}, {2, amountOf(t, "0.5")}})
	r.IdempotencyKey = key(t, "r")
	p, err := ledger.NewPosting(r, noon)
	require.NoError(t, err)
	assert.Equal(t, 5, p.Items())
	assert.Equal(t, []int{0, 2}, p.Rows[0].RefundPlaces)
	assert.Nil(t, p.Rows[1].RefundPlaces)
	for _, row := range p.Rows {
		assert.Equal(t, o.ID, row.RefundOf)
	}
	assert.Equal(t, "5", p.Refund.MaxBefore(p.Refund.Parts[0]).String())
	assert.Equal(t, "0.5", p.Refund.MaxBefore(p.Refund.Parts[1]).String())

	one := amountOf(t, "1")
	for _, parts := range [][]ledger.Part{
		{{3, one}}, {{-1, one}}, {{1, one}, {0, one}}, {{1, one}, {1, one}}, {{0, amountOf(t, "10.01")}},
	} {
		wrong := r
		wrong.Refund = &ledger.Refund{Of: o, Parts: parts}
		_, err := ledger.NewPosting(wrong, noon)
		assert.Error(t, err, "%v", parts)
	}
}

// The answer that the refund account refuses is given only if the refund has no row.
func TestRefundLimit(t *testing.T) {
	t.Parallel()
	o := originalOf(t, "1 debit 10, 2 credit 10")
	r := o.Request(o.Whole())
	r.IdempotencyKey = key(t, "r")
	spent := &ledger.RefusedError{
		Refunds: &ledger.Refunds{Count: 1, Sums: map[int]ledger.Amount{1: amountOf(t, "2.5")}},
	}
	store := &script{answers: []error{spent}}
	_, err := store.at(noon).Post(t.Context(), r)
	var limit *ledger.RefundLimitError
	require.ErrorAs(t, err, &limit)
	require.ErrorIs(t, err, ledger.ErrRefundLimit)
	assert.Equal(t, []any{o, 1, "7.5"}, []any{limit.Of, limit.Entry, limit.Refundable.String()})
	assert.Empty(t, store.declined)
	assert.EqualError(t, limit, "transaction "+o.ID.String()+": refund limit: 7.5 is left of entry 1")

	posted := recordedAs(t, r)
	result, err := store.holding(posted).at(noon).Post(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: posted, Replayed: true}, result)

	spent.Unknown = true
	store.rows = nil
	_, err = store.at(noon).Post(t.Context(), r)
	require.ErrorIs(t, err, ledger.ErrTryAgain)
	assert.NotErrorIs(t, err, ledger.ErrRefundLimit)
}

// The limit is also withheld if the attempt with an unknown outcome came before a
// separate write of releases.
func TestRefundLimitAfterReleases(t *testing.T) {
	t.Parallel()
	o := originalOf(t, "b credit 1"+strings.Repeat(", b credit 1", 96)) // 97 rows, a move and the account
	r := o.Request(o.Whole())
	r.IdempotencyKey = key(t, "r")
	refused := &ledger.RefusedError{Unknown: true, Accounts: map[ledger.UserID]ledger.Account{
		r.UserID(): account(t, "10", holdsOf(t, "b", noon, "45", "45")...),
	}}
	spent := &ledger.RefusedError{Refunds: &ledger.Refunds{Count: 1, Sums: map[int]ledger.Amount{0: amountOf(t, "1")}}}
	store := &script{answers: []error{refused, nil, spent}}
	_, err := store.at(after).Post(t.Context(), r)
	require.ErrorIs(t, err, ledger.ErrTryAgain)
	assert.NotErrorIs(t, err, ledger.ErrRefundLimit)
	assert.Len(t, store.posted, 3)
}

func TestOriginal(t *testing.T) {
	t.Parallel()
	posted := recordedAs(t, requestOf(t, "1 debit 10", 0))
	refund := posted
	refund.RefundOf = ledger.TransactionID{1}
	declined := posted
	declined.Status = ledger.Declined
	further := posted
	further.TransactionID = ledger.TransactionID{1}
	pending := pendingRow(t, "1 debit 10, 2 credit 10")
	store := &script{}
	read := func(rows ...ledger.Transaction) (ledger.Original, error) {
		return store.holding(rows...).at(noon.Add(time.Second)).Original(t.Context(), rows[0].ID)
	}
	o, err := read(posted)
	require.NoError(t, err)
	assert.Equal(t, ledger.Original{ID: posted.ID, Entries: posted.AllEntries()}, o)
	for _, row := range []ledger.Transaction{refund, declined, pending} {
		_, err := read(row)
		var not *ledger.NotRefundableError
		require.ErrorAs(t, err, &not)
		require.ErrorIs(t, err, ledger.ErrNotRefundable)
		assert.Equal(t, row, not.Transaction)
		assert.EqualError(t, err, fmt.Sprintf("transaction %s: not refundable: it is %s", row.ID, row.Status))
	}
	_, err = read(further)
	require.ErrorIs(t, err, ledger.ErrNotFound)

	captured := ledger.Transaction{ID: pending.ID.End(), End: ledger.Capture, Status: ledger.Posted, Amount: amountOf(t, "4"), TransactionID: pending.ID}
	o, err = read(pending, captured)
	require.NoError(t, err)
	assert.Equal(t, originalOf(t, "1 debit 4, 2 credit 4").Entries, o.Entries)
	assert.Equal(t, "10", pending.Entries[1].Amount.String(), "the row is not changed")
}
