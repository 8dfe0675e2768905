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

// A capture and a void write the end first. Only the captured amount is credited.
func TestPostingOfEnds(t *testing.T) {
	t.Parallel()
	const payment = "1 debit 40, shop credit 40"
	for _, c := range []struct {
		entries string
		capture string // "" is a void
		want    []string
	}{
		{"1 debit 40", "25", []string{"1 15 from 0 to 1016000000000000 in 1; held -40; ends 40"}},
		{"1 debit 40", "", []string{"1 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}},
		{"1 debit 1000000000000", "0.01", []string{
			"1 999999999999.99 from 0 to 1016000000000000 in 1; held -1000000000000; ends 1000000000000",
		}},
		{payment, "40", []string{
			"1 0 from 0 to 1016000000000000 in 1; held -40; ends 40", "shop 40 from 0 to 999999999999960 in 1",
		}},
		{payment, "25", []string{
			"1 15 from 0 to 1016000000000000 in 1; held -40; ends 40", "shop 25 from 0 to 999999999999975 in 1",
		}},
		{payment, "", []string{"1 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}},
	} {
		first := pendingRow(t, c.entries)
		s := (&script{answers: []error{nil}}).holding(first)
		result, err := end(t, s.at(noon), first, c.capture)
		require.NoError(t, err, "%+v", c)
		ended := first
		rows := []ledger.Transaction{endRow(t, first, ledger.Void, first.Amount.String())}
		ended.Status = ledger.Voided
		if c.capture != "" {
			rows[0] = endRow(t, first, ledger.Capture, c.capture)
			ended.Status, ended.Captured = ledger.Posted, rows[0].Amount
		}
		if len(c.want) > 1 {
			rows = append(rows, ledger.Transaction{
				ID: first.ID.Entry(1), UserID: first.Entries[1].UserID, Type: ledger.Credit, Amount: rows[0].Amount, Status: ledger.Posted,
				CreatedAt: noon, TransactionID: first.ID,
			})
		}
		assert.Equal(t, ledger.Result{Transaction: ended}, result, "%+v", c)
		require.Len(t, s.posted, 1)
		assert.Equal(t, c.want, moveTexts(s.posted[0]), "%+v", c)
		assert.Equal(t, rows, s.posted[0].Rows, "%+v", c)
	}
}

// The zero Amount captures all. More than the hold is an error, before the expiry and
// after it.
func TestCaptureAmount(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40")
	s := (&script{answers: []error{nil}}).holding(first)
	result, err := s.at(noon).Capture(t.Context(), ledger.EndRequest{TransactionID: first.ID}, ledger.Amount{})
	require.NoError(t, err)
	assert.Equal(t, "40", result.Transaction.Captured.String())
	for _, now := range []time.Time{noon, noon.Add(time.Hour)} {
		s := (&script{}).holding(first)
		_, err = end(t, s.at(now), first, "40.01")
		require.EqualError(t, err, "invalid amount: must be at most what was held: 40")
		assert.Empty(t, s.posted)
	}
}

// After its expiry a hold ends as expired, and no other end is sent any more.
func TestEndsByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := pendingRow(t, "1 debit 40, shop credit 40")
		for left, expired := range map[time.Duration]bool{
			time.Minute: false, time.Millisecond: false, 0: true, -time.Millisecond: true, -time.Hour: true,
		} {
			for capture, asked := range map[string]ledger.End{"40": ledger.Capture, "": ledger.Void} {
				s := (&script{answers: []error{nil}}).holding(first)
				_, err := end(t, s.at(first.ExpiresAt.Add(-left)), first, capture)
				require.Len(t, s.posted, 1)
				row := s.posted[0].Rows[0]
				if !expired {
					require.NoError(t, err, "%s, %v left", asked, left)
					assert.Equal(t, asked, row.End)
					limited, cancel := context.WithTimeout(t.Context(), left) // the clock does not advance
					cancel()
					want, _ := limited.Deadline()
					assert.Equal(t, want, s.deadline[0], "%s, %v left", asked, left)
					continue
				}
				var ended *ledger.HoldEndedError
				require.ErrorAs(t, err, &ended, "%s, %v left", asked, left)
				require.ErrorIs(t, err, ledger.ErrHoldEnded)
				assert.Equal(t, ledger.Expiry, row.End)
				assert.Equal(t, row, ended.End, "it is stored before it is reported")
				assert.Zero(t, s.deadline[0], "%s, %v left", asked, left)
				assert.Equal(t, []string{"1 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}, moveTexts(s.posted[0]))
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
			_, err := end(t, ledger.New(s, clock), first, "")
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
		{voided, "", true}, {voided, "40", false}, {expired, "", false}, {expired, "40", false},
	} {
		for _, now := range []time.Time{noon, noon.Add(time.Hour)} { // before and after the expiry
			s := (&script{answers: []error{&ledger.RecordedError{Recorded: c.recorded}}}).holding(first)
			result, err := end(t, s.at(now), first, c.capture)
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
		}
	}
}

// The answer that the receiver is at its limit is not stored. It is given only if the
// end is absent, because a store need not report a taken id.
func TestReceiverLimit(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40, shop credit 40")
	const high = "999999999999965.01" // with the receiver's expired hold
	seen := refusal(t, accounts{"shop": account(t, "999999999999960.01", holdsOf(t, "shop", noon.Add(-time.Second), "5")...)})
	capture := func(readErr error, rows ...ledger.Transaction) (ledger.Result, error) {
		s := (&script{answers: []error{seen}, readErr: readErr}).holding(append(rows, first)...)
		result, err := end(t, s.at(noon), first, "40")
		assert.Empty(t, s.declined, "the hold has not ended")
		return result, err
	}
	_, err := capture(nil)
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	assert.ErrorContains(t, err, "the balance of shop is "+high)

	result, err := capture(nil, endRow(t, first, ledger.Capture, "40"))
	require.NoError(t, err)
	assert.True(t, result.Replayed)

	_, err = capture(nil, endRow(t, first, ledger.Void, "40"))
	require.ErrorIs(t, err, ledger.ErrHoldEnded)

	_, err = capture(ledger.ErrTryAgain)
	require.ErrorIs(t, err, ledger.ErrTryAgain)
	assert.NotErrorIs(t, err, ledger.ErrBalanceLimit)
}

// Whatever a store answers, a hold that is still open does not end.
func TestEndOnWrongStore(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40, shop credit 40")
	with := func(change func(*ledger.Transaction)) error {
		row := endRow(t, first, ledger.Capture, "40")
		change(&row)
		return &ledger.RecordedError{Recorded: row}
	}
	const foreign, notOpen = "the id of its end is another row's", "the hold is not open and has no end"
	for _, c := range []struct {
		err  error
		want string
	}{
		{with(func(end *ledger.Transaction) { end.TransactionID = newID(t, "1", "other") }), foreign},
		{with(func(end *ledger.Transaction) { end.TransactionID = ledger.TransactionID{} }), foreign},
		{with(func(end *ledger.Transaction) { end.End, end.Type = "", ledger.Credit }), foreign},
		{with(func(end *ledger.Transaction) { end.End = "refund" }), foreign},
		{refusal(t, nil), notOpen},
		{refusal(t, accounts{"1": account(t, "60")}), notOpen},
		{refusal(t, accounts{"1": account(t, "1016000000000000")}), notOpen},
		{refusal(t, accounts{"shop": account(t, "100")}), notOpen},
		{errors.New("a defect"), "a defect"},
	} {
		for _, now := range []time.Time{noon, noon.Add(time.Hour)} {
			for _, capture := range []string{"", "40"} {
				s := (&script{answers: []error{c.err}}).holding(first)
				result, err := end(t, s.at(now), first, capture)
				require.ErrorContains(t, err, c.want)
				assert.Zero(t, result)
				for _, known := range []error{ledger.ErrHoldEnded, ledger.ErrBalanceLimit, ledger.ErrNotFound, ledger.ErrNotPending, ledger.ErrTryAgain} {
					assert.NotErrorIs(t, err, known)
				}
			}
		}
	}
}

// Other rows are not ended, and nothing is written.
func TestEndOfNoHold(t *testing.T) {
	t.Parallel()
	pending := pendingRow(t, "1 debit 40, shop credit 40")
	posted, declined, further := pending, pending, pending
	posted.Status, declined.Status, further.TransactionID = ledger.Posted, ledger.Declined, newID(t, "1", "1")
	errNotAllowed := errors.New("not allowed")
	for _, c := range []struct {
		row     ledger.Transaction
		allowed error
		want    error
	}{
		{posted, nil, ledger.ErrNotPending},
		{declined, nil, ledger.ErrNotPending},
		{further, nil, ledger.ErrNotFound},
		{endRow(t, pending, ledger.Void, "40"), nil, ledger.ErrNotFound},
		{pending, errNotAllowed, errNotAllowed},
		{posted, errNotAllowed, errNotAllowed},
	} {
		s := (&script{}).holding(c.row)
		r := ledger.EndRequest{TransactionID: c.row.ID, Allow: func(ledger.Transaction) error { return c.allowed }}
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
		ends     []ledger.Transaction
		after    time.Duration // after the expiry
		status   ledger.Status
		captured ledger.Amount
	}{
		{"open", nil, -time.Millisecond, ledger.Pending, ledger.Amount{}},
		{"within the grace", nil, 999 * time.Millisecond, ledger.Pending, ledger.Amount{}},
		{"expired", nil, time.Second, ledger.Expired, ledger.Amount{}},
		{"captured", []ledger.Transaction{endRow(t, first, ledger.Capture, "25")}, time.Hour, ledger.Posted, amount(t, "25")},
		{"voided", []ledger.Transaction{endRow(t, first, ledger.Void, "40")}, time.Hour, ledger.Voided, ledger.Amount{}},
		// The reader's clock is behind.
		{"released", []ledger.Transaction{endRow(t, first, ledger.Expiry, "40")}, -time.Hour, ledger.Expired, ledger.Amount{}},
	} {
		s := (&script{}).holding(append(c.ends, first)...)
		got, err := s.at(first.ExpiresAt.Add(c.after)).Transaction(t.Context(), first.ID)
		require.NoError(t, err, c.name)
		want := first
		want.Status, want.Captured = c.status, c.captured
		assert.Equal(t, want, got, c.name)
	}
	_, err := (&script{readErr: ledger.ErrTryAgain}).holding(first).at(noon).Transaction(t.Context(), first.ID)
	require.ErrorIs(t, err, ledger.ErrTryAgain)
}
