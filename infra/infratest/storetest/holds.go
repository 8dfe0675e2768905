package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// noon is when the holds of these tests begin.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// timed is a ledger whose clock a test sets.
type timed struct {
	*infratest.Books
	timed *ledger.Ledger
	mu    sync.Mutex
	now   time.Time
}

func openTimed(t *testing.T, open Open) *timed {
	b := &timed{Books: open(t), now: noon}
	b.timed = ledger.New(b.Store, func() time.Time {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.now
	})
	return b
}

// at sets the clock to a time after noon.
func (b *timed) at(after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = noon.Add(after)
}

// hold posts a pending transaction with these entries for a minute.
func (b *timed) hold(t *testing.T, key string, entries ...string) ledger.Transaction {
	t.Helper()
	r := infratest.Entries(t, key, entries...)
	r.ExpiresIn = time.Minute
	result, err := b.timed.Post(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, ledger.Pending, result.Transaction.Status)
	return result.Transaction
}

// funds returns a user's funds, as "60" or "60 held 40".
func (b *timed) funds(t *testing.T, user string) string {
	t.Helper()
	id, err := ledger.ParseUserID(user)
	require.NoError(t, err)
	f, err := b.timed.Balance(t.Context(), id)
	require.NoError(t, err)
	if f.Held.IsZero() {
		return f.Balance.String()
	}
	return f.Balance.String() + " held " + f.Held.String()
}

// lines waits for that many lines in a user's history and returns them, as "debit 40 pending".
func (b *timed) lines(t *testing.T, user string, count int) (lines []string) {
	t.Helper()
	rows := history(t, b.timed, user, 100)
	for len(rows) < count {
		require.NoError(t, t.Context().Err(), "the history doesn't catch up")
		rows = history(t, b.timed, user, 100)
	}
	for _, row := range rows {
		lines = append(lines, fmt.Sprintf("%s%s %s %s", row.Type, row.End, row.Amount, row.Status))
	}
	return lines
}

func endOf(t ledger.Transaction) ledger.EndRequest { return ledger.EndRequest{TransactionID: t.ID} }

func amount(t *testing.T, text string) ledger.Amount {
	t.Helper()
	a, err := ledger.ParseAmount(text)
	require.NoError(t, err)
	return a
}

func holdKeepsMoneyAside(t *testing.T, open Open) {
	b := openTimed(t, open)
	hold := b.hold(t, "hold", "1 debit 40")
	assert.Equal(t, noon.Add(time.Minute), hold.ExpiresAt)
	assert.Equal(t, "60 held 40", b.funds(t, "1"))
	_, err := b.timed.Post(t.Context(), infratest.Request(t, "1", "more", ledger.Debit, "60.01"))
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	_, err = b.timed.Post(t.Context(), infratest.Request(t, "1", "rest", ledger.Debit, "60"))
	require.NoError(t, err)
	assert.Equal(t, "0 held 40", b.funds(t, "1"))

	result, err := b.timed.Capture(t.Context(), endOf(hold), amount(t, "25"))
	require.NoError(t, err)
	assert.False(t, result.Replayed)
	assert.Equal(t, ledger.Posted, result.Transaction.Status)
	assert.Equal(t, "25", result.Transaction.Captured.String())
	assert.Equal(t, "15", b.funds(t, "1"))
	stands, err := b.timed.Transaction(t.Context(), hold.ID)
	require.NoError(t, err)
	assert.Equal(t, result.Transaction, stands)
	assert.ElementsMatch(t, []string{"debit 40 pending", "debit 60.01 declined", "debit 60 posted", "capture 25 posted"}, b.lines(t, "1", 4))
}

