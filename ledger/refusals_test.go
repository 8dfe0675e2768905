package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// The store refuses a call's attempts one after another. The first attempt starts at noon,
// and each refusal takes a second.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const (
		expired  = -time.Hour  // spendable before the first attempt
		expiring = time.Second // spendable during the first attempt
		open     = time.Hour   // spendable after all attempts
		tooMany  = "too many holds"
		noRow    = "the hold is open and has no row"        // the account already contains the call's own hold
		wrong    = "store declined what the accounts allow" // the store broke its contract
		refund   = "refund of a debit 10, b credit 10"
		top      = "999999999999990" // ten dollars below MaxBalance
		debit    = "a debit 70"
		pending  = "a debit 70, pending"
	)
	hold := func(key, sum string, spendable time.Duration) ledger.Hold {
		return ledger.Hold{TransactionID: newID(t, "a", key), Amount: amount(t, sum), ExpiresAt: noon.Add(spendable - time.Second)}
	}
	holds := func(count int, spendable time.Duration) (all []ledger.Hold) {
		for i := range count {
			all = append(all, hold(fmt.Sprint("hold ", i), "1", spendable))
		}
		return all
	}
	full := holds(ledger.MaxHolds, open)
	withFull := func(one ledger.Hold) []ledger.Hold { return append(slices.Clone(full[1:]), one) } // still MaxHolds holds
	seen := func(balance string, holds ...ledger.Hold) *ledger.RefusedError {
		return refusal(t, accounts{"a": account(t, balance, holds...)})
	}
	later := func(refused *ledger.RefusedError) *ledger.RefusedError {
		refused.ReadLater = true
		return refused
	}
	blocked := func(balance string, holds ...ledger.Hold) *ledger.RefusedError {
		a := account(t, balance, holds...)
		a.DebitsBlocked = true
		return refusal(t, accounts{"a": a})
	}
	refunded := func(sums map[int]ledger.Amount) *ledger.RefusedError {
		return &ledger.RefusedError{Refunds: &ledger.Refunds{Count: 1, Sums: sums}}
	}
	limit := "transaction " + newID(t, "a", "k").String() + ": refund limit: 7.5 is left of entry 1"
	type refusals = []*ledger.RefusedError
	for _, c := range []struct {
		name, request string
		refusals      refusals
		want          string
	}{
		{"too little", debit, refusals{seen("69")}, "declined, 69"},
		{"too little, with an open hold", debit, refusals{seen("69", hold("0", "1", open))}, "declined, 69"},
		{"over the limit", "a credit 10", refusals{seen(top + ".01")}, "declined, " + top + ".01"},
		{"exactly at the limit", "a credit 10", refusals{seen(top)}, wrong},
		{"a hold within the grace", debit, refusals{seen("30", hold("0", "40", expiring+time.Millisecond))}, "declined, 30"},
		{"too little, even with an expired hold", debit, refusals{seen("68", holds(1, expired)...)}, "declined, 69"},
		{"enough with an expired hold", debit, refusals{seen("69", holds(1, expired)...)}, "posted, releasing 1"},
		{"enough with a hold that expires during the call", debit, refusals{seen("69", holds(1, expiring)...)}, "posted, releasing 1"},
		{"too little, even with a hold that expires during the call", debit, refusals{
			seen("10", holds(1, expiring)...), seen("10", holds(1, expiring)...),
		}, "declined, 11"},
		{"another caller has released the hold", debit, refusals{seen("69", holds(1, expired)...), seen("70")}, "posted, releasing 0"},
		{"another caller has captured the hold", debit, refusals{seen("69", holds(1, expired)...), seen("69")}, "declined, 69"},
		{"the store refuses an allowed debit", debit, refusals{seen("70")}, wrong},
		{"the store reports no account", debit, refusals{{}}, wrong},
		{"the store reports another user", debit, refusals{refusal(t, accounts{"b": account(t, "0")})}, wrong},
		{"read after the refusal, enough", debit, refusals{later(seen("70"))}, "posted, releasing 0"},
		{"read after the refusal, too little", debit, refusals{later(seen("69"))}, "posted, releasing 0"},
		// A decline considers only the accounts from the last refusal. Earlier reports may
		// be out of date.
		{"one account in each refusal", "a debit 70, b debit 70", refusals{
			seen("10", hold("0", "40", expiring)), refusal(t, accounts{"b": account(t, "5")}),
		}, "declined, 5 at 1"},

		{"blocked, with enough money", debit, refusals{blocked("70")}, "blocked, 70"},
		{"blocked, with too little money", debit, refusals{blocked("69")}, "blocked, 69"},
		{"blocked, with enough money from an expired hold", debit, refusals{blocked("69", holds(1, expired)...)}, "blocked, 70"},
		{"blocked, read after the refusal", debit, refusals{later(blocked("70"))}, "posted, releasing 0"},
		{"blocked, at the hold limit", pending, refusals{blocked("100", full...)}, "blocked, 100"},
		{"blocked, with the call's own hold", pending, refusals{blocked("0", hold("k", "70", open))}, noRow},

		{"the call's own hold", pending, refusals{seen("0", hold("k", "70", open))}, noRow},
		{"the call's own hold, expired", pending, refusals{seen("0", hold("k", "70", expired))}, noRow},
		{"the call's own hold, at the hold limit", pending, refusals{seen("0", withFull(hold("k", "70", expired))...)}, noRow},
		{"the call's own hold, but a plain debit", debit, refusals{seen("0", hold("k", "70", expired))}, noRow},
		{"at the hold limit", pending, refusals{seen("100", full...)}, tooMany},
		{"at the hold limit, payment", "a debit 70, b credit 70, pending", refusals{seen("100", full...)}, tooMany},
		{"at the hold limit, too little", pending, refusals{seen("0", full...)}, tooMany},
		{"at the hold limit again after a release", pending, refusals{seen("100", withFull(hold("hold 0", "1", expired))...), seen("100", full...)}, tooMany},
		{"at the hold limit, with an expired hold", pending, refusals{seen("100", withFull(hold("x", "1", expired))...)}, "posted, releasing 1"},
		{"at the hold limit, plain debit", debit, refusals{seen("69", full...)}, "declined, 69"},

		{"too much refunded before", refund, refusals{refunded(map[int]ledger.Amount{1: amount(t, "2.5")})}, limit},
		{"nothing was refunded", refund, refusals{refunded(nil)}, wrong},
	} {
		r := requestOf(t, c.request)
		post := func(readErr error, rows ...ledger.Transaction) (*script, ledger.Result, error) {
			s := (&script{readErr: readErr}).holding(rows...)
			for _, refused := range c.refusals {
				s.answers = append(s.answers, refused)
			}
			s.answers = append(s.answers, nil)
			result, err := ledger.New(s, ticking(noon.Add(-time.Second), time.Second)).Post(t.Context(), r)
			return s, result, err
		}
		s, result, err := post(nil)
		assert.Equal(t, c.want, outcome(t, s, result, err), c.name)
		if err != nil {
			assert.Len(t, s.posted, len(c.refusals), c.name)
		}
		if c.want != tooMany && c.want != limit && c.want != noRow {
			continue
		}

		// The answers tooMany, limit and noRow are not stored. All require that the call's
		// row is absent. tooMany and limit also require that no attempt can still write it.
		own := recordedAs(t, r)
		_, result, err = post(nil, own)
		require.NoError(t, err, c.name)
		assert.Equal(t, ledger.Result{Transaction: own, Replayed: true}, result, c.name)
		_, _, err = post(ledger.ErrTryAgain)
		require.EqualError(t, err, "post "+own.ID.String()+": try again", c.name)
		if c.want == noRow {
			continue
		}
		other := own
		other.Metadata = metadata(t, members{"order": "7"})
		_, _, err = post(nil, other)
		require.ErrorIs(t, err, ledger.ErrKeyReused, c.name)
		for _, refused := range c.refusals {
			refused.Unknown = true
			_, _, err = post(nil)
			require.ErrorIs(t, err, ledger.ErrTryAgain, c.name)
			assert.False(t, errors.Is(err, ledger.ErrTooManyHolds) || errors.Is(err, ledger.ErrRefundLimit), c.name)
			assert.ErrorContains(t, err, c.want, "the log names the refusal")
			_, result, err = post(nil, own)
			require.NoError(t, err, c.name)
			assert.True(t, result.Replayed, c.name)
			refused.Unknown = false
		}
	}
}

