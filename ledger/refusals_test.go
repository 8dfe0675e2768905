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

// A store refuses a call's attempts in turn. Each attempt starts at noon plus a second
// for each refusal before it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const (
		long      = -time.Hour                // before the first attempt
		meanwhile = time.Second               // during it
		never     = time.Hour                 // after all attempts
		tooMany   = "too many holds"          // not stored
		noRow     = "is open and has no row"  // the account has the call's own hold
		wrong     = "what the accounts allow" // the store broke its contract
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
	full := holds(ledger.MaxHolds, never)
	withFull := func(one ledger.Hold) []ledger.Hold { return append(slices.Clone(full[1:]), one) } // as many
	seen := func(balance string, holds ...ledger.Hold) *ledger.RefusedError {
		return refusal(t, accounts{"a": account(t, balance, holds...)})
	}
	later := func(refused *ledger.RefusedError) *ledger.RefusedError {
		refused.ReadLater = true
		return refused
	}
	blocked := func(refused *ledger.RefusedError) *ledger.RefusedError {
		for user, a := range refused.Accounts {
			a.DebitsBlocked = true
			refused.Accounts[user] = a
		}
		return refused
	}
	const debit, pending = "a debit 70", "a debit 70, pending"
	type refusals = []*ledger.RefusedError
	for _, c := range []struct {
		name, request string
		refusals      refusals
		want          string
	}{
		{"too little", debit, refusals{seen("69")}, "declined, 69"},
		{"too little beside a hold", debit, refusals{seen("69", hold("0", "1", never))}, "declined, 69"},
		{"a hold within the grace", debit, refusals{seen("30", hold("0", "40", meanwhile+time.Millisecond))}, "declined, 30"},
		{"too little with what has expired", debit, refusals{seen("68", holds(1, long)...)}, "declined, 69"},
		{"enough with what has expired", debit, refusals{seen("69", holds(1, long)...)}, "posted, releasing 1"},
		{"enough with what expires meanwhile", debit, refusals{seen("69", holds(1, meanwhile)...)}, "posted, releasing 1"},
		{"too little with what expires meanwhile", debit, refusals{
			seen("10", holds(1, meanwhile)...), seen("10", holds(1, meanwhile)...),
		}, "declined, 11"},
		{"another caller has released it", debit, refusals{seen("69", holds(1, long)...), seen("70")}, "posted, releasing 0"},
		{"another caller has captured it", debit, refusals{seen("69", holds(1, long)...), seen("69")}, "declined, 69"},
		{"the store is wrong", debit, refusals{seen("70")}, wrong},
		{"the store reports nothing", debit, refusals{{}}, wrong},
		{"the store reports another user", debit, refusals{refusal(t, accounts{"b": account(t, "0")})}, wrong},
		{"read later, and enough by then", debit, refusals{later(seen("70"))}, "posted, releasing 0"},
		{"read later, and too little by then", debit, refusals{later(seen("69"))}, "posted, releasing 0"},
		// A decline counts only the accounts from its own refusal. Earlier ones may be
		// out of date.
		{"each account in turn", "a debit 70, b debit 70", refusals{
			seen("10", hold("0", "40", meanwhile)), refusal(t, accounts{"b": account(t, "5")}),
		}, "declined at 1, 5"},

		{"blocked, and enough", debit, refusals{blocked(seen("70"))}, "declined, 70 blocked"},
		{"blocked, and too little", debit, refusals{blocked(seen("69"))}, "declined, 69 blocked"},
		{"blocked, and enough with what has expired", debit, refusals{blocked(seen("69", holds(1, long)...))}, "declined, 70 blocked"},
		{"blocked, and read later", debit, refusals{later(blocked(seen("70")))}, "posted, releasing 0"},
		{"blocked, and as many holds as there may be", pending, refusals{blocked(seen("100", full...))}, "declined, 100 blocked"},
		{"blocked, and its own hold", pending, refusals{blocked(seen("0", hold("k", "70", never)))}, noRow},

		{"its own hold", pending, refusals{seen("0", hold("k", "70", never))}, noRow},
		{"its own hold, which has expired", pending, refusals{seen("0", hold("k", "70", long))}, noRow},
		{"its own hold, beside as many as there may be", pending, refusals{seen("0", withFull(hold("k", "70", long))...)}, noRow},
		{"the hold of its key, and it is none", debit, refusals{seen("0", hold("k", "70", long))}, noRow},
		{"as many as there may be", pending, refusals{seen("100", full...)}, tooMany},
		{"as many, for a payment", "a debit 70, b credit 70, pending", refusals{seen("100", full...)}, tooMany},
		{"as many, and too little", pending, refusals{seen("0", full...)}, tooMany},
		{"as many, after one has expired", pending, refusals{seen("100", withFull(hold("hold 0", "1", long))...), seen("100", full...)}, tooMany},
		{"as many with what has expired", pending, refusals{seen("100", withFull(hold("x", "1", long))...)}, "posted, releasing 1"},
		{"as many, for a debit that is none", debit, refusals{seen("69", full...)}, "declined, 69"},
	} {
		text, isPending := strings.CutSuffix(c.request, ", pending")
		r := requestOf(t, text, 0)
		if isPending {
			r.ExpiresIn = time.Minute
		}
		post := func(rows ...ledger.Transaction) (*script, ledger.Result, error) {
			s := (&script{}).holding(rows...)
			for _, refused := range c.refusals {
				s.answers = append(s.answers, refused)
			}
			s.answers = append(s.answers, nil)
			result, err := ledger.New(s, ticking(noon.Add(-time.Second), time.Second)).Post(t.Context(), r)
			return s, result, err
		}
		s, result, err := post()
		got := fmt.Sprint(err)
		if declined, ok := errors.AsType[*ledger.DeclinedError](err); ok {
			row := declined.Result.Transaction
			assert.Equal(t, []ledger.Transaction{row}, s.declined, c.name)
			got = "declined, " + row.BalanceSeen.String()
			if row.DeclinedEntry > 0 {
				got = strings.Replace(got, ",", fmt.Sprintf(" at %d,", row.DeclinedEntry), 1)
			}
			if row.DeclinedByBlock {
				got += " blocked"
			}
		} else {
			assert.Empty(t, s.declined, c.name)
		}
		if err == nil {
			last := s.posted[len(s.posted)-1]
			got = fmt.Sprintf("posted, releasing %d", len(last.Rows)-len(s.posted[0].Rows))
			assert.Equal(t, ledger.Result{Transaction: last.Rows[0]}, result, c.name)
		} else {
			assert.Zero(t, result, c.name)
			assert.Len(t, s.posted, len(c.refusals), c.name)
		}
		if c.want != tooMany && c.want != noRow {
			if c.want == wrong {
				require.ErrorContains(t, err, wrong, c.name)
			} else {
				assert.Equal(t, c.want, got, c.name)
			}
			continue
		}

		// These answers are not stored. They are given only if the call's row is absent
		// and no attempt can still write it.
		require.ErrorContains(t, err, c.want, c.name)
		own := recordedAs(t, r)
		_, result, err = post(own)
		require.NoError(t, err, c.name)
		assert.Equal(t, ledger.Result{Transaction: own, Replayed: true}, result, c.name)
		if c.want == tooMany {
			other := recordedAs(t, requestOf(t, "a debit 11", time.Minute))
			_, _, err = post(other)
			require.ErrorIs(t, err, ledger.ErrKeyReused, c.name)
			for _, refused := range c.refusals {
				refused.Unknown = true
				_, _, err = post()
				require.ErrorIs(t, err, ledger.ErrTryAgain, c.name)
				assert.NotErrorIs(t, err, ledger.ErrTooManyHolds, c.name)
				assert.ErrorContains(t, err, tooMany, "the log names the refusal")
				_, result, err = post(own)
				require.NoError(t, err, c.name)
				assert.True(t, result.Replayed, c.name)
				refused.Unknown = false
			}
		}
	}
}

