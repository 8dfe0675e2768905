package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// original posts the entries, and returns the transaction for refunds.
func original(t *testing.T, books *infratest.Books, key string, entries ...string) ledger.Original {
	t.Helper()
	result, err := books.Ledger.Post(t.Context(), infratest.Entries(t, key, entries...))
	require.NoError(t, err)
	o, err := books.Ledger.Original(t.Context(), result.Transaction.ID)
	require.NoError(t, err)
	return o
}

// refunded requires a transaction's refund account, written as "2: 0 5, 2 1".
func refunded(t *testing.T, books *infratest.Books, o ledger.Original, want string) {
	t.Helper()
	_, account, err := books.Ledger.Refunds(t.Context(), o.ID)
	require.NoError(t, err)
	var sums []string
	for place, sum := range account.Sums {
		sums = append(sums, fmt.Sprint(place, " ", sum))
	}
	slices.Sort(sums)
	assert.Equal(t, want, fmt.Sprintf("%d: %s", account.Count, strings.Join(sums, ", ")))
}

// atLimit requires a refused refund that reports the amount left to that entry.
func atLimit(t *testing.T, books *infratest.Books, r ledger.Request, entry int, left string) {
	t.Helper()
	_, err := books.Ledger.Post(t.Context(), r)
	var limit *ledger.RefundLimitError
	require.ErrorAs(t, err, &limit)
	require.ErrorIs(t, err, ledger.ErrRefundLimit)
	assert.Equal(t, []any{entry, left}, []any{limit.Entry, limit.Refundable.String()})
	_, err = books.Ledger.Transaction(t.Context(), r.TransactionID())
	assert.ErrorIs(t, err, ledger.ErrNotFound, "it is not stored")
}

func refundsInParts(t *testing.T, open Open) {
	books := open(t)
	o := original(t, books, "d", "a debit 30")
	refunded(t, books, o, "0: ")
	first := infratest.Refund(t, o, "r1", "0 20")
	result, err := books.Ledger.Post(t.Context(), first)
	require.NoError(t, err)
	assert.Equal(t, ledger.Credit, result.Transaction.Type)
	assert.Equal(t, o.ID, result.Transaction.RefundOf)
	balances(t, books, "a 90")

	atLimit(t, books, infratest.Refund(t, o, "r2", "0 20"), 0, "10")
	atLimit(t, books, infratest.Refund(t, o, "r2"), 0, "10")
	_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, o, "r2", "0 9.99")) // the key was not used up
	require.NoError(t, err)
	atLimit(t, books, infratest.Refund(t, o, "r3", "0 0.02"), 0, "0.01")
	_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, o, "r3", "0 0.01"))
	require.NoError(t, err)
	atLimit(t, books, infratest.Refund(t, o, "r4", "0 0.01"), 0, "0")
	refunded(t, books, o, "3: 0 30")
	balances(t, books, "a 100")

	again, err := books.Ledger.Post(t.Context(), first)
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: result.Transaction, Replayed: true}, again, "although nothing is left")
}

func refundsOfEntries(t *testing.T, open Open) {
	books := open(t)
	sale := original(t, books, "sale", "a debit 10", "b credit 9", "shop credit 1")
	result, err := books.Ledger.Post(t.Context(), infratest.Refund(t, sale, "half", "0 5", "1 4.5", "2 0.5"))
	require.NoError(t, err)
	assert.Equal(t, infratest.Entries(t, "half", "a credit 5", "b debit 4.5", "shop debit 0.5").Entries, result.Transaction.Entries)
	balances(t, books, "a 95", "b 104.5", "shop 100.5")
	fee, err := books.Ledger.Post(t.Context(), infratest.Refund(t, sale, "fee", "2 0.5"))
	require.NoError(t, err)
	assert.Equal(t, "shop", fee.Transaction.UserID.String(), "the first refunded entry's user has the key")
	refunded(t, books, sale, "2: 0 5, 1 4.5, 2 1")
	atLimit(t, books, infratest.Refund(t, sale, "all"), 0, "5")
	atLimit(t, books, infratest.Refund(t, sale, "rest", "0 5", "1 4.5", "2 0.01"), 2, "0")
	balances(t, books, "a 95", "b 104.5", "shop 100")

	// Each row is the refund's, in each user's history.
	for user, lines := range map[string]int{"a": 2, "b": 2, "shop": 3} {
		id, err := ledger.ParseUserID(user)
		require.NoError(t, err)
		page, err := books.Ledger.History(t.Context(), id, ledger.Cursor{}, 10)
		require.NoError(t, err)
		require.Len(t, page.Transactions, lines)
		for i, row := range page.Transactions {
			assert.Equal(t, i < lines-1, row.RefundOf == sale.ID, "%s: %+v", user, row)
		}
	}
}

