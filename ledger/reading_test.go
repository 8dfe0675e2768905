package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// accountStore is a store with one account. It counts the reads.
type accountStore struct {
	ledger.Store
	account ledger.Account
	reads   int
}

func (s *accountStore) Account(context.Context, ledger.UserID) (ledger.Account, error) {
	s.reads++
	return s.account, nil
}

// ticking returns a clock that advances by the step at each call.
func ticking(from time.Time, step time.Duration) func() time.Time {
	return func() time.Time { from = from.Add(step); return from }
}

// A hold that expires during the read may have been captured, so the account is read
// once more, but only once for the same hold.
func TestBalanceWhileAHoldExpires(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spendable time.Duration // after the clock's first call
		step      time.Duration // between two calls
		reads     int
	}{
		{-time.Hour, time.Millisecond, 1}, {0, time.Millisecond, 1}, {time.Millisecond, time.Millisecond, 2}, {time.Minute, time.Hour, 2},
		{2 * time.Millisecond, time.Millisecond, 1}, {time.Hour, time.Millisecond, 1},
	} {
		first := noon.Add(c.step)
		s := &accountStore{account: account(t, "60", holdsOf(t, "1", first.Add(c.spendable-time.Second), "40")...)}
		_, err := ledger.New(s, ticking(noon, c.step)).Balance(t.Context(), newUser(t, "1"))
		require.NoError(t, err)
		assert.Equal(t, c.reads, s.reads, "%+v", c)
	}
}

func newUser(t *testing.T, text string) ledger.UserID {
	t.Helper()
	user, err := ledger.ParseUserID(text)
	require.NoError(t, err)
	return user
}

// A debit that exceeds even the holds that expire during its first attempt is
// declined by the second one, which tried to release them.
func TestDeclineWhileAHoldExpires(t *testing.T) {
	t.Parallel()
	holds := holdsOf(t, "1", noon, "40") // spendable after the first attempt began
	seen := outOfRange(t, map[string]ledger.Account{"1": account(t, "10", holds...)})
	s := &script{answers: []error{seen}}
	_, err := ledger.New(s, ticking(noon, time.Second-time.Millisecond)).Post(t.Context(), requestOf(t, "1 debit 70", 0))
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)
	assert.Equal(t, "50", declined.Result.Transaction.BalanceSeen.String())
	require.Len(t, s.posted, 2)
	assert.Equal(t, []string{"1 debit 30 from 30 to 1016000000000000 in 2; held -40; ends 40"}, holdTexts(s.posted[1]))
}

// In the same way, a lower limit is declined only by the balance after the release, or
// here the capture.
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
	s := &script{account: before, answers: []error{
		outOfRange(t, map[string]ledger.Account{"1": before}), nil, outOfRange(t, map[string]ledger.Account{"1": lent()}),
	}}
	r := ledger.RulesRequest{IdempotencyKey: key(t, "k"), UserID: entries(t, "1 debit 1")[0].UserID, Change: ledger.RuleChange{CreditLimit: &ledger.Balance{}}}
	_, err = ledger.New(s, ticking(noon, time.Second-time.Millisecond)).ChangeRules(t.Context(), r)
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)
	assert.Equal(t, "10", declined.Result.Transaction.BalanceSeen.String())
	assert.Len(t, s.posted, 3)
}

// A decline counts only the accounts from its own refusal. Earlier ones may be out of
// date.
func TestDeclineByItsOwnRefusal(t *testing.T) {
	t.Parallel()
	type accounts = map[string]ledger.Account
	s := &script{answers: []error{
		outOfRange(t, accounts{"a": account(t, "10", holdsOf(t, "a", noon, "40")...)}), // a later credit
		outOfRange(t, accounts{"b": account(t, "5")}),
	}}
	_, err := ledger.New(s, ticking(noon, time.Second-time.Millisecond)).Post(t.Context(), requestOf(t, "a debit 70, b debit 70", 0))
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)
	assert.Equal(t, 1, declined.Result.Transaction.DeclinedEntry)
	assert.Equal(t, "5", declined.Result.Transaction.BalanceSeen.String())
}

// An open hold without a row is damage, and is not released.
func TestOwnHoldWithoutItsRow(t *testing.T) {
	t.Parallel()
	first := pendingRow(t, "1 debit 60")
	own := ledger.Hold{TransactionID: first.ID, Amount: first.Amount, ExpiresAt: first.ExpiresAt}
	seen := outOfRange(t, map[string]ledger.Account{"1": account(t, "40", own)})
	r := requestOf(t, "1 debit 60", time.Minute)

	s := &script{answers: []error{seen}}
	_, err := s.at(noon.Add(time.Hour)).Post(t.Context(), r)
	require.ErrorContains(t, err, "the hold is open and has no row")
	assert.Len(t, s.posted, 1)

	s = (&script{answers: []error{seen}}).holding(first)
	again, err := s.at(noon.Add(time.Hour)).Post(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: first, Replayed: true}, again)
	assert.Len(t, s.posted, 1)
	assert.Empty(t, s.declined)
}

// An answer that is not stored is withheld while any of the call's attempts may still
// be applied, even one before an earlier refusal. If the row is stored by then, it is
// the answer.
func TestUnknownAttempt(t *testing.T) {
	t.Parallel()
	amounts := make([]string, ledger.MaxHolds)
	for i := range amounts {
		amounts[i] = "1"
	}
	full := holdsOf(t, "1", after, amounts...)
	oneExpired := append(holdsOf(t, "2", noon, "1"), full[1:]...)
	refused := func(unknown bool, holds []ledger.Hold) error {
		err := outOfRange(t, map[string]ledger.Account{"1": account(t, "100", holds...)})
		var refused *ledger.RefusedError
		require.ErrorAs(t, err, &refused)
		refused.Unknown = unknown
		return refused
	}
	for name, answers := range map[string][]error{
		"this refusal":    {refused(true, full)},
		"an earlier one":  {refused(true, oneExpired), refused(false, full)},
		"after a known":   {refused(false, oneExpired), refused(true, full)},
		"after a release": {refused(true, oneExpired), refused(false, oneExpired), refused(false, full)},
	} {
		r := requestOf(t, "1 debit 10", time.Minute)
		_, err := (&script{answers: answers}).at(after).Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrTryAgain, name)
		assert.NotErrorIs(t, err, ledger.ErrTooManyHolds, name)
		assert.ErrorContains(t, err, "too many holds", "%s: the log names the refusal", name)

		first := pendingRow(t, "1 debit 10")
		again, err := (&script{answers: answers}).holding(first).at(after).Post(t.Context(), r)
		require.NoError(t, err, name)
		assert.True(t, again.Replayed, name)
	}
}
