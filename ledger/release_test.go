package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"onewrite/ledger"
)

// A pending transaction has only its first row and one move: the hold leaves the
// balance.
func TestPostingOfHold(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1 debit 10.50", "1 debit 10.50, 2 credit 10.5"} {
		r := requestOf(t, text, 90*time.Second)
		p, err := ledger.NewPosting(r, noon.Add(999*time.Microsecond))
		require.NoError(t, err)
		first := ledger.Transaction{
			ID: newID(t, "1", "k"), UserID: r.UserID(), Type: ledger.Debit, Amount: r.Entries[0].Amount, Status: ledger.Pending,
			CreatedAt: noon, IdempotencyKey: r.IdempotencyKey, ExpiresAt: noon.Add(90 * time.Second),
		}
		if len(r.Entries) > 1 {
			first.Entries = r.Entries
		}
		assert.Equal(t, []ledger.Transaction{first}, p.Rows, text)
		assert.Equal(t, 90*time.Second, p.Rows[0].ExpiresIn(), text)
		assert.Equal(t, []string{"1 debit 10.5 from 10.5 to 1016000000000000 in 1; held 10.5; opens 10.5"}, holdTexts(p), text)
		assert.Equal(t, ledger.Hold{TransactionID: first.ID, Amount: first.Amount, ExpiresAt: first.ExpiresAt}, *p.Moves[0].Opens)
	}
}

// after is one second after holds from holdsOf(…, noon, …) expired.
var after = noon.Add(time.Second)

// Expired holds are released in the same write, before the first entry counts.
func TestReleasesOfPosting(t *testing.T) {
	t.Parallel()
	type accounts = map[string]ledger.Account
	open := holdsOf(t, "open", after, "7")
	expired := func(balance, user string, amounts ...string) ledger.Account {
		return account(t, balance, append(holdsOf(t, user, noon, amounts...), open...)...)
	}
	for _, c := range []struct {
		entries   string
		expiresIn time.Duration
		seen      accounts
		want      []string
	}{
		{"1 debit 70", 0, accounts{"1": expired("60", "1", "40")},
			[]string{"1 debit 30 from 30 to 1016000000000000 in 2; held -40; ends 40"}},
		{"1 debit 70", 0, accounts{"1": expired("0", "1", "70")}, // the sum is zero
			[]string{"1 credit 0 from 0 to 1016000000000000 in 2; held -70; ends 70"}},
		{"1 debit 70", 0, accounts{"1": expired("0", "1", "100")},
			[]string{"1 credit 30 from 0 to 1016000000000000 in 2; held -100; ends 100"}},
		{"1 debit 70", 0, accounts{"1": expired("60", "1", "20", "20")},
			[]string{"1 debit 30 from 30 to 1016000000000000 in 3; held -40; ends 20; ends 20"}},
		// A release lifts the balance, which leaves less room for a credit.
		{"1 debit 70, 1 credit 50", 0, accounts{"1": expired("60", "1", "40")},
			[]string{"1 credit 20 from 30 to 999999999999980 in 3; held -40; ends 40"}},
		// A release above 10^15 is never refused.
		{"1 debit 999000000000, 1 debit 0.01", 0, accounts{"1": expired("0", "1", "1000000000000")},
			[]string{"1 credit 999999999.99 from 0 to 1016000000000000 in 3; held -1000000000000; ends 1000000000000"}},
		// Several users' holds, in entry order. Users without holds move as usual.
		{"b debit 70, c credit 10, a debit 70", 0, accounts{"a": expired("60", "a", "40"), "b": expired("50", "b", "20", "20")}, []string{
			"b debit 30 from 30 to 1016000000000000 in 3; held -40; ends 20; ends 20",
			"a debit 30 from 30 to 1016000000000000 in 2; held -40; ends 40",
			"c credit 10 from 0 to 999999999999990 in 1; held 0",
		}},
		// A new hold needs the money of an expired one.
		{"1 debit 70", time.Minute, accounts{"1": expired("60", "1", "40")},
			[]string{"1 debit 30 from 30 to 1016000000000000 in 2; held 30; ends 40; opens 70"}},
	} {
		s := &script{answers: []error{outOfRange(t, c.seen), nil}}
		r := requestOf(t, c.entries, c.expiresIn)
		result, err := s.at(after).Post(t.Context(), r)
		require.NoError(t, err, c.entries)
		require.Len(t, s.posted, 2, c.entries)
		p := s.posted[1]
		assert.Equal(t, c.want, holdTexts(p), c.entries)
		assert.Equal(t, s.posted[0].Rows[0], p.Rows[0], "%s: the first row is as it was", c.entries)
		assert.Equal(t, ledger.Result{Transaction: p.Rows[0]}, result, c.entries)
		assert.Empty(t, s.declined, c.entries)

		entryRows := len(s.posted[0].Rows)
		assert.Equal(t, s.posted[0].Rows, p.Rows[:entryRows], c.entries)
		for _, row := range p.Rows[entryRows:] {
			assert.Equal(t, ledger.Expiry, row.End, c.entries)
			assert.Equal(t, ledger.Expired, row.Status, c.entries)
			assert.Equal(t, row.TransactionID.End(), row.ID, c.entries)
			assert.Equal(t, after, row.CreatedAt, c.entries)
		}
	}
}