// The row of an answer that is not stored could not be read.
func TestRefusalWithoutARead(t *testing.T) {
	t.Parallel()
	amounts := slices.Repeat([]string{"1"}, ledger.MaxHolds)
	seen := refusal(t, accounts{"1": account(t, "100", holdsOf(t, "1", after, amounts...)...)})
	s := &script{answers: []error{seen}, readErr: ledger.ErrTryAgain}
	_, err := s.at(after).Post(t.Context(), requestOf(t, "1 debit 10", time.Minute))
	require.ErrorIs(t, err, ledger.ErrTryAgain)
	assert.NotErrorIs(t, err, ledger.ErrTooManyHolds)
}

// The first entry that the reported balances do not allow declines the whole. The error
// has that entry's place and the user's balance before it.
func TestDeclineByEntry(t *testing.T) {
	t.Parallel()
	const full = "1000000000000000"
	type balances = map[string]string
	for _, c := range []struct {
		entries string
		seen    balances
		place   int
		balance string
		reason  error
	}{
		{"1 debit 10", balances{"1": "9.99"}, 0, "9.99", ledger.ErrInsufficientFunds},
		{"1 debit 10, 2 credit 10", balances{"2": full}, 1, full, ledger.ErrBalanceLimit},
		{"1 debit 10, 2 credit 10", balances{"1": "9", "2": full}, 0, "9", ledger.ErrInsufficientFunds},
		{"2 credit 10, 1 debit 10", balances{"1": "9", "2": full}, 0, full, ledger.ErrBalanceLimit},
		// After the entries before it.
		{"1 debit 60, 1 debit 60", balances{"1": "100"}, 1, "40", ledger.ErrInsufficientFunds},
		{"1 credit 20, 1 debit 130", balances{"1": "100"}, 1, "120", ledger.ErrInsufficientFunds},
		{"1 debit 60, 2 credit 60, 1 debit 30, 1 debit 30", balances{"1": "100"}, 3, "10", ledger.ErrInsufficientFunds},
		{"1 debit 1, 1 credit 2", balances{"1": full}, 1, "999999999999999", ledger.ErrBalanceLimit},
		{"1 credit 1, 1 debit 2", balances{"1": full}, 0, full, ledger.ErrBalanceLimit},
		{"1 debit 101, 1 credit 101", balances{"1": "100"}, 0, "100", ledger.ErrInsufficientFunds}, // although the sum is zero
		// A user whose balance is not reported declines nothing.
		{"1 debit 10, 2 debit 10, 3 debit 10", balances{"3": "1"}, 2, "1", ledger.ErrInsufficientFunds},
		{"1 debit 1000, 2 debit 10, 1 credit 5, 2 debit 10", balances{"2": "15"}, 3, "5", ledger.ErrInsufficientFunds},
		{"1 debit 10, 2 debit 10, 3 debit 10", balances{"3": "1", "2": "2"}, 1, "2", ledger.ErrInsufficientFunds},
	} {
		seen := accounts{}
		for name, balance := range c.seen {
			seen[name] = account(t, balance)
		}
		s := &script{answers: []error{refusal(t, seen)}}
		r := requestOf(t, c.entries, 0)
		r.Metadata = metadata(t, members{"order": "7"})
		_, err := s.at(noon).Post(t.Context(), r)
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined, c.entries)
		require.ErrorIs(t, err, c.reason, c.entries)
		assert.Equal(t, r.Entries[c.place], declined.Entry(), c.entries)

		want := s.posted[0].Rows[0]
		want.Status, want.DeclinedEntry, want.BalanceSeen = ledger.Declined, c.place, account(t, c.balance).Balance
		assert.Equal(t, []ledger.Transaction{want}, s.declined, c.entries)
		assert.Equal(t, ledger.Result{Transaction: want}, declined.Result, c.entries)
	}
}

