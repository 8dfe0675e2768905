package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

func holdKeepsMoneyAside(t *testing.T, b *books) {
	hold := b.hold(t, "hold", "1 debit 40")
	assert.Equal(t, noon.Add(time.Minute), hold.ExpiresAt)
	b.balances(t, "1 60 held 40")
	assert.Equal(t, "insufficient funds: entry 0 on 60", b.post(t, "more", "1 debit 60.01"))
	b.posts(t, "rest", "1 debit 60")
	b.balances(t, "1 0 held 40")

	result, err := b.Ledger.Capture(t.Context(), endOf(hold), amount(t, "25"))
	require.NoError(t, err)
	assert.False(t, result.Replayed)
	assert.Equal(t, ledger.Posted, result.Transaction.Status)
	assert.Equal(t, "25", result.Transaction.Captured.String())
	b.balances(t, "1 15")
	stands, err := b.Ledger.Transaction(t.Context(), hold.ID)
	require.NoError(t, err)
	assert.Equal(t, result.Transaction, stands)
	assert.ElementsMatch(t, []string{"debit 40 pending", "debit 60.01 declined", "debit 60 posted", "capture 25 posted"}, b.lines(t, "1", 4))
}

func aHoldEndsOnce(t *testing.T, b *books) {
	captured, voided := b.hold(t, "captured", "1 debit 40"), b.hold(t, "voided", "1 debit 30")
	for replayed := range 2 {
		for _, a := range []ledger.Amount{{}, amount(t, "40")} { // all, either way
			result, err := b.Ledger.Capture(t.Context(), endOf(captured), a)
			require.NoError(t, err)
			assert.Equal(t, replayed > 0 || a != (ledger.Amount{}), result.Replayed)
			assert.Equal(t, "40", result.Transaction.Captured.String())
		}
		result, err := b.Ledger.Void(t.Context(), endOf(voided))
		require.NoError(t, err)
		assert.Equal(t, replayed > 0, result.Replayed)
		assert.Equal(t, ledger.Voided, result.Transaction.Status)
	}
	for _, c := range []struct {
		hold ledger.Transaction
		end  func() error
		want ledger.End
	}{
		{captured, func() error { _, err := b.Ledger.Capture(t.Context(), endOf(captured), amount(t, "39")); return err }, ledger.Capture},
		{captured, func() error { _, err := b.Ledger.Void(t.Context(), endOf(captured)); return err }, ledger.Capture},
		{voided, func() error { _, err := b.Ledger.Capture(t.Context(), endOf(voided), ledger.Amount{}); return err }, ledger.Void},
	} {
		var ended *ledger.HoldEndedError
		require.ErrorAs(t, c.end(), &ended)
		require.ErrorIs(t, ended, ledger.ErrHoldEnded)
		assert.Equal(t, c.want, ended.End.End)
	}
	for _, hold := range []ledger.Transaction{captured, voided} {
		_, err := b.Ledger.Capture(t.Context(), endOf(hold), amount(t, "40.01"))
		require.ErrorIs(t, err, ledger.ErrInvalid, "more than was held, always")
	}
	b.balances(t, "1 60")
}

func paymentOnHold(t *testing.T, b *books) {
	hold := b.hold(t, "order", "1 debit 40", "shop credit 40")
	b.balances(t, "1 60 held 40", "shop 100")
	assert.Empty(t, b.lines(t, "shop", 0), "no line before the capture")
	_, err := b.Ledger.Transaction(t.Context(), hold.ID.Entry(1))
	require.ErrorIs(t, err, ledger.ErrNotFound)

	_, err = b.Ledger.Capture(t.Context(), endOf(hold), amount(t, "25"))
	require.NoError(t, err)
	b.balances(t, "1 75", "shop 125")
	assert.Equal(t, []string{"credit 25 posted"}, b.lines(t, "shop", 1))
	_, err = b.Ledger.Void(t.Context(), endOf(ledger.Transaction{ID: hold.ID.Entry(1)}))
	require.ErrorIs(t, err, ledger.ErrNotFound, "an entry's id")
}

