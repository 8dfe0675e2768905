package ledger_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

func endOf(t ledger.Transaction) ledger.EndRequest { return ledger.EndRequest{TransactionID: t.ID} }

// endRow returns a row that ends a pending transaction.
func endRow(t require.TestingT, of ledger.Transaction, end ledger.End, sum string) ledger.Transaction {
	row := ledger.Transaction{
		ID: of.ID.End(), UserID: of.UserID, End: end, Amount: amount(t, sum), Status: end.Status(), CreatedAt: noon, TransactionID: of.ID,
	}
	if end == ledger.Capture {
		row.Held = of.Amount
	}
	return row
}

// A capture and a void write the end first. Only the captured amount is credited.
func TestPostingOfEnds(t *testing.T) {
	t.Parallel()
	const payment = "1 debit 40, shop credit 40"
	for _, c := range []struct {
		entries string
		capture string // "" is a void
		want    []string
	}{
		{"1 debit 40", "40", []string{"1 credit 0 from 0 to 1016000000000000 in 1; held -40; ends 40"}},
		{"1 debit 40", "25", []string{"1 credit 15 from 0 to 1016000000000000 in 1; held -40; ends 40"}},
		{"1 debit 40", "", []string{"1 credit 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}},
		{"1 debit 1000000000000", "0.01", []string{"1 credit 999999999999.99 from 0 to 1016000000000000 in 1; held -1000000000000; ends 1000000000000"}},
		{payment, "40", []string{
			"1 credit 0 from 0 to 1016000000000000 in 1; held -40; ends 40", "shop credit 40 from 0 to 999999999999960 in 1; held 0",
		}},
		{payment, "25", []string{
			"1 credit 15 from 0 to 1016000000000000 in 1; held -40; ends 40", "shop credit 25 from 0 to 999999999999975 in 1; held 0",
		}},
		{payment, "", []string{"1 credit 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}},
	} {
		first := pendingRow(t, c.entries)
		s := (&script{answers: []error{nil}}).holding(first)
		want := endRow(t, first, ledger.Void, first.Amount.String())
		stands := first
		stands.Status = ledger.Voided
		var result ledger.Result
		var err error
		if c.capture == "" {
			result, err = s.at(noon).Void(t.Context(), endOf(first))
		} else {
			want = endRow(t, first, ledger.Capture, c.capture)
			stands.Status, stands.Captured = ledger.Posted, want.Amount
			result, err = s.at(noon).Capture(t.Context(), endOf(first), want.Amount)
		}
		require.NoError(t, err, "%+v", c)
		assert.Equal(t, ledger.Result{Transaction: stands}, result, "%+v", c)
		require.Len(t, s.posted, 1)
		p := s.posted[0]
		assert.Equal(t, c.want, holdTexts(p), "%+v", c)
		assert.Equal(t, want, p.Rows[0], "%+v", c)
		require.Len(t, p.Rows, len(p.Moves), "%+v", c)
		if len(p.Rows) > 1 {
			receiver := first.Entries[1]
			assert.Equal(t, ledger.Transaction{
				ID: first.ID.Entry(1), UserID: receiver.UserID, Type: ledger.Credit, Amount: want.Amount, Status: ledger.Posted,
				CreatedAt: noon, TransactionID: first.ID,
			}, p.Rows[1], "%+v", c)
		}
	}
}

// The zero Amount captures all. More than the hold is an error.
func TestCaptureAmount(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40")
	s := (&script{answers: []error{nil}}).holding(first)
	result, err := s.at(noon).Capture(t.Context(), endOf(first), ledger.Amount{})
	require.NoError(t, err)
	assert.Equal(t, "40", result.Transaction.Captured.String())
	for _, now := range []time.Time{noon, noon.Add(time.Hour)} { // before and after the expiry
		s := (&script{}).holding(first)
		result, err = s.at(now).Capture(t.Context(), endOf(first), amount(t, "40.01"))
		require.EqualError(t, err, "invalid amount: must be at most what was held: 40")
		assert.Zero(t, result)
		assert.Empty(t, s.posted)
	}
}

// After its expiry a hold ends as expired, and no other end is sent any more.
func TestEndsByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := pendingRow(t, "1 debit 40, shop credit 40")
		for _, c := range []struct {
			left    time.Duration
			expired bool
		}{
			{time.Minute, false}, {time.Millisecond, false}, {0, true}, {-time.Millisecond, true}, {-time.Hour, true},
		} {
			for _, asked := range []ledger.End{ledger.Capture, ledger.Void} {
				s := (&script{answers: []error{nil}}).holding(first)
				l := s.at(first.ExpiresAt.Add(-c.left))
				var err error
				if asked == ledger.Void {
					_, err = l.Void(t.Context(), endOf(first))
				} else {
					_, err = l.Capture(t.Context(), endOf(first), ledger.Amount{})
				}
				require.Len(t, s.posted, 1)
				end := s.posted[0].Rows[0]
				if !c.expired {
					require.NoError(t, err, "%s, %v left", asked, c.left)
					assert.Equal(t, asked, end.End)
					limited, cancel := context.WithTimeout(t.Context(), c.left) // the clock does not advance
					cancel()
					want, _ := limited.Deadline()
					assert.Equal(t, want, s.deadline[0], "%s, %v left", asked, c.left)
					continue
				}
				var ended *ledger.HoldEndedError
				require.ErrorAs(t, err, &ended, "%s, %v left", asked, c.left)
				require.ErrorIs(t, err, ledger.ErrHoldEnded)
				assert.Equal(t, ledger.Expiry, end.End)
				assert.Equal(t, end, ended.End, "it is stored before it is told")
				assert.Zero(t, s.deadline[0], "%s, %v left", asked, c.left)
				assert.Equal(t, []string{"1 credit 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}, holdTexts(s.posted[0]))
			}
		}
	})
}

// An end that fails long before the expiry returns at once. One that fails just before
// the expiry waits, and writes the expiry.
func TestEndThatFails(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40")
	for _, c := range []struct {
		left, takes time.Duration
		err         error
		posted      int
	}{
		{time.Minute, 0, ledger.ErrTryAgain, 1}, {time.Second + time.Millisecond, 0, ledger.ErrTryAgain, 1},
		{time.Second, time.Second, ledger.ErrHoldEnded, 2}, {time.Millisecond, time.Millisecond, ledger.ErrHoldEnded, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			clock := time.Now //nolint:forbidigo // the bubble's
			time.Sleep(first.ExpiresAt.Add(-c.left).Sub(clock()))
			began := clock()
			s := (&script{answers: []error{ledger.ErrTryAgain, nil}}).holding(first)
			_, err := ledger.New(s, clock).Void(t.Context(), endOf(first))
			require.ErrorIs(t, err, c.err, "%v left", c.left)
			assert.Equal(t, c.takes, clock().Sub(began), "%v left", c.left)
			require.Len(t, s.posted, c.posted, "%v left", c.left)
			assert.Equal(t, ledger.Void, s.posted[0].Rows[0].End)
			assert.Equal(t, c.posted == 2, s.posted[c.posted-1].Rows[0].End == ledger.Expiry)
		})
	}
}

// The stored end is the answer: the same as a replay, another as the error.
func TestEndIsRecorded(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40")
	captured, voided, expired := endRow(t, first, ledger.Capture, "25"), endRow(t, first, ledger.Void, "40"), endRow(t, first, ledger.Expiry, "40")
	for _, c := range []struct {
		recorded ledger.Transaction
		capture  string // "" is a void
		replay   bool
	}{
		{captured, "25", true}, {captured, "25.00", true}, {captured, "24.99", false}, {captured, "40", false}, {captured, "", false},
		{voided, "", true}, {voided, "40", false},
		{expired, "", false}, {expired, "40", false},
	} {
		for _, now := range []time.Time{noon, noon.Add(time.Hour)} { // before and after the expiry
			s := (&script{answers: []error{&ledger.RecordedError{Recorded: c.recorded}}}).holding(first)
			var result ledger.Result
			var err error
			if c.capture == "" {
				result, err = s.at(now).Void(t.Context(), endOf(first))
			} else {
				result, err = s.at(now).Capture(t.Context(), endOf(first), amount(t, c.capture))
			}
			if c.replay {
				require.NoError(t, err, "%+v", c)
				assert.True(t, result.Replayed, "%+v", c)
				assert.Equal(t, c.recorded.Status, result.Transaction.Status, "%+v", c)
				continue
			}
			var ended *ledger.HoldEndedError
			require.ErrorAs(t, err, &ended, "%+v", c)
			assert.Equal(t, c.recorded, ended.End, "%+v", c)
			assert.ErrorContains(t, err, "hold ended: "+string(c.recorded.End)+" of "+c.recorded.Amount.String())
			assert.Zero(t, result, "%+v", c)
		}
	}
}

// The answer that the receiver is at its limit is not stored. It is given only if the
// end is absent, because a store need not report a taken id.
func TestReceiverLimit(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40, shop credit 40")
	const high = "999999999999965.01" // with the receiver's expired hold
	seen := outOfRange(t, map[string]ledger.Account{
		"shop": account(t, "999999999999960.01", holdsOf(t, "shop", noon.Add(-time.Second), "5")...),
	})

	s := (&script{answers: []error{seen}}).holding(first)
	result, err := s.at(noon).Capture(t.Context(), endOf(first), ledger.Amount{})
	var limit *ledger.ReceiverLimitError
	require.ErrorAs(t, err, &limit)
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	assert.Equal(t, first.Entries[1].UserID, limit.UserID)
	assert.Equal(t, high, limit.Balance.String())
	assert.Contains(t, limit.Error(), "the balance of shop is "+high)
	assert.Zero(t, result)
	assert.Empty(t, s.declined, "the hold has not ended")

	s = (&script{answers: []error{seen}}).holding(first, endRow(t, first, ledger.Capture, "40"))
	result, err = s.at(noon).Capture(t.Context(), endOf(first), ledger.Amount{})
	require.NoError(t, err)
	assert.True(t, result.Replayed)

	s = (&script{answers: []error{seen}}).holding(first, endRow(t, first, ledger.Void, "40"))
	_, err = s.at(noon).Capture(t.Context(), endOf(first), ledger.Amount{})
	require.ErrorIs(t, err, ledger.ErrHoldEnded)

	s = (&script{answers: []error{seen}, readErr: ledger.ErrTryAgain}).holding(first)
	_, err = s.at(noon).Capture(t.Context(), endOf(first), ledger.Amount{})
	require.ErrorIs(t, err, ledger.ErrTryAgain)
	assert.NotErrorIs(t, err, ledger.ErrBalanceLimit)
}

// Whatever a store answers, a hold that is still open does not end.
func TestEndOnWrongStore(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40, shop credit 40")
	with := func(change func(*ledger.Transaction)) error {
		end := endRow(t, first, ledger.Capture, "40")
		change(&end)
		return &ledger.RecordedError{Recorded: end}
	}
	const foreign = "the id of its end is another row's"
	for _, c := range []struct {
		err  error
		want string
	}{
		{with(func(end *ledger.Transaction) { end.TransactionID = newID(t, "1", "other") }), foreign},
		{with(func(end *ledger.Transaction) { end.TransactionID = ledger.TransactionID{} }), foreign},
		{with(func(end *ledger.Transaction) { end.End, end.Type = "", ledger.Credit }), foreign},
		{with(func(end *ledger.Transaction) { end.End = "refund" }), foreign},
		{outOfRange(t, nil), "the hold is not open and has no end"},
		{outOfRange(t, map[string]ledger.Account{"1": account(t, "60")}), "the hold is not open and has no end"},
		{outOfRange(t, map[string]ledger.Account{"1": account(t, "1016000000000000")}), "the hold is not open and has no end"},
		{outOfRange(t, map[string]ledger.Account{"shop": account(t, "100")}), "the hold is not open and has no end"},
		{errors.New("a defect"), "a defect"},
	} {
		for _, now := range []time.Time{noon, noon.Add(time.Hour)} {
			s := (&script{answers: []error{c.err}}).holding(first)
			captured, err := s.at(now).Capture(t.Context(), endOf(first), ledger.Amount{})
			require.ErrorContains(t, err, c.want)
			voided, voidErr := s.at(now).Void(t.Context(), endOf(first))
			require.ErrorContains(t, voidErr, c.want)
			assert.Zero(t, captured)
			assert.Zero(t, voided)
			for _, known := range []error{ledger.ErrHoldEnded, ledger.ErrBalanceLimit, ledger.ErrNotFound, ledger.ErrNotPending, ledger.ErrTryAgain} {
				assert.NotErrorIs(t, err, known)
				assert.NotErrorIs(t, voidErr, known)
			}
		}
	}
}

var errNotAllowed = errors.New("not allowed")

func only(user ledger.UserID) ledger.Allow {
	return func(row ledger.Transaction) error {
		if row.UserID != user {
			return errNotAllowed
		}
		return nil
	}
}

// Other rows are not ended, and nothing is written.
func TestEndOfNoHold(t *testing.T) {
	t.Parallel()
	pending := pendingRow(t, "1 debit 40, shop credit 40")
	other, err := ledger.ParseUserID("2")
	require.NoError(t, err)
	as := func(change func(*ledger.Transaction)) ledger.Transaction {
		row := pending
		change(&row)
		return row
	}
	for _, c := range []struct {
		row  ledger.Transaction
		user ledger.UserID
		want error
	}{
		{as(func(row *ledger.Transaction) { row.Status = ledger.Posted }), ledger.UserID{}, ledger.ErrNotPending},
		{as(func(row *ledger.Transaction) { row.Status = ledger.Declined }), pending.UserID, ledger.ErrNotPending},
		{as(func(row *ledger.Transaction) { row.TransactionID = newID(t, "1", "1") }), ledger.UserID{}, ledger.ErrNotFound},
		{pending, other, errNotAllowed},
		{endRow(t, pending, ledger.Void, "40"), ledger.UserID{}, ledger.ErrNotFound},
		{as(func(row *ledger.Transaction) { row.Status = ledger.Posted }), other, errNotAllowed},
	} {
		s := (&script{}).holding(c.row)
		r := ledger.EndRequest{TransactionID: c.row.ID}
		if c.user != (ledger.UserID{}) {
			r.Allow = only(c.user)
		}
		_, err := s.at(noon).Capture(t.Context(), r, ledger.Amount{})
		require.ErrorIs(t, err, c.want)
		_, err = s.at(noon).Void(t.Context(), r)
		require.ErrorIs(t, err, c.want)
		assert.Empty(t, s.posted)
	}
}

// A lookup reports an expired hold as expired even before its release is written.
func TestPendingAsItStands(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40")
	for _, c := range []struct {
		name     string
		end      *ledger.Transaction
		after    time.Duration // after the expiry
		status   ledger.Status
		captured string
	}{
		{"open", nil, -time.Millisecond, ledger.Pending, "0"},
		{"within the grace", nil, 999 * time.Millisecond, ledger.Pending, "0"},
		{"expired", nil, time.Second, ledger.Expired, "0"},
		{"captured", new(endRow(t, first, ledger.Capture, "25")), time.Hour, ledger.Posted, "25"},
		{"voided", new(endRow(t, first, ledger.Void, "40")), time.Hour, ledger.Voided, "0"},
		{"released", new(endRow(t, first, ledger.Expiry, "40")), -time.Hour, ledger.Expired, "0"}, // the reader's clock is behind
	} {
		s := (&script{}).holding(first)
		if c.end != nil {
			s.holding(first, *c.end)
		}
		got, err := s.at(first.ExpiresAt.Add(c.after)).Transaction(t.Context(), first.ID)
		require.NoError(t, err, c.name)
		want := first
		want.Status = c.status
		if c.captured != "0" {
			want.Captured = amount(t, c.captured)
		}
		assert.Equal(t, want, got, c.name)
	}
	_, err := (&script{readErr: ledger.ErrTryAgain}).holding(first).at(noon).Transaction(t.Context(), first.ID)
	require.ErrorIs(t, err, ledger.ErrTryAgain)
}