// outcome describes how a call ended: posted, declined and stored, or with another error.
func outcome(t *testing.T, s *script, result ledger.Result, err error) string {
	t.Helper()
	if err == nil {
		last := s.posted[len(s.posted)-1]
		assert.Equal(t, ledger.Result{Transaction: last.Rows[0]}, result)
		return fmt.Sprintf("posted, releasing %d", len(last.Rows)-len(s.posted[0].Rows))
	}
	assert.Zero(t, result)
	declined, ok := errors.AsType[*ledger.DeclinedError](err)
	if !ok {
		assert.Empty(t, s.declined)
		text, _, _ := strings.Cut(err.Error(), ": not allowed") // drop the accounts
		return strings.TrimPrefix(text, "post "+s.posted[0].Rows[0].ID.String()+": ")
	}
	row := declined.Result.Transaction
	assert.Equal(t, []ledger.Transaction{row}, s.declined)
	text := "declined, "
	if row.DeclinedByBlock {
		text = "blocked, "
	}
	text += row.BalanceSeen.String()
	if row.DeclinedEntry > 0 {
		text += fmt.Sprint(" at ", row.DeclinedEntry)
	}
	return text
}

// Expired holds are released in the same write as the entries, which can then use the
// money. All rows have the same time, although the clock advances.
func TestReleasesOfPosting(t *testing.T) {
	t.Parallel()
	open := holdsOf(t, "open", noon.Add(time.Hour), "7")
	expired := func(balance, user string, amounts ...string) ledger.Account {
		holds := append(holdsOf(t, user, noon, amounts...), open...)
		slices.Reverse(holds) // a store may report holds in any order
		return account(t, balance, holds...)
	}
	for _, c := range []struct {
		request string
		seen    accounts
		want    []string
	}{
		{"1 debit 70", accounts{"1": expired("60", "1", "15", "25")}, []string{
			"1 -30 from 30 to 1016000000000000 in 3; held -40; ends 25; ends 15", // the holds are sorted by id
		}},
		// Several users' holds are released in entry order. Users without holds have
		// ordinary moves.
		{"b debit 70, c credit 10, a debit 70", accounts{"a": expired("60", "a", "40"), "b": expired("50", "b", "20", "20")}, []string{
			"b -30 from 30 to 1016000000000000 in 3; held -40; ends 20; ends 20",
			"a -30 from 30 to 1016000000000000 in 2; held -40; ends 40",
			"c 10 from 0 to 999999999999990 in 1",
		}},
		// The new hold needs the money of an expired hold.
		{"1 debit 70, pending", accounts{"1": expired("60", "1", "40")}, []string{
			"1 -30 from 30 to 1016000000000000 in 2; held 30; ends 40; opens 70",
		}},
	} {
		s := &script{answers: []error{refusal(t, c.seen), nil}}
		r := requestOf(t, c.request)
		_, err := ledger.New(s, ticking(after, time.Millisecond)).Post(t.Context(), r)
		require.NoError(t, err, c.request)
		require.Len(t, s.posted, 2, c.request)
		p := s.posted[1]
		assert.Equal(t, c.want, moveTexts(p), c.request)
		unreleased, err := ledger.NewPosting(r, p.Rows[0].CreatedAt)
		require.NoError(t, err)
		want := unreleased.Rows
		for _, row := range p.Rows[len(want):] {
			want = append(want, ledger.Transaction{
				ID: row.TransactionID.End(), UserID: row.UserID, End: ledger.Expiry, Amount: row.Amount, Status: ledger.Expired,
				CreatedAt: want[0].CreatedAt, TransactionID: row.TransactionID,
			})
		}
		assert.Equal(t, want, p.Rows, c.request)
	}
}

