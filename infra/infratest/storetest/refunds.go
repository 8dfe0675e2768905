package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// original posts the entries, and returns the transaction for refunds.
func (b *books) original(t *testing.T, key string, entries ...string) ledger.Original {
	t.Helper()
	o, err := b.Ledger.Original(t.Context(), b.posts(t, key, entries...).ID)
	require.NoError(t, err)
	return o
}

// refunds requires that a refund posts.
func (b *books) refunds(t *testing.T, o ledger.Original, key string, parts ...string) ledger.Transaction {
	t.Helper()
	result, err := b.Ledger.Post(t.Context(), infratest.Refund(t, o, key, parts...))
	require.NoError(t, err, key)
	assert.False(t, result.Replayed, key)
	assert.Equal(t, o.ID, result.Transaction.RefundOf, key)
	return result.Transaction
}

// refunded requires a transaction's refund account, written as "2: 0 5, 2 1".
func (b *books) refunded(t *testing.T, o ledger.Original, want string) {
	t.Helper()
	_, account, err := b.Ledger.Refunds(t.Context(), o.ID)
	require.NoError(t, err)
	var sums []string
	for place, sum := range account.Sums {
		sums = append(sums, fmt.Sprint(place, " ", sum))
	}
	slices.Sort(sums)
	assert.Equal(t, want, fmt.Sprintf("%d: %s", account.Count, strings.Join(sums, ", ")))
}

// atLimit requires a refused refund that reports the amount left to that entry.
func (b *books) atLimit(t *testing.T, r ledger.Request, entry int, left string) {
	t.Helper()
	_, err := b.Ledger.Post(t.Context(), r)
	var limit *ledger.RefundLimitError
	require.ErrorAs(t, err, &limit)
	require.ErrorIs(t, err, ledger.ErrRefundLimit)
	assert.Equal(t, []any{entry, left}, []any{limit.Entry, limit.Refundable.String()})
	_, err = b.Ledger.Transaction(t.Context(), r.TransactionID())
	assert.ErrorIs(t, err, ledger.ErrNotFound, "it is not stored")
}

func refundsInParts(t *testing.T, b *books) {
	o := b.original(t, "d", "a debit 30")
	b.refunded(t, o, "0: ")
	first := b.refunds(t, o, "r1", "0 20")
	assert.Equal(t, ledger.Credit, first.Type)
	b.balances(t, "a 90")

	b.atLimit(t, infratest.Refund(t, o, "r2", "0 20"), 0, "10")
	b.atLimit(t, infratest.Refund(t, o, "r2"), 0, "10")
	b.refunds(t, o, "r2", "0 9.99") // the key was not used up
	b.atLimit(t, infratest.Refund(t, o, "r3", "0 0.02"), 0, "0.01")
	b.refunds(t, o, "r3", "0 0.01")
	b.atLimit(t, infratest.Refund(t, o, "r4", "0 0.01"), 0, "0")
	b.refunded(t, o, "3: 0 30")
	b.balances(t, "a 100")

	again, err := b.Ledger.Post(t.Context(), infratest.Refund(t, o, "r1", "0 20"))
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: first, Replayed: true}, again, "although nothing is left")
}

func refundsOfEntries(t *testing.T, b *books) {
	sale := b.original(t, "sale", "a debit 10", "b credit 9", "shop credit 1")
	b.at(time.Minute)
	half := b.refunds(t, sale, "half", "0 5", "1 4.5", "2 0.5")
	assert.Equal(t, infratest.Entries(t, "half", "a credit 5", "b debit 4.5", "shop debit 0.5").Entries, half.Entries)
	b.balances(t, "a 95", "b 104.5", "shop 100.5")
	fee := b.refunds(t, sale, "fee", "2 0.5")
	assert.Equal(t, "shop", fee.UserID.String(), "the first refunded entry's user has the key")
	b.refunded(t, sale, "2: 0 5, 1 4.5, 2 1")
	b.atLimit(t, infratest.Refund(t, sale, "all"), 0, "5")
	b.atLimit(t, infratest.Refund(t, sale, "rest", "0 5", "1 4.5", "2 0.01"), 2, "0")
	b.balances(t, "a 95", "b 104.5", "shop 100")

	// Each row is the refund's, in each user's history.
	for user, count := range map[string]int{"a": 2, "b": 2, "shop": 3} {
		rows := b.history(t, user, count, 10)
		require.Len(t, rows, count)
		for i, row := range rows {
			assert.Equal(t, i < count-1, row.RefundOf == sale.ID, "%s: %+v", user, row)
		}
	}
}