func aHoldEndsOnce(t *testing.T, open Open) {
	b := openTimed(t, open)
	captured, voided := b.hold(t, "captured", "1 debit 40"), b.hold(t, "voided", "1 debit 30")
	for replayed := range 2 {
		for _, a := range []ledger.Amount{{}, amount(t, "40")} { // all, either way
			result, err := b.timed.Capture(t.Context(), endOf(captured), a)
			require.NoError(t, err)
			assert.Equal(t, replayed > 0 || a != (ledger.Amount{}), result.Replayed)
			assert.Equal(t, "40", result.Transaction.Captured.String())
		}
		result, err := b.timed.Void(t.Context(), endOf(voided))
		require.NoError(t, err)
		assert.Equal(t, replayed > 0, result.Replayed)
		assert.Equal(t, ledger.Voided, result.Transaction.Status)
	}
	for _, c := range []struct {
		hold ledger.Transaction
		end  func() error
		want ledger.End
	}{
		{captured, func() error { _, err := b.timed.Capture(t.Context(), endOf(captured), amount(t, "39")); return err }, ledger.Capture},
		{captured, func() error { _, err := b.timed.Void(t.Context(), endOf(captured)); return err }, ledger.Capture},
		{voided, func() error { _, err := b.timed.Capture(t.Context(), endOf(voided), ledger.Amount{}); return err }, ledger.Void},
	} {
		var ended *ledger.HoldEndedError
		require.ErrorAs(t, c.end(), &ended)
		require.ErrorIs(t, ended, ledger.ErrHoldEnded)
		assert.Equal(t, c.want, ended.End.End)
	}
	for _, hold := range []ledger.Transaction{captured, voided} {
		_, err := b.timed.Capture(t.Context(), endOf(hold), amount(t, "40.01"))
		require.ErrorIs(t, err, ledger.ErrInvalidAmount, "more than was held, always")
	}
	assert.Equal(t, "60", b.funds(t, "1"))
}

func paymentOnHold(t *testing.T, open Open) {
	b := openTimed(t, open)
	hold := b.hold(t, "order", "1 debit 40", "shop credit 40")
	assert.Equal(t, "60 held 40", b.funds(t, "1"))
	assert.Equal(t, "100", b.funds(t, "shop"))
	assert.Empty(t, b.lines(t, "shop", 0), "no line before the capture")
	_, err := b.timed.Transaction(t.Context(), hold.ID.Entry(1))
	require.ErrorIs(t, err, ledger.ErrNotFound)

	_, err = b.timed.Capture(t.Context(), endOf(hold), amount(t, "25"))
	require.NoError(t, err)
	assert.Equal(t, "75", b.funds(t, "1"))
	assert.Equal(t, "125", b.funds(t, "shop"))
	assert.Equal(t, []string{"credit 25 posted"}, b.lines(t, "shop", 1))
	_, err = b.timed.Void(t.Context(), endOf(ledger.Transaction{ID: hold.ID.Entry(1)}))
	require.ErrorIs(t, err, ledger.ErrNotFound, "an entry's id")
}

func captureOverTheReceiversLimit(t *testing.T, open Open) {
	b := openTimed(t, open)
	b.Fill(t, "shop")
	_, err := b.timed.Post(t.Context(), infratest.Request(t, "shop", "fill", ledger.Credit, "70"))
	require.NoError(t, err)
	hold := b.hold(t, "order", "1 debit 40", "shop credit 40")
	_, err = b.timed.Capture(t.Context(), endOf(hold), ledger.Amount{})
	var limit *ledger.ReceiverLimitError
	require.ErrorAs(t, err, &limit)
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	assert.Equal(t, "999999999999970", limit.Balance.String())
	assert.Equal(t, "60 held 40", b.funds(t, "1"), "the hold has not ended")
	_, err = b.timed.Capture(t.Context(), endOf(hold), amount(t, "30"))
	require.NoError(t, err)
}

func notPending(t *testing.T, open Open) {
	b := openTimed(t, open)
	posted, err := b.timed.Post(t.Context(), infratest.Request(t, "1", "posted", ledger.Debit, "40"))
	require.NoError(t, err)
	r := infratest.Request(t, "1", "declined", ledger.Debit, "400")
	r.ExpiresIn = time.Minute
	_, err = b.timed.Post(t.Context(), r)
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)
	hold := b.hold(t, "hold", "1 debit 1")
	for _, c := range []struct {
		request ledger.EndRequest
		want    error
	}{
		{endOf(posted.Transaction), ledger.ErrNotPending},
		{endOf(declined.Result.Transaction), ledger.ErrNotPending},
		{ledger.EndRequest{TransactionID: ledger.TransactionID{1}}, ledger.ErrNotFound},
		{ledger.EndRequest{TransactionID: hold.ID, Allow: func(ledger.Transaction) error { return ledger.ErrNotFound }}, ledger.ErrNotFound},
	} {
		_, err := b.timed.Capture(t.Context(), c.request, ledger.Amount{})
		require.ErrorIs(t, err, c.want)
		_, err = b.timed.Void(t.Context(), c.request)
		require.ErrorIs(t, err, c.want)
	}
}