// A store may report only one account in each refusal. The expired holds of all reported
// accounts are released together, according to the latest report of each account.
func TestReleasesWithOneAccountPerRefusal(t *testing.T) {
	t.Parallel()
	expired := func(user string) error {
		return refusal(t, accounts{user: account(t, "60", holdsOf(t, user, noon, "40")...)})
	}
	s := &script{answers: []error{
		expired("a"), expired("b"), refusal(t, accounts{"a": account(t, "100")}), nil, // another caller has released a's hold
	}}
	_, err := s.at(after).Post(t.Context(), requestOf(t, "a debit 70, b debit 70"))
	require.NoError(t, err)
	require.Len(t, s.posted, 4)
	const (
		plainA, releasedA = "a -70 from 70 to 1016000000000000 in 1", "a -30 from 30 to 1016000000000000 in 2; held -40; ends 40"
		plainB, releasedB = "b -70 from 70 to 1016000000000000 in 1", "b -30 from 30 to 1016000000000000 in 2; held -40; ends 40"
	)
	assert.Equal(t, []string{releasedA, plainB}, moveTexts(s.posted[1]))
	assert.Equal(t, []string{releasedA, releasedB}, moveTexts(s.posted[2]))
	assert.Equal(t, []string{releasedB, plainA}, moveTexts(s.posted[3]))

	// The same works for the maximum number of users.
	const most = ledger.MaxItems / 3 // a row, a move and a release for each user
	s = &script{}
	debits := make([]string, most)
	for i := range most {
		user := fmt.Sprint("user-", i)
		debits[i] = user + " debit 70"
		s.answers = append(s.answers, expired(user))
	}
	s.answers = append(s.answers, nil)
	_, err = s.at(after).Post(t.Context(), requestOf(t, strings.Join(debits, ", ")))
	require.NoError(t, err)
	assert.Len(t, s.posted[most].Rows, 2*most)
}