// All entries at once are refunded if nothing was, in any number that fits in one write beside the
// account.
func refundsOfAllAtOnce(t *testing.T, b *books) {
	texts := slices.Repeat([]string{"shop credit 0.01"}, 98)
	most := b.original(t, "98", texts...)
	b.refunds(t, most, "all")
	b.balances(t, "shop 100")
	b.atLimit(t, infratest.Refund(t, most, "again"), 0, "0")
	b.atLimit(t, infratest.Refund(t, most, "last", "97 0.01"), 97, "0")

	more := b.original(t, "99", append(texts, "shop credit 0.02")...)
	var places []string
	for place := 49; place < 99; place++ {
		places = append(places, fmt.Sprint(place, " 0.01"))
	}
	b.refunds(t, more, "fifty", places...)
	for key, parts := range map[string][]string{"all of 99": nil, "fifty-one": append([]string{"48 0.01"}, places...)} {
		_, err := b.Ledger.Post(t.Context(), infratest.Refund(t, more, key, parts...))
		require.ErrorIs(t, err, ledger.ErrInvalid, key)
	}
	b.atLimit(t, infratest.Refund(t, more, "fifty again", places...), 49, "0")
	b.refunds(t, more, "the last cent", "98 0.01")
	_, err := b.Ledger.Post(t.Context(), infratest.Refund(t, more, "wrong order", "3 0.01", "2 0.01"))
	require.Error(t, err)
	b.balances(t, "shop 100.49")
}

// A captured payment is refunded up to the captured sum.
func refundOfCapture(t *testing.T, b *books) {
	hold := b.hold(t, "k", "a debit 40", "b credit 40")
	_, err := b.Ledger.Capture(t.Context(), endOf(hold), amount(t, "25"))
	require.NoError(t, err)
	o, err := b.Ledger.Original(t.Context(), hold.ID)
	require.NoError(t, err)
	_, err = o.Sum(amount(t, "25.01"))
	require.ErrorIs(t, err, ledger.ErrInvalid)
	parts, err := o.Sum(amount(t, "20"))
	require.NoError(t, err)
	refund := o.Request(parts)
	refund.IdempotencyKey = hold.IdempotencyKey
	_, err = b.Ledger.Post(t.Context(), refund)
	assert.True(t, reused(t, err).RefundOfDiffers, "the key is the payment's")
	b.refunds(t, o, "part", "0 20", "1 20")
	b.atLimit(t, infratest.Refund(t, o, "rest", "0 5", "1 5.01"), 1, "5")
	b.balances(t, "a 95", "b 105")
}

func notRefundable(t *testing.T, b *books) {
	sale := b.original(t, "sale", "a debit 10", "b credit 10")
	refund := b.refunds(t, sale, "refund", "0 1", "1 1")
	held, voided := b.hold(t, "held", "a debit 40"), b.hold(t, "voided", "a debit 40")
	_, err := b.Ledger.Void(t.Context(), endOf(voided))
	require.NoError(t, err)
	require.NotEmpty(t, b.post(t, "declined", "a debit 1000"))
	for id, status := range map[ledger.TransactionID]ledger.Status{
		refund.ID: ledger.Posted,
		held.ID:   ledger.Pending,
		voided.ID: ledger.Voided,
		infratest.Entries(t, "declined", "a debit 1000").TransactionID(): ledger.Declined,
	} {
		_, err := b.Ledger.Original(t.Context(), id)
		var not *ledger.NotRefundableError
		require.ErrorAs(t, err, &not)
		require.ErrorIs(t, err, ledger.ErrNotRefundable)
		assert.Equal(t, status, not.Transaction.Status)
	}
	for _, id := range []ledger.TransactionID{sale.ID.Entry(1), refund.ID.Entry(1), voided.ID.End(), {1}} {
		_, _, err := b.Ledger.Refunds(t.Context(), id)
		assert.ErrorIs(t, err, ledger.ErrNotFound)
	}
}