func pendingIsReplayed(t *testing.T, open Open) {
	b := openTimed(t, open)
	first := b.hold(t, "hold", "1 debit 40")
	_, err := b.timed.Void(t.Context(), endOf(first))
	require.NoError(t, err)
	r := infratest.Entries(t, "hold", "1 debit 40")
	r.ExpiresIn = time.Minute
	again, err := b.timed.Post(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: first, Replayed: true}, again, "the first answer, whatever came after")
	for _, other := range []time.Duration{0, time.Second} {
		r.ExpiresIn = other
		_, err := b.timed.Post(t.Context(), r)
		var reused *ledger.KeyReusedError
		require.ErrorAs(t, err, &reused)
		assert.Equal(t, ledger.KeyReusedError{ExpiresInDiffers: true}, *reused)
	}
}

// An expired hold can be spent one second later. Every reading reports that, and the next
// debit that needs it releases it.
func expiredIsReleased(t *testing.T, open Open) {
	b := openTimed(t, open)
	for i := range 3 {
		b.hold(t, fmt.Sprint(i), "1 debit 30")
	}
	b.at(61*time.Second - time.Millisecond)
	assert.Equal(t, "10 held 90", b.funds(t, "1"))
	_, err := b.timed.Post(t.Context(), infratest.Request(t, "1", "early", ledger.Debit, "11"))
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	b.at(61 * time.Second)
	assert.Equal(t, "100", b.funds(t, "1"))
	_, err = b.timed.Post(t.Context(), infratest.Request(t, "1", "more", ledger.Debit, "100.01"))
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)
	assert.Equal(t, "100", declined.Result.Transaction.BalanceSeen.String(), "what could be spent")
	_, err = b.timed.Post(t.Context(), infratest.Entries(t, "all", "1 debit 60", "2 credit 50", "1 debit 40"))
	require.NoError(t, err)
	assert.Equal(t, "0", b.funds(t, "1"))
	lines := b.lines(t, "1", 10)
	assert.Equal(t, 3, strings.Count(strings.Join(lines, ","), "expiry 30 expired"), "%v", lines)
	for i := range 3 {
		r := infratest.Entries(t, fmt.Sprint(i), "1 debit 30")
		stands, err := b.timed.Transaction(t.Context(), r.TransactionID())
		require.NoError(t, err)
		assert.Equal(t, ledger.Expired, stands.Status)
	}
}

// An expired hold is replayed, even by a call that would need its money.
func expiredIsReplayed(t *testing.T, open Open) {
	b := openTimed(t, open)
	first := b.hold(t, "h", "1 debit 60")
	b.at(2 * time.Minute)
	r := infratest.Entries(t, "h", "1 debit 60")
	r.ExpiresIn = time.Minute
	for range 2 {
		again, err := b.timed.Post(t.Context(), r)
		require.NoError(t, err)
		assert.Equal(t, ledger.Result{Transaction: first, Replayed: true}, again)
	}
	assert.Equal(t, "100", b.funds(t, "1"))
}

// A credit is bounded by the stored balance: an expired hold whose release is not
// written yet does not count. Once it is released, it does.
func limitIsOnTheStored(t *testing.T, open Open) {
	b := openTimed(t, open)
	b.Fill(t, "1")
	b.hold(t, "hold", "1 debit 100")
	_, err := b.timed.Post(t.Context(), infratest.Request(t, "1", "fill", ledger.Credit, "150"))
	require.NoError(t, err)
	b.at(2 * time.Minute)
	assert.Equal(t, "1000000000000050", b.funds(t, "1"))
	_, err = b.timed.Post(t.Context(), infratest.Request(t, "1", "more", ledger.Credit, "50"))
	require.NoError(t, err, "the stored balance has room for it")
	assert.Equal(t, "1000000000000100", b.funds(t, "1"))
	_, err = b.timed.Post(t.Context(), infratest.Request(t, "1", "cent", ledger.Credit, "0.01"))
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	assert.Equal(t, "1000000000000100", declined.Result.Transaction.BalanceSeen.String(), "what could be spent")
}