// A hold is released from one second after its expiry. Until then it may decline a
// debit, for ever.
func TestReleaseWaits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after    time.Duration
		declined bool
	}{
		{0, true}, {999 * time.Millisecond, true}, {time.Second, false}, {time.Hour, false},
	} {
		s := &script{answers: []error{outOfRange(t, map[string]ledger.Account{"1": account(t, "60", holdsOf(t, "1", noon, "40")...)}), nil}}
		_, err := s.at(noon.Add(c.after)).Post(t.Context(), requestOf(t, "1 debit 61", 0))
		if !c.declined {
			require.NoError(t, err, "%v", c.after)
			continue
		}
		require.ErrorIs(t, err, ledger.ErrInsufficientFunds, "%v", c.after)
		require.Len(t, s.declined, 1)
		assert.Equal(t, "60", s.declined[0].BalanceSeen.String(), "%v", c.after)
	}
}

// A posting with releases moves as the releases and then the entries would, and is
// allowed exactly if each is.
func TestMovesAreTheReleasesAndEntries(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := drawEntries(t)
		seen, released := map[string]ledger.Account{}, map[ledger.UserID]ledger.Sum{}
		for i := range 3 {
			user := all[min(i, len(all)-1)].UserID
			a := account(t, drawBalance(t, "100", 10_000).String())
			for n := range rapid.IntRange(1, 4).Draw(t, "holds") {
				h := ledger.Hold{ExpiresAt: noon, Amount: amount(t, dollars(near(t, 1, 20_000, "held")))}
				h.TransactionID = ledger.NewTransactionID(user, key(t, fmt.Sprint("hold ", n)))
				a.Holds = append(a.Holds, h)
			}
			seen[user.String()], released[user] = a, ledger.Held(a.Holds)
		}
		s := &script{answers: []error{outOfRange(t, seen), nil}}
		_, err := s.at(after).Post(context.Background(), ledger.Request{IdempotencyKey: key(t, "k"), Entries: all})
		fits := true
		for user, a := range seen {
			id, parseErr := ledger.ParseUserID(user)
			require.NoError(t, parseErr)
			_, ok := oneAfterAnother(a.Funds(after).Balance, id, all)
			fits = fits && ok
		}
		if !fits {
			var declined *ledger.DeclinedError
			require.ErrorAs(t, err, &declined)
			return
		}
		require.NoError(t, err)
		rows := 0
		for _, m := range s.posted[1].Moves {
			rows += m.Rows
			a, known := seen[m.UserID.String()]
			require.True(t, !known || m.Allows(a.Balance), "%s on %s", holdText(m), a.Balance)
			require.Len(t, m.Ends, len(a.Holds))
			require.Equal(t, ledger.Held(a.Holds).String(), strings.TrimPrefix(m.Held.String(), "-"))
			require.Equal(t, known, strings.HasPrefix(m.Held.String(), "-"))

			// The balance is any, even one that releases lift above the limit.
			before := rapid.OneOf(
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, m.MinBefore.String(), 1) }),
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, m.MaxBefore.String(), 1) }),
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, "0", maxBalanceCents) }),
			).Draw(t, "before")
			sum, ok := new(big.Rat).SetString(before.String())
			require.True(t, ok)
			if known {
				lifted, ok := new(big.Rat).SetString(ledger.Held(a.Holds).String())
				require.True(t, ok)
				sum.Add(sum, lifted)
			}
			lifted, err := ledger.ParseBalance(sum.FloatString(2))
			require.NoError(t, err)
			want, ok := oneAfterAnother(lifted, m.UserID, all)
			require.Equal(t, ok, m.Allows(before), "%s on %s", holdText(m), before)
			if ok {
				require.Equal(t, want.String(), moved(t, before, m), "%s on %s", holdText(m), before)
			}
		}
		require.Len(t, s.posted[1].Rows, rows, "each row is one user's")
	})
}

