package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// A capture or void writes the hold's end as its first row. Only the captured amount is
// credited to the receiver.
func TestPostingOfEnds(t *testing.T) {
	t.Parallel()
	const (
		hold, payment = "1 debit 40", "1 debit 40, shop credit 40"
		released      = "1 40 from 0 to 1016000000000000 in 1; held -40; ends 40"
		captured      = "1 0 from 0 to 1016000000000000 in 1; held -40; ends 40"
		partly        = "1 15 from 0 to 1016000000000000 in 1; held -40; ends 40"
	)
	for _, c := range []struct {
		entries, as, captured string
		want                  []string
	}{
		{hold, "25", "25", []string{partly}},
		{hold, "void", "", []string{released}},
		{"1 debit 1000000000000", "0.01", "0.01", []string{
			"1 999999999999.99 from 0 to 1016000000000000 in 1; held -1000000000000; ends 1000000000000",
		}},
		{payment, "40", "40", []string{captured, "shop 40 from 0 to 999999999999960 in 1"}},
		{payment, "all", "40", []string{captured, "shop 40 from 0 to 999999999999960 in 1"}},
		{payment, "25", "25", []string{partly, "shop 25 from 0 to 999999999999975 in 1"}},
		{payment, "void", "", []string{released}},
	} {
		first := pendingRow(t, c.entries)
		s := (&script{answers: []error{nil}}).holding(first)
		result, err := end(t, s.at(noon), endOf(first), c.as)
		require.NoError(t, err, "%+v", c)
		ended := first
		rows := []ledger.Transaction{endRow(t, first, ledger.Void, first.Amount.String())}
		ended.Status = ledger.Voided
		if c.captured != "" {
			rows[0] = endRow(t, first, ledger.Capture, c.captured)
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

// A capture or void has the same result before and after the expiry. If the store reports
// an end, the result is a replay if it is the requested end, and an error otherwise. It is
// a defect if the store refuses the write and no end is stored.
func TestEndAnswers(t *testing.T) {
	t.Parallel()
	hold := pendingRow(t, "1 debit 40, shop credit 40")
	posted, declined, further := hold, hold, hold
	posted.Status, declined.Status, further.TransactionID = ledger.Posted, ledger.Declined, newID(t, "1", "1")
	captured, voided, expired := endRow(t, hold, ledger.Capture, "25"), endRow(t, hold, ledger.Void, "40"), endRow(t, hold, ledger.Expiry, "40")
	recorded := func(row ledger.Transaction) error { return &ledger.RecordedError{Recorded: row} }
	foreign := func(change func(*ledger.Transaction)) error {
		row := captured
		change(&row)
		return recorded(row)
	}
	const another, notOpen, all = "the id of its end is another row's", "the hold is not open and has no end", "void, all, 40"
	errDefect := errors.New("a defect")
	for _, c := range []struct {
		row    ledger.Transaction // the stored row with the requested id
		answer error              // the store's answer to the posting
		calls  string
		is     error
		want   string // "" for a replay
	}{
		{hold, recorded(captured), "25, 25.00", nil, ""},
		{hold, recorded(captured), "24.99, 40, all, void", ledger.ErrHoldEnded, "hold ended: capture of 25"},
		{hold, recorded(voided), "void", nil, ""},
		{hold, recorded(voided), "40", ledger.ErrHoldEnded, "hold ended: void of 40"},
		{hold, recorded(expired), all, ledger.ErrHoldEnded, "hold ended: expiry of 40"},
		{hold, nil, "40.01", ledger.ErrInvalid, "invalid amount: must be at most what was held: 40"},
		{posted, nil, all, ledger.ErrNotPending, "not pending"},
		{declined, nil, all, ledger.ErrNotPending, "not pending"},
		{further, nil, all, ledger.ErrNotFound, "not found"},
		{voided, nil, all, ledger.ErrNotFound, "not found"},

		{hold, foreign(func(end *ledger.Transaction) { end.TransactionID = newID(t, "1", "other") }), all, nil, another},
		{hold, foreign(func(end *ledger.Transaction) { end.TransactionID = ledger.TransactionID{} }), all, nil, another},
		{hold, foreign(func(end *ledger.Transaction) { end.End, end.Type = "", ledger.Credit }), all, nil, another},
		{hold, foreign(func(end *ledger.Transaction) { end.End = "refund" }), all, nil, another},
		{hold, refusal(t, nil), all, nil, notOpen},
		{hold, refusal(t, accounts{"1": account(t, "60")}), all, nil, notOpen},
		{hold, refusal(t, accounts{"1": account(t, "1016000000000000")}), all, nil, notOpen},
		{hold, refusal(t, accounts{"shop": account(t, "100")}), all, nil, notOpen},
		{hold, errDefect, all, errDefect, "a defect"},
	} {
		for call := range strings.SplitSeq(c.calls, ", ") {
			for _, now := range []time.Time{noon, noon.Add(time.Hour)} {
				s := (&script{}).holding(c.row)
				if c.answer != nil {
					s.answers = []error{c.answer}
				}
				result, err := end(t, s.at(now), endOf(c.row), call)
				if stored, ok := errors.AsType[*ledger.RecordedError](c.answer); ok && c.want == "" {
					require.NoError(t, err, call)
					assert.True(t, result.Replayed, call)
					assert.Equal(t, stored.Recorded.Status, result.Transaction.Status)
					continue
				}
				require.ErrorContains(t, err, c.want, call)
				assert.Zero(t, result)
				assert.Len(t, s.posted, len(s.answers))
				for _, known := range []error{
					ledger.ErrHoldEnded, ledger.ErrInvalid, ledger.ErrNotPending, ledger.ErrNotFound, ledger.ErrBalanceLimit, ledger.ErrTryAgain, errDefect,
				} {
					assert.Equal(t, known == c.is, errors.Is(err, known), "%s: %v", call, known) //nolint:errorlint // compares sentinels by identity
				}
				if ended, ok := errors.AsType[*ledger.HoldEndedError](err); ok {
					assert.Equal(t, recorded(ended.End), c.answer)
				}
			}
		}
	}
}

// If Allow returns an error, the call returns that error for any row and writes nothing.
func TestForbiddenEnd(t *testing.T) {
	t.Parallel()
	for _, row := range []ledger.Transaction{pendingRow(t, "1 debit 40"), recordedAs(t, requestOf(t, "1 debit 40"))} {
		r := endOf(row)
		r.Allow = func(ledger.Transaction) error { return context.Canceled }
		for _, call := range []string{"void", "40.01"} {
			_, err := end(t, (&script{}).holding(row).at(noon), r, call)
			require.ErrorIs(t, err, context.Canceled)
		}
	}
}

// After its expiry a hold can only end as expired, and no other end is sent. If a write
// fails long before the expiry, the call returns at once. If it fails just before the
// expiry, the call waits until then and writes the expiry.
func TestEndsByTime(t *testing.T) {
	t.Parallel()
	hold := pendingRow(t, "1 debit 40, shop credit 40")
	for _, c := range []struct {
		left  time.Duration
		fails bool // whether the write before the expiry fails
		takes time.Duration
		ends  string // the ends sent, in order; "asked" is the requested end
	}{
		{time.Minute, false, 0, "asked"},
		{time.Millisecond, false, 0, "asked"},
		{0, false, 0, "expiry"},
		{-time.Millisecond, false, 0, "expiry"},
		{-time.Hour, false, 0, "expiry"},
		{time.Minute, true, 0, "asked"},
		{time.Second + time.Millisecond, true, 0, "asked"},
		{time.Second, true, time.Second, "asked expiry"},
		{time.Millisecond, true, time.Millisecond, "asked expiry"},
	} {
		for call, asked := range map[string]ledger.End{"40": ledger.Capture, "void": ledger.Void} {
			synctest.Test(t, func(t *testing.T) {
				clock := time.Now //nolint:forbidigo // synctest's fake clock
				began := hold.ExpiresAt.Add(-c.left)
				time.Sleep(began.Sub(clock()))
				s := (&script{answers: []error{nil}}).holding(hold)
				if c.fails {
					s.answers = []error{ledger.ErrTryAgain, nil}
				}
				_, err := end(t, ledger.New(s, clock), endOf(hold), call)
				assert.Equal(t, c.takes, clock().Sub(began), "%+v", c)
				var ends []string
				for i, p := range s.posted {
					ends = append(ends, string(p.Rows[0].End))
					assert.Equal(t, p.Rows[0].End == asked, s.deadline[i].Equal(hold.ExpiresAt), "%+v", c)
				}
				assert.Equal(t, strings.ReplaceAll(c.ends, "asked", string(asked)), strings.Join(ends, " "), "%+v", c)
				last := s.posted[len(ends)-1]
				switch {
				case last.Rows[0].End == ledger.Expiry:
					assert.Equal(t, &ledger.HoldEndedError{End: last.Rows[0]}, err, "it is stored before it is reported")
					assert.Equal(t, []string{"1 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}, moveTexts(last))
				case c.fails:
					assert.ErrorIs(t, err, ledger.ErrTryAgain, "%+v", c)
				default:
					assert.NoError(t, err, "%+v", c)
				}
			})
		}
	}
}

// An error about the receiver's account is not stored. It is returned only if no end is
// stored, because a refusal can hide that the id is taken.
func TestReceiver(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40, shop credit 40")
	full := account(t, "999999999999960.01", holdsOf(t, "shop", noon.Add(-time.Second), "5")...) // the hold has expired by noon
	blocked := account(t, "100")
	blocked.CreditsBlocked = true
	for want, shop := range map[string]ledger.Account{
		"balance limit: the balance of shop is 999999999999965.01": full, "account blocked: shop receives no credits": blocked,
	} {
		refused := refusal(t, accounts{"shop": shop})
		capture := func(readErr error, rows ...ledger.Transaction) (ledger.Result, error) {
			s := (&script{answers: []error{refused}, readErr: readErr}).holding(append(rows, first)...)
			result, err := end(t, s.at(noon), endOf(first), "40")
			assert.Empty(t, s.declined, "the hold has not ended")
			return result, err
		}
		_, err := capture(nil)
		require.EqualError(t, err, "capture of "+first.ID.String()+": "+want)
		result, err := capture(nil, endRow(t, first, ledger.Capture, "40"))
		require.NoError(t, err)
		assert.True(t, result.Replayed)
		_, err = capture(nil, endRow(t, first, ledger.Void, "40"))
		require.ErrorIs(t, err, ledger.ErrHoldEnded)
		_, err = capture(ledger.ErrTryAgain)
		require.EqualError(t, err, "capture of "+first.ID.String()+": try again")
		refused.Unknown = true
		_, err = capture(nil)
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.False(t, errors.Is(err, ledger.ErrBalanceLimit) || errors.Is(err, ledger.ErrAccountBlocked))
	}
}

// A lookup reports an expired hold as expired even before its release is written.
func TestExpiredHoldBeforeItsRelease(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 40")
	for _, c := range []struct {
		name     string
		ends     []ledger.Transaction
		after    time.Duration // from the expiry to the lookup
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