// At its expiry a hold ends as expired, whatever was asked, and forever.
func endAfterExpiry(t *testing.T, open Open) {
	for _, after := range []time.Duration{60 * time.Second, time.Hour} {
		b := openTimed(t, open)
		hold, other := b.hold(t, "1", "1 debit 40"), b.hold(t, "2", "1 debit 30")
		b.at(after)
		for range 2 {
			_, err := b.timed.Capture(t.Context(), endOf(hold), ledger.Amount{})
			var ended *ledger.HoldEndedError
			require.ErrorAs(t, err, &ended)
			assert.Equal(t, ledger.Expiry, ended.End.End)
			_, err = b.timed.Void(t.Context(), endOf(other))
			require.ErrorAs(t, err, &ended)
			assert.Equal(t, ledger.Expiry, ended.End.End)
			b.at(0) // a slow clock does not bring it back
		}
		assert.Equal(t, "100", b.funds(t, "1"))
	}
}

// A payment is one of the payer's sixteen holds, however many the receiver has.
func paymentIsAHold(t *testing.T, open Open) {
	b := openTimed(t, open)
	for i := range ledger.MaxHolds {
		b.hold(t, fmt.Sprint(i), "full debit 1")
	}
	b.hold(t, "to the one who has as many", "1 debit 1", "full credit 1")
	r := infratest.Entries(t, "one more", "full debit 1", "1 credit 1")
	r.ExpiresIn = time.Minute
	_, err := b.timed.Post(t.Context(), r)
	require.ErrorIs(t, err, ledger.ErrTooManyHolds)
	assert.Equal(t, "84 held 16", b.funds(t, "full"))
}

func atMostSixteenHolds(t *testing.T, open Open) {
	b := openTimed(t, open)
	for i := range ledger.MaxHolds {
		b.hold(t, fmt.Sprint(i), "1 debit 1")
	}
	for _, more := range []string{"1 debit 1", "1 debit 1000"} {
		r := infratest.Entries(t, "one more", more)
		r.ExpiresIn = time.Minute
		_, err := b.timed.Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrTooManyHolds, "whatever the funds")
		_, err = b.timed.Transaction(t.Context(), r.TransactionID())
		require.ErrorIs(t, err, ledger.ErrNotFound, "the key is not used up")
	}
	b.at(2 * time.Minute)
	b.hold(t, "one more", "1 debit 100")
	assert.Equal(t, "0 held 100", b.funds(t, "1"))
}

// A release lifts the balance over the limit if it must; only a credit is declined there.
func releaseOverTheLimit(t *testing.T, open Open) {
	b := openTimed(t, open)
	b.Fill(t, "1")
	hold := b.hold(t, "hold", "1 debit 500")
	_, err := b.timed.Post(t.Context(), infratest.Request(t, "1", "fill", ledger.Credit, "600"))
	require.NoError(t, err)
	_, err = b.timed.Void(t.Context(), endOf(hold))
	require.NoError(t, err)
	assert.Equal(t, "1000000000000500", b.funds(t, "1"))
	_, err = b.timed.Post(t.Context(), infratest.Request(t, "1", "cent", ledger.Credit, "0.01"))
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	_, err = b.timed.Post(t.Context(), infratest.Request(t, "1", "less", ledger.Debit, "0.01"))
	require.NoError(t, err)
	assert.Equal(t, "1000000000000499.99", b.funds(t, "1"))
}

// Releases that do not fit beside the entries get their own write.
func releasesThatDoNotFit(t *testing.T, open Open) {
	b := openTimed(t, open)
	for i := range ledger.MaxHolds {
		b.hold(t, fmt.Sprint(i), "1 debit 6")
	}
	b.at(2 * time.Minute)
	entries := []string{"1 debit 100"}
	for range 96 {
		entries = append(entries, "2 credit 1")
	}
	_, err := b.timed.Post(t.Context(), infratest.Entries(t, "many", entries...))
	require.NoError(t, err)
	assert.Equal(t, "0", b.funds(t, "1"))
	assert.Equal(t, "196", b.funds(t, "2"))
}

// When ends race, one is stored, and every caller gets that one.
func endsAtOnce(t *testing.T, open Open) {
	b := openTimed(t, open)
	hold := b.hold(t, "hold", "1 debit 40", "2 credit 40")
	ends := make([]ledger.Result, 16)
	errs := atOnce(len(ends), func(i int) (err error) {
		switch i % 3 {
		case 0:
			ends[i], err = b.timed.Capture(t.Context(), endOf(hold), ledger.Amount{})
		case 1:
			ends[i], err = b.timed.Capture(t.Context(), endOf(hold), amount(t, "15"))
		default:
			ends[i], err = b.timed.Void(t.Context(), endOf(hold))
		}
		return err
	})
	stands, err := b.timed.Transaction(t.Context(), hold.ID)
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