// A store may report one account at a time. All expired holds are released together,
// each as last reported.
func TestReleasesOfAccountsReportedInTurn(t *testing.T) {
	t.Parallel()
	type accounts = map[string]ledger.Account
	expired := func(user string) ledger.Account { return account(t, "60", holdsOf(t, user, noon, "40")...) }
	s := &script{answers: []error{
		outOfRange(t, accounts{"a": expired("a")}),
		outOfRange(t, accounts{"b": expired("b")}),
		outOfRange(t, accounts{"a": account(t, "100")}), // another caller has released it
		nil,
	}}
	_, err := s.at(after).Post(t.Context(), requestOf(t, "a debit 70, b debit 70", 0))
	require.NoError(t, err)
	require.Len(t, s.posted, 4)
	const (
		plainA, releasedA = "a debit 70 from 70 to 1016000000000000 in 1; held 0", "a debit 30 from 30 to 1016000000000000 in 2; held -40; ends 40"
		plainB, releasedB = "b debit 70 from 70 to 1016000000000000 in 1; held 0", "b debit 30 from 30 to 1016000000000000 in 2; held -40; ends 40"
	)
	assert.Equal(t, []string{releasedA, plainB}, holdTexts(s.posted[1]))
	assert.Equal(t, []string{releasedA, releasedB}, holdTexts(s.posted[2]))
	assert.Equal(t, []string{releasedB, plainA}, holdTexts(s.posted[3]))
}

// The highest number of users is reported one at a time, and all are released.
func TestReleasesOfManyReportedInTurn(t *testing.T) {
	t.Parallel()
	const most = ledger.MaxItems / 3 // a row, a move and a release each
	s, entries := &script{}, make([]string, most)
	for i := range most {
		user := fmt.Sprint("user-", i)
		entries[i] = user + " debit 70"
		s.answers = append(s.answers, outOfRange(t, map[string]ledger.Account{user: account(t, "60", holdsOf(t, user, noon, "40")...)}))
	}
	s.answers = append(s.answers, nil)
	_, err := s.at(after).Post(t.Context(), requestOf(t, strings.Join(entries, ", "), 0))
	require.NoError(t, err)
	assert.Len(t, s.posted[most].Rows, 2*most)
}