// Expired holds are released in the same write, before the first entry counts.
func TestReleasesOfPosting(t *testing.T) {
	t.Parallel()
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
		{"1 debit 70", 0, accounts{"1": expired("60", "1", "20", "20")},
			[]string{"1 -30 from 30 to 1016000000000000 in 3; held -40; ends 20; ends 20"}},
		{"1 debit 70", 0, accounts{"1": expired("0", "1", "70")}, // the sum is zero
			[]string{"1 0 from 0 to 1016000000000000 in 2; held -70; ends 70"}},
		// A release lifts the balance, which leaves less room for a credit.
		{"1 debit 70, 1 credit 50", 0, accounts{"1": expired("60", "1", "40")},
			[]string{"1 20 from 30 to 999999999999980 in 3; held -40; ends 40"}},
		// A release above 10^15 is never refused.
		{"1 debit 999000000000, 1 debit 0.01", 0, accounts{"1": expired("0", "1", "1000000000000")},
			[]string{"1 999999999.99 from 0 to 1016000000000000 in 3; held -1000000000000; ends 1000000000000"}},
		// Several users' holds, in entry order. Users without holds move as usual.
		{"b debit 70, c credit 10, a debit 70", 0, accounts{"a": expired("60", "a", "40"), "b": expired("50", "b", "20", "20")}, []string{
			"b -30 from 30 to 1016000000000000 in 3; held -40; ends 20; ends 20",
			"a -30 from 30 to 1016000000000000 in 2; held -40; ends 40",
			"c 10 from 0 to 999999999999990 in 1",
		}},
		// A new hold needs the money of an expired one.
		{"1 debit 70", time.Minute, accounts{"1": expired("60", "1", "40")},
			[]string{"1 -30 from 30 to 1016000000000000 in 2; held 30; ends 40; opens 70"}},
	} {
		s := &script{answers: []error{refusal(t, c.seen), nil}}
		_, err := s.at(after).Post(t.Context(), requestOf(t, c.entries, c.expiresIn))
		require.NoError(t, err, c.entries)
		require.Len(t, s.posted, 2, c.entries)
		before, p := s.posted[0].Rows, s.posted[1]
		assert.Equal(t, c.want, moveTexts(p), c.entries)
		assert.Equal(t, before, p.Rows[:len(before)], "%s: the entries' rows are as they were", c.entries)
		for _, row := range p.Rows[len(before):] {
			want := ledger.Transaction{
				ID: row.TransactionID.End(), UserID: row.UserID, End: ledger.Expiry, Amount: row.Amount, Status: ledger.Expired,
				CreatedAt: after, TransactionID: row.TransactionID,
			}
			assert.Equal(t, want, row, c.entries)
		}
	}
}

