package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

var ruleScenes = []scene{
	// Blocking a user who has no balance row yet does not change the opening balance. A debit
	// declined because of a block stays declined after the block is lifted. Rule changes are not in
	// the history.
	{"blocked debits are declined", `
		stop: rules 1 debits blocked; 1 100
		first: 1 debit 1 = account blocked: entry 0 on 100
		h: hold 1 debit 1, 2 credit 1 = account blocked: entry 0 on 100
		transfer: 2 debit 1, 1 debit 1 = account blocked: entry 1 on 100
		credit: 1 credit 5
		go on: rules 1 debits allowed
		first; second: 1 debit 105; 1 0
		history 1 = debit 1 declined, debit 1 declined, credit 5 posted, debit 105 posted`},
	{"blocked credits are declined", `
		h: hold 1 debit 40, shop credit 40
		stop: rules shop credits blocked
		transfer: 1 debit 1, shop credit 1 = account blocked: entry 1 on 100
		debit: shop debit 1
		c: capture h = account blocked: shop receives no credits
		1 60 held 40, shop 99
		go on: rules shop credits allowed
		c: capture h; shop 139`},
	// A block does not affect earlier holds: they can still be captured or voided, and still
	// expire.
	{"a block does not affect earlier holds", `
		h1: hold 1 debit 10; h2: hold 1 debit 20; h3: hold 1 debit 30
		close: rules 1 debits blocked, credits blocked
		c: capture h1; v: void h2; 1m1s; 1 90
		debit: 1 debit 90 = account blocked: entry 0 on 90
		open: rules 1 debits allowed
		again: 1 debit 90; 1 0`},
	{"a block is reported first", script.Holds(ledger.MaxHolds, "1 debit 1") + `
		stop: rules 1 debits blocked
		too much: 1 debit 85 = account blocked: entry 0 on 84
		the first entry: 2 debit 101, 1 debit 1 = insufficient funds: entry 0 on 100
		one too many: hold 1 debit 1 = account blocked: entry 0 on 84`},
	// A declined rule change has no effect at all, and stays declined if it is sent again.
	{"a credit limit raises the balance", `
		50: rules 1 limit 50; 1 150
		spend: 1 debit 140
		too much: 1 debit 11 = insufficient funds: entry 0 on 10
		80: rules 1 limit 80.00, debits blocked; 1 40
		30: rules 1 limit 30, debits allowed = credit in use: entry 0 on 40
		30
		blocked: 1 debit 1 = account blocked: entry 0 on 40
		40: rules 1 limit 40; 1 0
		pay back: 1 credit 40
		30
		0 again: rules 1 limit 0; 1 0`},
	// A credit limit counts toward the balance limit, because it is part of the balance.
	{"a credit limit and the ceiling", `
		fill rich
		101: rules rich limit 101 = balance limit: entry 0 on 999999999999900
		60: rules rich limit 60
		41: rich credit 41 = balance limit: entry 0 on 999999999999960
		40: rich credit 40`},
	{"a lower limit releases expired holds", `
		50: rules 1 limit 50; h: hold 1 debit 120
		early: rules 1 limit 0 = credit in use: entry 0 on 30
		1m1s; late: rules 1 limit 0; 1 100
		history 1 = debit 120 pending, expiry 120 expired`},
	// Rule changes and transactions share a user's keys, but a rule change can't be voided.
	{"a rule change is replayed", `
		k: rules 1 debits blocked, limit 50
		1h; other: rules 1 debits allowed, limit 70
		k: rules 1 limit 50.00, debits blocked = replayed; 1 170
		posted: 1 debit 1
		k: rules 1 debits allowed, limit 50 = reused: Debits
		k: rules 1 debits blocked, credits blocked, limit 50 = reused: Credits
		k: rules 1 debits blocked, limit 51 = reused: CreditLimit
		k: rules 1 debits blocked = reused: CreditLimit
		k: rules 1 debits blocked, limit 50 for order 7 = reused: Metadata
		posted: rules 1 debits blocked = reused: Type
		k: 1 debit 1 = reused: Type
		v: void k = transaction not found
		nothing: rules 1 = invalid rules: must have debits, credits or creditLimit`},
}

// No concurrent change to the limit is lost: each starts from the limit that the previous one set.
func concurrentLimits(t *testing.T, b *script.Script) {
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
	following := []string{"0"} // each limit except the final one was replaced by another change
	for i := range before {
		if limit := fmt.Sprint(i + 1); limit != funds.CreditLimit.String() {
			following = append(following, limit)
		}
	}
	assert.ElementsMatch(t, following, before)
}

// A debit sent after the answer to a block is never posted.
func blockDuringDebits(t *testing.T, b *script.Script) {
	b.Play(t, "more: 1 credit 900")
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
	assert.Equal(t, fmt.Sprint(1000-5*posted.Load()), b.Funds(t, "1"))
	t.Logf("%d posted, %d declined", posted.Load(), declined.Load())
}