func captureOverTheReceiversLimit(t *testing.T, b *books) {
	b.Fill(t, "shop")
	b.posts(t, "fill", "shop credit 70")
	hold := b.hold(t, "order", "1 debit 40", "shop credit 40")
	_, err := b.Ledger.Capture(t.Context(), endOf(hold), ledger.Amount{})
	var limit *ledger.ReceiverError
	require.ErrorAs(t, err, &limit)
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	assert.Equal(t, "999999999999970", limit.Balance.String())
	assert.Equal(t, "60 held 40", b.funds(t, "1"), "the hold has not ended")
	_, err = b.Ledger.Capture(t.Context(), endOf(hold), amount(t, "30"))
	require.NoError(t, err)
}

func notPending(t *testing.T, b *books) {
	posted, hold := b.posts(t, "posted", "1 debit 40"), b.hold(t, "hold", "1 debit 1")
	declined := pending(t, "declined", "1 debit 400")
	_, err := b.Ledger.Post(t.Context(), declined)
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	for _, c := range []struct {
		request ledger.EndRequest
		want    error
	}{
		{endOf(posted), ledger.ErrNotPending},
		{ledger.EndRequest{TransactionID: declined.TransactionID()}, ledger.ErrNotPending},
		{ledger.EndRequest{TransactionID: ledger.TransactionID{1}}, ledger.ErrNotFound},
		{ledger.EndRequest{TransactionID: hold.ID, Allow: func(ledger.Transaction) error { return ledger.ErrNotFound }}, ledger.ErrNotFound},
	} {
		_, err := b.Ledger.Capture(t.Context(), c.request, ledger.Amount{})
		require.ErrorIs(t, err, c.want)
		_, err = b.Ledger.Void(t.Context(), c.request)
		require.ErrorIs(t, err, c.want)
	}
}

func pendingIsReplayed(t *testing.T, b *books) {
	first := b.hold(t, "hold", "1 debit 40")
	_, err := b.Ledger.Void(t.Context(), endOf(first))
	require.NoError(t, err)
	r := pending(t, "hold", "1 debit 40")
	again, err := b.Ledger.Post(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: first, Replayed: true}, again, "the first answer, whatever came after")
	for _, other := range []time.Duration{0, time.Second} {
		r.ExpiresIn = other
		_, err := b.Ledger.Post(t.Context(), r)
		assert.Equal(t, ledger.KeyReusedError{ExpiresInDiffers: true}, reused(t, err))
	}
}

// An expired hold can be spent one second later. Every reading reports that, and the next
// debit that needs it releases it.
func expiredIsReleased(t *testing.T, b *books) {
	var holds []ledger.Transaction
	for i := range 3 {
		holds = append(holds, b.hold(t, fmt.Sprint(i), "1 debit 30"))
	}
	b.at(61*time.Second - time.Millisecond)
	b.balances(t, "1 10 held 90")
	assert.Equal(t, "insufficient funds: entry 0 on 10", b.post(t, "early", "1 debit 11"))
	b.at(61 * time.Second)
	b.balances(t, "1 100")
	assert.Equal(t, "insufficient funds: entry 0 on 100", b.post(t, "more", "1 debit 100.01"), "what could be spent")
	b.posts(t, "all", "1 debit 60", "2 credit 50", "1 debit 40")
	b.balances(t, "1 0")
	lines := b.lines(t, "1", 10)
	assert.Equal(t, 3, strings.Count(strings.Join(lines, ","), "expiry 30 expired"), "%v", lines)
	for _, hold := range holds {
		stands, err := b.Ledger.Transaction(t.Context(), hold.ID)
		require.NoError(t, err)
		assert.Equal(t, ledger.Expired, stands.Status)
	}
}

// A credit is bounded by the stored balance: an expired hold whose release is not
// written yet does not count. Once it is released, it does.
func limitIsOnTheStored(t *testing.T, b *books) {
	b.Fill(t, "1")
	b.hold(t, "hold", "1 debit 100")
	b.posts(t, "fill", "1 credit 150")
	b.at(2 * time.Minute)
	b.balances(t, "1 1000000000000050")
	b.posts(t, "the stored balance has room", "1 credit 50")
	b.balances(t, "1 1000000000000100")
	assert.Equal(t, "balance limit: entry 0 on 1000000000000100", b.post(t, "cent", "1 credit 0.01"), "what could be spent")
}