// All entries at once are refunded if nothing was, in any number that fits in one write beside the
// account.
func refundsOfAllAtOnce(t *testing.T, open Open) {
	books := open(t)
	texts := slices.Repeat([]string{"shop credit 0.01"}, 98)
	most := original(t, books, "98", texts...)
	atOnce := infratest.Refund(t, most, "all")
	result, err := books.Ledger.Post(t.Context(), atOnce)
	require.NoError(t, err)
	balances(t, books, "shop 100")
	again, err := books.Ledger.Post(t.Context(), atOnce)
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: result.Transaction, Replayed: true}, again)
	atLimit(t, books, infratest.Refund(t, most, "again"), 0, "0")
	atLimit(t, books, infratest.Refund(t, most, "last", "97 0.01"), 97, "0")

	more := original(t, books, "99", append(texts, "shop credit 0.02")...)
	_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, more, "all of 99"))
	require.ErrorIs(t, err, ledger.ErrInvalidEntries)
	var places []string
	for place := 49; place < 99; place++ {
		places = append(places, fmt.Sprint(place, " 0.01"))
	}
	_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, more, "fifty", places...))
	require.NoError(t, err)
	_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, more, "fifty-one", append([]string{"48 0.01"}, places...)...))
	require.ErrorIs(t, err, ledger.ErrInvalidEntries)
	atLimit(t, books, infratest.Refund(t, more, "fifty again", places...), 49, "0")
	_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, more, "the last cent", "98 0.01"))
	require.NoError(t, err)
	_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, more, "wrong order", "3 0.01", "2 0.01"))
	require.Error(t, err)
	balances(t, books, "shop 100.49")
}

// A captured payment is refunded up to the captured sum.
func refundOfCapture(t *testing.T, open Open) {
	books := open(t)
	r := infratest.Entries(t, "k", "a debit 40", "b credit 40")
	r.ExpiresIn = time.Hour
	_, err := books.Ledger.Post(t.Context(), r)
	require.NoError(t, err)
	_, err = books.Ledger.Capture(t.Context(), ledger.EndRequest{TransactionID: r.TransactionID()}, refundAmount(t, "25"))
	require.NoError(t, err)
	o, err := books.Ledger.Original(t.Context(), r.TransactionID())
	require.NoError(t, err)
	_, err = o.Sum(refundAmount(t, "25.01"))
	require.ErrorIs(t, err, ledger.ErrInvalidAmount)
	parts, err := o.Sum(refundAmount(t, "20"))
	require.NoError(t, err)
	refund := o.Request(parts)
	refund.IdempotencyKey = r.IdempotencyKey
	_, err = books.Ledger.Post(t.Context(), refund)
	var reused *ledger.KeyReusedError
	require.ErrorAs(t, err, &reused, "the key is the payment's")
	assert.True(t, reused.RefundOfDiffers)
	_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, o, "part", "0 20", "1 20"))
	require.NoError(t, err)
	atLimit(t, books, infratest.Refund(t, o, "rest", "0 5", "1 5.01"), 1, "5")
	balances(t, books, "a 95", "b 105")
}

func refundAmount(t *testing.T, text string) ledger.Amount {
	t.Helper()
	amount, err := ledger.ParseAmount(text)
	require.NoError(t, err)
	return amount
}

func notRefundable(t *testing.T, open Open) {
	books := open(t)
	sale := original(t, books, "sale", "a debit 10", "b credit 10")
	refund, err := books.Ledger.Post(t.Context(), infratest.Refund(t, sale, "refund", "0 1", "1 1"))
	require.NoError(t, err)
	declined := infratest.Request(t, "a", "declined", ledger.Debit, "1000")
	_, err = books.Ledger.Post(t.Context(), declined)
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	held := infratest.Entries(t, "held", "a debit 40")
	held.ExpiresIn = time.Hour
	_, err = books.Ledger.Post(t.Context(), held)
	require.NoError(t, err)
	voided := infratest.Entries(t, "voided", "a debit 40")
	voided.ExpiresIn = time.Hour
	_, err = books.Ledger.Post(t.Context(), voided)
	require.NoError(t, err)
	_, err = books.Ledger.Void(t.Context(), ledger.EndRequest{TransactionID: voided.TransactionID()})
	require.NoError(t, err)
	for id, status := range map[ledger.TransactionID]ledger.Status{
		refund.Transaction.ID:    ledger.Posted,
		declined.TransactionID(): ledger.Declined,
		held.TransactionID():     ledger.Pending,
		voided.TransactionID():   ledger.Voided,
	} {
		_, err := books.Ledger.Original(t.Context(), id)
		var not *ledger.NotRefundableError
		require.ErrorAs(t, err, &not)
		require.ErrorIs(t, err, ledger.ErrNotRefundable)
		assert.Equal(t, status, not.Transaction.Status)
	}
	for _, id := range []ledger.TransactionID{sale.ID.Entry(1), refund.Transaction.ID.Entry(1), voided.TransactionID().End(), {1}} {
		_, _, err := books.Ledger.Refunds(t.Context(), id)
		assert.ErrorIs(t, err, ledger.ErrNotFound)
	}
}