// Releases that do not fit beside the entries are written before them, one write
// for each user. If another caller wrote them, that is as good.
func TestReleasesThatDoNotFit(t *testing.T) {
	t.Parallel()
	text := "a debit 100, b debit 100" + strings.Repeat(", c credit 1", 95) // 97 rows and 3 moves
	seen := outOfRange(t, map[string]ledger.Account{
		"a": account(t, "10", holdsOf(t, "a", noon, "45", "45")...), "b": account(t, "60", holdsOf(t, "b", noon, "40")...),
	})
	for _, answer := range []error{nil, &ledger.RecordedError{}, outOfRange(t, map[string]ledger.Account{"a": account(t, "100")})} {
		s := &script{answers: []error{seen, answer, answer, nil}}
		result, err := s.at(after).Post(t.Context(), requestOf(t, text, 0))
		require.NoError(t, err)
		assert.False(t, result.Replayed)
		require.Len(t, s.posted, 4)
		assert.Equal(t, []string{"a credit 90 from 0 to 1016000000000000 in 2; held -90; ends 45; ends 45"}, holdTexts(s.posted[1]))
		assert.Equal(t, []string{"b credit 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}, holdTexts(s.posted[2]))
		assert.Equal(t, s.posted[0], s.posted[3], "without releases, as it was")
	}
	for _, failed := range []error{ledger.ErrTryAgain, errors.New("a defect")} {
		s := &script{answers: []error{seen, failed}}
		_, err := s.at(after).Post(t.Context(), requestOf(t, text, 0))
		require.ErrorIs(t, err, failed)
		assert.Len(t, s.posted, 2, "nothing is posted that may need what was not released")
	}
	// One release less fits.
	s := &script{answers: []error{outOfRange(t, map[string]ledger.Account{"a": account(t, "60", holdsOf(t, "a", noon, "40")...)}), nil}}
	_, err := s.at(after).Post(t.Context(), requestOf(t, strings.TrimSuffix(text, ", c credit 1"), 0))
	require.NoError(t, err)
	require.Len(t, s.posted, 2)
	assert.Len(t, s.posted[1].Rows, 97)
}

// All rows in one write have one time, even if the clock advances. Releases before a
// posting are not later than it.
func TestRowsOfOneWriteHaveOneTime(t *testing.T) {
	t.Parallel()
	seen := outOfRange(t, map[string]ledger.Account{"a": account(t, "10", holdsOf(t, "a", noon, "45", "45")...)})
	for _, text := range []string{"a debit 100", "a debit 100" + strings.Repeat(", c credit 1", 96)} {
		now := after
		s := &script{answers: []error{seen, nil}}
		l := ledger.New(s, func() time.Time { now = now.Add(time.Millisecond); return now })
		result, err := l.Post(t.Context(), requestOf(t, text, 0))
		require.NoError(t, err)
		last := time.Time{}
		for _, p := range s.posted {
			for _, row := range p.Rows {
				assert.Equal(t, p.Rows[0].CreatedAt, row.CreatedAt)
			}
			assert.False(t, p.Rows[0].CreatedAt.Before(last), "no write is earlier than the one before")
			last = p.Rows[0].CreatedAt
		}
		assert.Equal(t, last, result.Transaction.CreatedAt)
	}
}

// The call ends even if other callers end holds again and again.
func TestRoundsAreBounded(t *testing.T) {
	t.Parallel()
	seen := outOfRange(t, map[string]ledger.Account{"1": account(t, "60", holdsOf(t, "1", noon, "40")...)})
	for text, most := range map[string]int{"1 debit 70": 70, "1 debit 70" + strings.Repeat(", 1 credit 1", 98): 70} {
		s := &script{answers: []error{seen}}
		result, err := s.at(after).Post(t.Context(), requestOf(t, text, 0))
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.Zero(t, result)
		assert.LessOrEqual(t, len(s.posted), most)
		assert.Greater(t, len(s.posted), 10)
		assert.Empty(t, s.declined)
	}
}

// Too many holds are not stored. They are reported only if the call's row is
// absent, because a store need not report a taken id.
func TestTooManyHolds(t *testing.T) {
	t.Parallel()
	amounts := make([]string, ledger.MaxHolds)
	for i := range amounts {
		amounts[i] = "1"
	}
	full := holdsOf(t, "1", after, amounts...)
	for _, balance := range []string{"0", "100"} { // the funds do not matter
		seen := outOfRange(t, map[string]ledger.Account{"1": account(t, balance, full...)})
		r := requestOf(t, "1 debit 10", time.Minute)

		payment := requestOf(t, "1 debit 10, 2 credit 10", time.Minute)
		_, err := (&script{answers: []error{seen}}).at(after).Post(t.Context(), payment)
		require.ErrorIs(t, err, ledger.ErrTooManyHolds)

		s := &script{answers: []error{seen}}
		result, err := s.at(after).Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrTooManyHolds)
		assert.Zero(t, result)
		assert.Len(t, s.posted, 1)
		assert.Empty(t, s.declined, "the key is not used up")

		first := pendingRow(t, "1 debit 10")
		s = (&script{answers: []error{seen}}).holding(first)
		result, err = s.at(after).Post(t.Context(), r)
		require.NoError(t, err)
		assert.Equal(t, ledger.Result{Transaction: first, Replayed: true}, result)

		other := pendingRow(t, "1 debit 11")
		_, err = (&script{answers: []error{seen}}).holding(other).at(after).Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrKeyReused)

		_, err = (&script{answers: []error{seen}, readErr: ledger.ErrTryAgain}).at(after).Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.NotErrorIs(t, err, ledger.ErrTooManyHolds)

		_, err = (&script{answers: []error{seen, nil}}).at(after).Post(t.Context(), requestOf(t, "1 debit 101", 0))
		require.ErrorIs(t, err, ledger.ErrInsufficientFunds, "what opens no hold is not bounded by them")
	}
	// An expired hold is not open, and makes room.
	full[0].ExpiresAt = noon
	s := &script{answers: []error{outOfRange(t, map[string]ledger.Account{"1": account(t, "100", full...)}), nil}}
	_, err := s.at(after).Post(t.Context(), requestOf(t, "1 debit 10", time.Minute))
	require.NoError(t, err)
	assert.Equal(t, []string{"1 debit 9 from 9 to 1016000000000000 in 2; held 9; ends 1; opens 10"}, holdTexts(s.posted[1]))
}
