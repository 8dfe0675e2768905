package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

func blockedDebitsAreDeclined(t *testing.T, b *books) {
	change := b.rule(t, "1", "stop", "debits blocked")
	assert.Equal(t, ledger.RulesRow, change.Kind())
	assert.Equal(t, noon, change.CreatedAt)
	stored, err := b.Ledger.Transaction(t.Context(), change.ID)
	require.NoError(t, err)
	assert.Equal(t, change, stored)
	assert.Equal(t, "100", b.funds(t, "1"), "a user without a row keeps the opening balance")

	const blocked = "account blocked: entry 0 on 100"
	assert.Equal(t, blocked, b.post(t, "first", "1 debit 1"))
	_, err = b.Ledger.Post(t.Context(), pending(t, "hold", "1 debit 1", "2 credit 1"))
	require.ErrorIs(t, err, ledger.ErrAccountBlocked)
	assert.Equal(t, "account blocked: entry 1 on 100", b.post(t, "transfer", "2 debit 1", "1 debit 1"))
	b.posts(t, "credit", "1 credit 5")

	b.rule(t, "1", "go on", "debits allowed")
	assert.Equal(t, blocked, b.post(t, "first", "1 debit 1"), "a late duplicate stays declined")
	b.posts(t, "second", "1 debit 105")
	b.balances(t, "1 0")
	assert.Len(t, b.lines(t, "1", 4), 4, "no rule is in the history")
}

func blockedCreditsAreDeclined(t *testing.T, b *books) {
	pending := b.hold(t, "order", "1 debit 40", "shop credit 40")
	b.rule(t, "shop", "stop", "credits blocked")
	assert.Equal(t, "account blocked: entry 1 on 100", b.post(t, "transfer", "1 debit 1", "shop credit 1"))
	b.posts(t, "debit", "shop debit 1")

	_, err := b.Ledger.Capture(t.Context(), endOf(pending), ledger.Amount{})
	var blocked *ledger.ReceiverError
	require.ErrorAs(t, err, &blocked)
	require.ErrorIs(t, err, ledger.ErrAccountBlocked)
	assert.Equal(t, "shop", blocked.UserID.String())
	assert.Equal(t, "60 held 40", b.funds(t, "1"), "the hold has not ended")
	b.balances(t, "shop 99")

	b.rule(t, "shop", "go on", "credits allowed")
	_, err = b.Ledger.Capture(t.Context(), endOf(pending), ledger.Amount{})
	require.NoError(t, err)
	b.balances(t, "shop 139")
}

// Money that was taken before a block is no longer the user's.
func holdsGoOnUnderABlock(t *testing.T, b *books) {
	captured, voided := b.hold(t, "captured", "1 debit 10"), b.hold(t, "voided", "1 debit 20")
	b.hold(t, "expires", "1 debit 30")
	b.rule(t, "1", "close", "debits blocked", "credits blocked")
	_, err := b.Ledger.Capture(t.Context(), endOf(captured), ledger.Amount{})
	require.NoError(t, err)
	_, err = b.Ledger.Void(t.Context(), endOf(voided))
	require.NoError(t, err)
	b.at(time.Minute + time.Second)
	b.balances(t, "1 90")
	assert.Equal(t, "account blocked: entry 0 on 90", b.post(t, "debit", "1 debit 90"))
	b.rule(t, "1", "open", "debits allowed")
	b.posts(t, "again", "1 debit 90")
	b.balances(t, "1 0")
}

func blockIsTheFirstReason(t *testing.T, b *books) {
	b.holds(t, "1", "1")
	b.rule(t, "1", "stop", "debits blocked")
	assert.Equal(t, "account blocked: entry 0 on 84", b.post(t, "too much", "1 debit 85"))
	assert.Equal(t, "insufficient funds: entry 0 on 100", b.post(t, "the first entry", "2 debit 101", "1 debit 1"))
	_, err := b.Ledger.Post(t.Context(), pending(t, "one too many", "1 debit 1"))
	require.ErrorIs(t, err, ledger.ErrAccountBlocked)
}

func creditLimitIsLent(t *testing.T, b *books) {
	user := userOf(t, "1")
	b.rule(t, "1", "50", "limit 50")
	b.balances(t, "1 150")
	b.posts(t, "spend", "1 debit 140")
	assert.Equal(t, "insufficient funds: entry 0 on 10", b.post(t, "too much", "1 debit 11"))
	b.rule(t, "1", "80", "limit 80.00", "debits blocked")
	b.balances(t, "1 40")

	lower := infratest.Rules(t, "1", "30", "limit 30", "debits allowed")
	for replayed := range 2 {
		_, err := b.Ledger.ChangeRules(t.Context(), lower)
		assert.Equal(t, "credit in use: entry 0 on 40", b.declined(t, err))
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined)
		assert.Equal(t, replayed > 0, declined.Result.Replayed)
	}
	funds, err := b.Ledger.Balance(t.Context(), user)
	require.NoError(t, err)
	assert.Equal(t, "80", funds.CreditLimit.String())
	assert.True(t, funds.DebitsBlocked, "nothing of a declined change happens")

	b.rule(t, "1", "40", "limit 40")
	b.balances(t, "1 0")
	b.posts(t, "pay back", "1 credit 40")
	_, err = b.Ledger.ChangeRules(t.Context(), lower)
	require.ErrorIs(t, err, ledger.ErrCreditInUse, "a late duplicate stays declined")
	b.rule(t, "1", "0", "limit 0")
	funds, err = b.Ledger.Balance(t.Context(), user)
	require.NoError(t, err)
	assert.Equal(t, "0", funds.Balance.String())
	assert.Equal(t, ledger.Rules{DebitsBlocked: true, Changes: 4}, funds.Rules)
}