// A receiver who has spent the money declines the refund, forever. It does not count as refunded.
func refundDeclinedByBalance(t *testing.T, open Open) {
	books := open(t)
	sale := original(t, books, "sale", "a debit 10", "b credit 10")
	original(t, books, "spend", "b debit 101")
	refund := infratest.Refund(t, sale, "r")
	for _, topUp := range []string{"", "b credit 100"} {
		if topUp != "" {
			original(t, books, "top-up", topUp)
		}
		_, err := books.Ledger.Post(t.Context(), refund)
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined)
		require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
		assert.Equal(t, topUp != "", declined.Result.Replayed)
		assert.Equal(t, 1, declined.Result.Transaction.DeclinedEntry)
		assert.Equal(t, "9", declined.Result.Transaction.BalanceSeen.String())
		assert.Equal(t, sale.ID, declined.Result.Transaction.RefundOf)
		stored, err := books.Ledger.Transaction(t.Context(), refund.TransactionID())
		require.NoError(t, err)
		assert.Equal(t, declined.Result.Transaction, stored)
		refunded(t, books, sale, "0: ")
	}
	_, err := books.Ledger.Post(t.Context(), infratest.Refund(t, sale, "another key"))
	require.NoError(t, err)
	refunded(t, books, sale, "1: 0 10, 1 10")
}

// The same refund is a replay: the same original, places, sums and metadata.
func refundReplayed(t *testing.T, open Open) {
	books := open(t)
	first := original(t, books, "first", "a debit 10", "a debit 10", "b credit 20")
	other := original(t, books, "other", "a debit 10", "a debit 10", "b credit 20")
	refund := infratest.Refund(t, first, "r", "0 5", "2 5")
	result, err := books.Ledger.Post(t.Context(), refund)
	require.NoError(t, err)
	for _, same := range []ledger.Request{refund, infratest.Refund(t, first, "r", "0 5.00", "2 05")} {
		again, err := books.Ledger.Post(t.Context(), same)
		require.NoError(t, err)
		assert.Equal(t, ledger.Result{Transaction: result.Transaction, Replayed: true}, again)
	}
	withMetadata := refund
	withMetadata.Metadata = metadata(t)
	plain := infratest.Entries(t, "r", "a credit 5", "b debit 5")
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
		{plain, ledger.KeyReusedError{RefundOfDiffers: true}},
	} {
		_, err := books.Ledger.Post(t.Context(), c.again)
		var reused *ledger.KeyReusedError
		require.ErrorAs(t, err, &reused, "%d", i)
		assert.Equal(t, c.want, *reused, "%d", i)
	}
	_, err = books.Ledger.Post(t.Context(), infratest.Entries(t, "plain", "a credit 5", "b debit 5"))
	require.NoError(t, err)
	_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, first, "plain", "0 5", "2 5"))
	var reused *ledger.KeyReusedError
	require.ErrorAs(t, err, &reused)
	assert.Equal(t, ledger.KeyReusedError{RefundOfDiffers: true}, *reused)
	refunded(t, books, first, "1: 0 5, 2 5")
}

// Where both refuse, the refund account answers: a decline by a balance would use up the key.
func refundAccountBeforeBalances(t *testing.T, open Open) {
	books := open(t)
	sale := original(t, books, "sale", "a debit 10", "b credit 10")
	_, err := books.Ledger.Post(t.Context(), infratest.Refund(t, sale, "part", "1 6"))
	require.NoError(t, err)
	original(t, books, "spend", "b debit 104")
	atLimit(t, books, infratest.Refund(t, sale, "r"), 1, "4")
}

// A refund that takes money from a receiver releases the receiver's expired holds, as any debit
// does.
func refundReleases(t *testing.T, open Open) {
	books := open(t)
	now := time.Now()
	l := ledger.New(books.Store, func() time.Time { return now })
	sale := original(t, books, "sale", "a debit 10", "b credit 10")
	held := infratest.Entries(t, "held", "b debit 110")
	held.ExpiresIn = time.Second
	_, err := l.Post(t.Context(), held)
	require.NoError(t, err)
	now = now.Add(time.Minute)
	_, err = l.Post(t.Context(), infratest.Refund(t, sale, "r"))
	require.NoError(t, err)
	refunded(t, books, sale, "1: 0 10, 1 10")
	balances(t, books, "a 100", "b 100")
}

// Concurrent refunds of one original never return more than it moved, and the answers, the rows and
// the account agree.
func refundsAtOnce(t *testing.T, open Open) {
	books := open(t)
	o := original(t, books, "d", "a debit 20")
	var (
		calls  sync.WaitGroup
		mu     sync.Mutex
		posted = map[ledger.TransactionID]int{}
		limits int
	)
	for i := range 16 {
		calls.Go(func() {
			_, err := books.Ledger.Post(t.Context(), infratest.Refund(t, o, fmt.Sprint(i/2), "0 3")) // each twice
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				posted[infratest.Refund(t, o, fmt.Sprint(i/2), "0 3").TransactionID()]++
			} else if assert.ErrorIs(t, err, ledger.ErrRefundLimit) {
				limits++
			}
		})
	}
	calls.Wait()
	assert.Len(t, posted, 6)
	assert.Equal(t, 4, limits)
	refunded(t, books, o, "6: 0 18")
	balances(t, books, "a 98")
}