// A receiver who has spent the money declines the refund, forever. It does not count as refunded.
func refundDeclinedByBalance(t *testing.T, b *books) {
	sale := b.original(t, "sale", "a debit 10", "b credit 10")
	b.posts(t, "spend", "b debit 101")
	for _, replayed := range []bool{false, true} {
		_, err := b.Ledger.Post(t.Context(), infratest.Refund(t, sale, "r"))
		assert.Equal(t, "insufficient funds: entry 1 on 9", b.declined(t, err))
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined)
		assert.Equal(t, replayed, declined.Result.Replayed)
		assert.Equal(t, sale.ID, declined.Result.Transaction.RefundOf)
		b.refunded(t, sale, "0: ")
		b.posts(t, fmt.Sprint("top-up ", replayed), "b credit 100")
	}
	b.refunds(t, sale, "another key")
	b.refunded(t, sale, "1: 0 10, 1 10")
}

// The same refund is a replay: the same original, places, sums and metadata.
func refundReplayed(t *testing.T, b *books) {
	first := b.original(t, "first", "a debit 10", "a debit 10", "b credit 20")
	other := b.original(t, "other", "a debit 10", "a debit 10", "b credit 20")
	refund := b.refunds(t, first, "r", "0 5", "2 5")
	again, err := b.Ledger.Post(t.Context(), infratest.Refund(t, first, "r", "0 5.00", "2 05"))
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: refund, Replayed: true}, again)
	b.posts(t, "plain", "a credit 5", "b debit 5")
	withMetadata := infratest.Refund(t, first, "r", "0 5", "2 5")
	withMetadata.Metadata = metadata(t)
	for i, c := range []struct {
		again ledger.Request
		want  ledger.KeyReusedError
	}{
		{infratest.Refund(t, other, "r", "0 5", "2 5"), ledger.KeyReusedError{RefundOfDiffers: true}},
		{infratest.Refund(t, first, "r", "1 5", "2 5"), ledger.KeyReusedError{EntriesDiffer: true}}, // entries with the same user and sum
		{infratest.Refund(t, first, "r", "0 5", "2 6"), ledger.KeyReusedError{EntriesDiffer: true}},
		{infratest.Refund(t, first, "r", "0 5"), ledger.KeyReusedError{EntriesDiffer: true}},
		{infratest.Refund(t, first, "r"), ledger.KeyReusedError{EntriesDiffer: true}},
		{withMetadata, ledger.KeyReusedError{MetadataDiffers: true}},
		{infratest.Entries(t, "r", "a credit 5", "b debit 5"), ledger.KeyReusedError{RefundOfDiffers: true}},
		{infratest.Refund(t, first, "plain", "0 5", "2 5"), ledger.KeyReusedError{RefundOfDiffers: true}},
	} {
		_, err := b.Ledger.Post(t.Context(), c.again)
		assert.Equal(t, c.want, reused(t, err), "%d", i)
	}
	b.refunded(t, first, "1: 0 5, 2 5")
}

// Where both refuse, the refund account answers: a decline by a balance would use up the key.
func refundAccountBeforeBalances(t *testing.T, b *books) {
	sale := b.original(t, "sale", "a debit 10", "b credit 10")
	b.refunds(t, sale, "part", "1 6")
	b.posts(t, "spend", "b debit 104")
	b.atLimit(t, infratest.Refund(t, sale, "r"), 1, "4")
}

// A refund that takes money from a receiver releases the receiver's expired holds, as any debit
// does.
func refundReleases(t *testing.T, b *books) {
	sale := b.original(t, "sale", "a debit 10", "b credit 10")
	b.hold(t, "held", "b debit 110")
	b.at(time.Hour)
	b.refunds(t, sale, "r")
	b.refunded(t, sale, "1: 0 10, 1 10")
	b.balances(t, "a 100", "b 100")
}

// Concurrent refunds of one original never return more than it moved, and the answers, the rows and
// the account agree.
func refundsAtOnce(t *testing.T, b *books) {
	o := b.original(t, "d", "a debit 20")
	errs := atOnce(16, func(i int) error {
		_, err := b.Ledger.Post(t.Context(), infratest.Refund(t, o, fmt.Sprint(i/2), "0 3")) // each twice
		return err
	})
	posted, limits := map[int]bool{}, 0
	for i, err := range errs {
		if errors.Is(err, ledger.ErrRefundLimit) {
			limits++
		} else if assert.NoError(t, err) {
			posted[i/2] = true
		}
	}
	assert.Len(t, posted, 6)
	assert.Equal(t, 4, limits)
	b.refunded(t, o, "6: 0 18")
	b.balances(t, "a 98")
}