// Releases that do not fit into one write with the entries are written first, in one write
// for each user. It does not matter if another caller has already written them.
func TestReleasesThatDoNotFit(t *testing.T) {
	t.Parallel()
	text := "a debit 100, b debit 100" + strings.Repeat(", c credit 1", 95) // 97 rows and 3 moves fill a write
	seen := refusal(t, accounts{
		"a": account(t, "10", holdsOf(t, "a", noon, "45", "45")...), "b": account(t, "60", holdsOf(t, "b", noon, "40")...),
	})
	for _, answer := range []error{nil, &ledger.RecordedError{}, refusal(t, accounts{"a": account(t, "100")})} {
		s := &script{answers: []error{seen, answer, answer, nil}}
		result, err := ledger.New(s, ticking(after, time.Millisecond)).Post(t.Context(), requestOf(t, text))
		require.NoError(t, err)
		require.Len(t, s.posted, 4)
		assert.Equal(t, ledger.Result{Transaction: s.posted[3].Rows[0]}, result)
		assert.True(t, result.Transaction.CreatedAt.After(s.posted[2].Rows[0].CreatedAt), "not earlier than its releases")
		assert.Equal(t, s.posted[1].Rows[0].CreatedAt, s.posted[1].Rows[1].CreatedAt, "one write has one time")
		assert.Equal(t, []string{"a 90 from 0 to 1016000000000000 in 2; held -90; ends 45; ends 45"}, moveTexts(s.posted[1]))
		assert.Equal(t, []string{"b 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}, moveTexts(s.posted[2]))
		assert.Equal(t, moveTexts(s.posted[0]), moveTexts(s.posted[3]), "without releases, as it was")
	}
	for _, failed := range []error{ledger.ErrTryAgain, errors.New("a defect")} {
		s := &script{answers: []error{seen, failed}}
		_, err := s.at(after).Post(t.Context(), requestOf(t, text))
		require.ErrorIs(t, err, failed)
		assert.Len(t, s.posted, 2, "the entries are not posted without the releases")
	}
	// With one fewer entry, a single release fits into the same write.
	s := &script{answers: []error{refusal(t, accounts{"a": account(t, "60", holdsOf(t, "a", noon, "40")...)}), nil}}
	_, err := s.at(after).Post(t.Context(), requestOf(t, strings.TrimSuffix(text, ", c credit 1")))
	require.NoError(t, err)
	require.Len(t, s.posted, 2)
	assert.Len(t, s.posted[1].Rows, 97)
}

// The number of attempts is bounded even if other callers keep ending holds.
func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	seen := refusal(t, accounts{"1": account(t, "60", holdsOf(t, "1", noon, "40")...)})
	for _, text := range []string{"1 debit 70", "1 debit 70" + strings.Repeat(", 1 credit 1", 98)} {
		s := &script{answers: []error{seen}}
		_, err := s.at(after).Post(t.Context(), requestOf(t, text))
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.LessOrEqual(t, len(s.posted), 70)
		assert.Greater(t, len(s.posted), 10)
		assert.Empty(t, s.declined)
	}
}

// If a hold expires during the call, it is released before a lower credit limit is
// declined. Here the balance is too low even then, as if the hold had been captured.
func TestCreditInUseWhileAHoldExpires(t *testing.T) {
	t.Parallel()
	limit, err := ledger.ParseCreditLimit("60")
	require.NoError(t, err)
	lent := func(holds ...ledger.Hold) ledger.Account {
		a := account(t, "10", holds...)
		a.CreditLimit, a.Changes = limit, 1
		return a
	}
	before := lent(holdsOf(t, "1", noon, "40")...)
	s := &script{account: before, answers: []error{refusal(t, accounts{"1": before}), nil, refusal(t, accounts{"1": lent()})}}
	r := ledger.RulesRequest{IdempotencyKey: key(t, "k"), UserID: user(t, "1"), Change: ledger.RuleChange{CreditLimit: &ledger.Balance{}}}
	_, err = ledger.New(s, ticking(noon, time.Second-time.Millisecond)).ChangeRules(t.Context(), r)
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)
	assert.Equal(t, "10", declined.Result.Transaction.BalanceSeen.String())
	assert.Len(t, s.posted, 3)
}
