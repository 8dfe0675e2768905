package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

func TestRefundOfASum(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ entries, amount, want string }{
		{"1 debit 10", "10", "1 credit 10"},
		{"1 credit 10", "0.01", "1 debit 0.01"},
		{"1 debit 10, 2 credit 10", "4", "1 credit 4, 2 debit 4"},
		{"1 credit 10, 1 debit 10", "4", "1 debit 4, 1 credit 4"},
		{"1 debit 10", "10.01", "must be at most what the entry moved: 10"},
		{"1 debit 10, 2 credit 10", "11", "must be at most what the entry moved: 10"},
		{"1 debit 10, 2 credit 9", "4", "must be in entries"},
		{"1 debit 10, 2 debit 10", "4", "must be in entries"},
		{"1 debit 10, 2 credit 9, 3 credit 1", "1", "must be in entries"},
	} {
		o := originalOf(t, c.entries)
		parts, err := o.Sum(amount(t, c.amount))
		if strings.HasPrefix(c.want, "must") {
			require.ErrorIs(t, err, ledger.ErrInvalid, c.entries)
			assert.ErrorContains(t, err, c.want, c.entries)
			continue
		}
		require.NoError(t, err, c.entries)
		assert.Equal(t, entries(t, c.want), o.Request(parts).Entries, c.entries)
	}
}

// All rows of a refund name the original. Only the first row names the refunded places.
func TestRefundPosting(t *testing.T) {
	t.Parallel()
	o := originalOf(t, "1 debit 10, 2 credit 9, 3 credit 1")
	r := o.Request([]ledger.Part{{0, amount(t, "5")}, {2, amount(t, "0.5")}})
	r.IdempotencyKey = key(t, "r")
	p, err := ledger.NewPosting(r, noon)
	require.NoError(t, err)
	assert.Equal(t, 5, p.Items())
	assert.Equal(t, []int{0, 2}, p.Rows[0].RefundPlaces)
	assert.Nil(t, p.Rows[1].RefundPlaces)
	for i, mostBefore := range []string{"5", "0.5"} {
		assert.Equal(t, o.ID, p.Rows[i].RefundOf)
		assert.Equal(t, mostBefore, p.Refund.MaxBefore(p.Refund.Parts[i]).String())
	}
	one := amount(t, "1")
	for _, parts := range [][]ledger.Part{
		{{3, one}}, {{-1, one}}, {{0, one}, {1, one}, {2, one}}, {{1, one}, {0, one}}, {{1, one}, {1, one}}, {{0, amount(t, "10.01")}},
	} {
		wrong := r
		wrong.Refund = &ledger.Refund{Of: o, Parts: parts}
		_, err := ledger.NewPosting(wrong, noon)
		assert.Error(t, err, "%v", parts)
	}
}

// The refund limit is not reported while an earlier attempt may still be applied, even if
// the releases were written after that attempt.
func TestRefundLimitAfterReleases(t *testing.T) {
	t.Parallel()
	r := requestOf(t, "refund of b credit 1"+strings.Repeat(", b credit 1", 96)) // 97 rows, a move and the refund total are 99 of 100 items: no room for two releases
	refused := refusal(t, accounts{"b": account(t, "10", holdsOf(t, "b", noon, "45", "45")...)})
	refused.Unknown = true
	spent := &ledger.RefusedError{Refunds: &ledger.Refunds{Count: 1, Sums: map[int]ledger.Amount{0: amount(t, "1")}}}
	s := &script{answers: []error{refused, nil, spent}}
	_, err := s.at(after).Post(t.Context(), r)
	require.ErrorIs(t, err, ledger.ErrTryAgain)
	assert.NotErrorIs(t, err, ledger.ErrRefundLimit)
	assert.Len(t, s.posted, 3)
}

func TestOriginal(t *testing.T) {
	t.Parallel()
	posted, pending := recordedAs(t, requestOf(t, "1 debit 10")), pendingRow(t, "1 debit 10, 2 credit 10")
	refund, declined, further := posted, posted, posted
	refund.RefundOf, declined.Status, further.TransactionID = ledger.TransactionID{1}, ledger.Declined, ledger.TransactionID{1}
	read := func(rows ...ledger.Transaction) (ledger.Original, error) {
		return (&script{}).holding(rows...).at(after).Original(t.Context(), rows[0].ID)
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

	o, err = read(pending, endRow(t, pending, ledger.Capture, "4"))
	require.NoError(t, err)
	assert.Equal(t, entries(t, "1 debit 4, 2 credit 4"), o.Entries)
	assert.Equal(t, "10", pending.Entries[1].Amount.String(), "the row is not changed")
}