// At its expiry a hold ends as expired, whatever was asked, and forever.
func endAfterExpiry(t *testing.T, b *books) {
	for user, after := range map[string]time.Duration{"1": 60 * time.Second, "2": time.Hour} {
		b.at(0)
		hold, other := b.hold(t, "1", user+" debit 40"), b.hold(t, "2", user+" debit 30")
		b.at(after)
		for range 2 {
			_, err := b.Ledger.Capture(t.Context(), endOf(hold), ledger.Amount{})
			var ended *ledger.HoldEndedError
			require.ErrorAs(t, err, &ended)
			assert.Equal(t, ledger.Expiry, ended.End.End)
			_, err = b.Ledger.Void(t.Context(), endOf(other))
			require.ErrorAs(t, err, &ended)
			assert.Equal(t, ledger.Expiry, ended.End.End)
			b.at(0) // a slow clock does not bring it back
		}
		b.balances(t, user+" 100")
	}
}

// A payment is one of the payer's sixteen holds, however many the receiver has.
func atMostSixteenHolds(t *testing.T, b *books) {
	b.holds(t, "1", "1")
	b.hold(t, "to the one who has as many", "2 debit 1", "1 credit 1")
	for _, more := range [][]string{{"1 debit 1"}, {"1 debit 1000"}, {"1 debit 1", "2 credit 1"}} {
		r := pending(t, "one more", more...)
		_, err := b.Ledger.Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrTooManyHolds, "whatever the funds")
		_, err = b.Ledger.Transaction(t.Context(), r.TransactionID())
		require.ErrorIs(t, err, ledger.ErrNotFound, "the key is not used up")
	}
	b.balances(t, "1 84 held 16")
	b.at(2 * time.Minute)
	b.hold(t, "one more", "1 debit 100")
	b.balances(t, "1 0 held 100")
}

// A release lifts the balance over the limit if it must; only a credit is declined there.
func releaseOverTheLimit(t *testing.T, b *books) {
	b.Fill(t, "1")
	hold := b.hold(t, "hold", "1 debit 500")
	b.posts(t, "fill", "1 credit 600")
	_, err := b.Ledger.Void(t.Context(), endOf(hold))
	require.NoError(t, err)
	b.balances(t, "1 1000000000000500")
	assert.Equal(t, "balance limit: entry 0 on 1000000000000500", b.post(t, "cent", "1 credit 0.01"))
	b.posts(t, "less", "1 debit 0.01")
	b.balances(t, "1 1000000000000499.99")
}

// Releases that do not fit beside the entries get their own write.
func releasesThatDoNotFit(t *testing.T, b *books) {
	b.holds(t, "1", "6")
	b.at(2 * time.Minute)
	b.posts(t, "many", append([]string{"1 debit 100"}, slices.Repeat([]string{"2 credit 1"}, 96)...)...)
	b.balances(t, "1 0", "2 196")
}

// When ends race, one is stored, and every caller gets that one.
func endsAtOnce(t *testing.T, b *books) {
	hold := b.hold(t, "hold", "1 debit 40", "2 credit 40")
	ends := make([]ledger.Result, 16)
	errs := atOnce(len(ends), func(i int) (err error) {
		switch i % 3 {
		case 0:
			ends[i], err = b.Ledger.Capture(t.Context(), endOf(hold), ledger.Amount{})
		case 1:
			ends[i], err = b.Ledger.Capture(t.Context(), endOf(hold), amount(t, "15"))
		default:
			ends[i], err = b.Ledger.Void(t.Context(), endOf(hold))
		}
		return err
	})
	stands, err := b.Ledger.Transaction(t.Context(), hold.ID)
	require.NoError(t, err)
	firsts := 0
	for i, err := range errs {
		var ended *ledger.HoldEndedError
		switch {
		case err == nil:
			assert.Equal(t, stands, ends[i].Transaction)
			if !ends[i].Replayed {
				firsts++
			}
		case assert.ErrorAs(t, err, &ended):
			assert.Equal(t, stands.Status, ended.End.Status)
		}
	}
	assert.Equal(t, 1, firsts)
}