// A store may report one account at a time. All expired holds are released together,
// each as last reported.
func TestReleasesOfAccountsReportedInTurn(t *testing.T) {
	t.Parallel()
	expired := func(user string) error {
		return refusal(t, accounts{user: account(t, "60", holdsOf(t, user, noon, "40")...)})
	}
	s := &script{answers: []error{
		expired("a"), expired("b"), refusal(t, accounts{"a": account(t, "100")}), nil, // another caller has released a's
	}}
	_, err := s.at(after).Post(t.Context(), requestOf(t, "a debit 70, b debit 70", 0))
	require.NoError(t, err)
	require.Len(t, s.posted, 4)
	const (
		plainA, releasedA = "a -70 from 70 to 1016000000000000 in 1", "a -30 from 30 to 1016000000000000 in 2; held -40; ends 40"
		plainB, releasedB = "b -70 from 70 to 1016000000000000 in 1", "b -30 from 30 to 1016000000000000 in 2; held -40; ends 40"
	)
	assert.Equal(t, []string{releasedA, plainB}, moveTexts(s.posted[1]))
	assert.Equal(t, []string{releasedA, releasedB}, moveTexts(s.posted[2]))
	assert.Equal(t, []string{releasedB, plainA}, moveTexts(s.posted[3]))

	// So are those of the highest number of users.
	const most = ledger.MaxItems / 3 // a row, a move and a release each
	s = &script{}
	debits := make([]string, most)
	for i := range most {
		user := fmt.Sprint("user-", i)
		debits[i] = user + " debit 70"
		s.answers = append(s.answers, expired(user))
	}
	s.answers = append(s.answers, nil)
	_, err = s.at(after).Post(t.Context(), requestOf(t, strings.Join(debits, ", "), 0))
	require.NoError(t, err)
	assert.Len(t, s.posted[most].Rows, 2*most)
}