// Lent money counts toward the ceiling: a balance is the spendable sum.
func creditLimitAndCeiling(t *testing.T, b *books) {
	b.Fill(t, "rich")
	_, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "rich", "101", "limit 101"))
	assert.Equal(t, "balance limit: entry 0 on 999999999999900", b.declined(t, err))
	b.rule(t, "rich", "60", "limit 60")
	assert.Equal(t, "balance limit: entry 0 on 999999999999960", b.post(t, "41", "rich credit 41"))
	b.posts(t, "40", "rich credit 40")
}

func lowerLimitReleases(t *testing.T, b *books) {
	b.rule(t, "1", "50", "limit 50")
	b.hold(t, "hold", "1 debit 120")
	_, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", "early", "limit 0"))
	require.ErrorIs(t, err, ledger.ErrCreditInUse)
	b.at(time.Minute + time.Second)
	b.rule(t, "1", "late", "limit 0")
	b.balances(t, "1 100")
	assert.ElementsMatch(t, []string{"debit 120 pending", "expiry 120 expired"}, b.lines(t, "1", 2))
}

func changeOfRulesIsReplayed(t *testing.T, b *books) {
	first := b.rule(t, "1", "k", "debits blocked", "limit 50")
	b.at(time.Hour)
	b.rule(t, "1", "other", "debits allowed", "limit 70")
	again, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", "k", "limit 50.00", "debits blocked"))
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: first, Replayed: true}, again)
	assert.Equal(t, "170", b.funds(t, "1"), "a replay changes nothing")

	metadata := infratest.Rules(t, "1", "k", "debits blocked", "limit 50")
	metadata.Metadata, err = ledger.NewMetadata(map[string]string{"case": "7"})
	require.NoError(t, err)
	b.posts(t, "posted", "1 debit 1")
	for _, c := range []struct {
		request ledger.RulesRequest
		want    ledger.KeyReusedError
	}{
		{infratest.Rules(t, "1", "k", "debits allowed", "limit 50"), ledger.KeyReusedError{DebitsDiffer: true}},
		{infratest.Rules(t, "1", "k", "debits blocked", "credits blocked", "limit 50"), ledger.KeyReusedError{CreditsDiffer: true}},
		{infratest.Rules(t, "1", "k", "debits blocked", "limit 51"), ledger.KeyReusedError{CreditLimitDiffers: true}},
		{infratest.Rules(t, "1", "k", "debits blocked"), ledger.KeyReusedError{CreditLimitDiffers: true}},
		{metadata, ledger.KeyReusedError{MetadataDiffers: true}},
		{infratest.Rules(t, "1", "posted", "debits blocked"), ledger.KeyReusedError{TypeDiffers: true}},
	} {
		_, err := b.Ledger.ChangeRules(t.Context(), c.request)
		assert.Equal(t, c.want, reused(t, err))
	}
	_, err = b.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Debit, "1"))
	require.ErrorIs(t, err, ledger.ErrKeyReused, "a user has one set of keys")
	_, err = b.Ledger.Void(t.Context(), endOf(first))
	require.ErrorIs(t, err, ledger.ErrNotFound, "a change of rules is no transaction")
	_, err = b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", "nothing"))
	require.ErrorIs(t, err, ledger.ErrInvalid)
}

// No limit is lost: each change follows the one before it.
func limitsAtOnce(t *testing.T, b *books) {
	before := make([]string, 20)
	for _, err := range atOnce(len(before), func(i int) error {
		result, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", fmt.Sprint(i), fmt.Sprint("limit ", i+1)))
		if err == nil {
			before[i] = result.Transaction.Rules.LimitBefore.String()
		}
		return err
	}) {
		require.NoError(t, err)
	}
	funds, err := b.Ledger.Balance(t.Context(), userOf(t, "1"))
	require.NoError(t, err)
	assert.Equal(t, 20, funds.Changes)
	following := []string{"0"} // each limit but the last is the one before another
	for i := range before {
		if limit := fmt.Sprint(i + 1); limit != funds.CreditLimit.String() {
			following = append(following, limit)
		}
	}
	assert.ElementsMatch(t, following, before)
}

// No debit that is sent after the answer to a block is posted, and a debit that the block declined
// stays declined.
func blockAmongDebits(t *testing.T, b *books) {
	b.posts(t, "fill", "1 credit 900")
	var blocked atomic.Bool
	var posted, declined atomic.Int64
	for _, err := range atOnce(41, func(i int) error {
		if i == 20 {
			_, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", "stop", "debits blocked"))
			blocked.Store(err == nil)
			return err
		}
		for n := range 4 {
			late := blocked.Load()
			_, err := b.Ledger.Post(t.Context(), infratest.Request(t, "1", fmt.Sprint(i, "-", n), ledger.Debit, "5"))
			switch {
			case errors.Is(err, ledger.ErrAccountBlocked):
				declined.Add(1)
			case err != nil:
				return err
			case late:
				return errors.New("posted after the block was answered")
			default:
				posted.Add(1)
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	assert.Equal(t, int64(160), posted.Load()+declined.Load())
	assert.Equal(t, fmt.Sprint(1000-5*posted.Load()), b.funds(t, "1"))
	t.Logf("%d posted, %d declined", posted.Load(), declined.Load())
}