// Releases that do not fit beside the entries are written before them, one write
// for each user. If another caller wrote them, that is as good.
func TestReleasesThatDoNotFit(t *testing.T) {
	t.Parallel()
	text := "a debit 100, b debit 100" + strings.Repeat(", c credit 1", 95) // 97 rows and 3 moves
	seen := refusal(t, accounts{
		"a": account(t, "10", holdsOf(t, "a", noon, "45", "45")...), "b": account(t, "60", holdsOf(t, "b", noon, "40")...),
	})
	for _, answer := range []error{nil, &ledger.RecordedError{}, refusal(t, accounts{"a": account(t, "100")})} {
		s := &script{answers: []error{seen, answer, answer, nil}}
		result, err := s.at(after).Post(t.Context(), requestOf(t, text, 0))
		require.NoError(t, err)
		assert.False(t, result.Replayed)
		require.Len(t, s.posted, 4)
		assert.Equal(t, []string{"a 90 from 0 to 1016000000000000 in 2; held -90; ends 45; ends 45"}, moveTexts(s.posted[1]))
		assert.Equal(t, []string{"b 40 from 0 to 1016000000000000 in 1; held -40; ends 40"}, moveTexts(s.posted[2]))
		assert.Equal(t, s.posted[0], s.posted[3], "without releases, as it was")
	}
	for _, failed := range []error{ledger.ErrTryAgain, errors.New("a defect")} {
		s := &script{answers: []error{seen, failed}}
		_, err := s.at(after).Post(t.Context(), requestOf(t, text, 0))
		require.ErrorIs(t, err, failed)
		assert.Len(t, s.posted, 2, "nothing is posted that may need what was not released")
	}
	// One release less fits.
	s := &script{answers: []error{refusal(t, accounts{"a": account(t, "60", holdsOf(t, "a", noon, "40")...)}), nil}}
	_, err := s.at(after).Post(t.Context(), requestOf(t, strings.TrimSuffix(text, ", c credit 1"), 0))
	require.NoError(t, err)
	require.Len(t, s.posted, 2)
	assert.Len(t, s.posted[1].Rows, 97)
}

// All rows in one write have one time, even if the clock advances. Releases before a
// posting are not later than it.
func TestRowsOfOneWriteHaveOneTime(t *testing.T) {
	t.Parallel()
	seen := refusal(t, accounts{"a": account(t, "10", holdsOf(t, "a", noon, "45", "45")...)})
	for _, text := range []string{"a debit 100", "a debit 100" + strings.Repeat(", c credit 1", 96)} {
		s := &script{answers: []error{seen, nil}}
		result, err := ledger.New(s, ticking(after, time.Millisecond)).Post(t.Context(), requestOf(t, text, 0))
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
	seen := refusal(t, accounts{"1": account(t, "60", holdsOf(t, "1", noon, "40")...)})
	for _, text := range []string{"1 debit 70", "1 debit 70" + strings.Repeat(", 1 credit 1", 98)} {
		s := &script{answers: []error{seen}}
		_, err := s.at(after).Post(t.Context(), requestOf(t, text, 0))
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.LessOrEqual(t, len(s.posted), 70)
		assert.Greater(t, len(s.posted), 10)
		assert.Empty(t, s.declined)
	}
}

// A lower limit is declined only by the balance after the release of a hold that expired
// meanwhile, or here after its capture.
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
