package simulation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

const mostRules = 8

// ruleTexts are the rule changes that callers ask for. Many end a limit, which may be in use.
var ruleTexts = [][]string{
	{"limit 100"}, {"limit 100"}, {"limit 40.01"}, {"limit 0"}, {"limit 0"}, {"limit 0"}, {"limit 50", "debits allowed"},
	{"debits blocked"}, {"debits allowed"}, {"credits blocked"}, {"credits allowed", "debits allowed"},
}

// withRules draws the rule changes, each under its own key.
func (r *run) withRules(t *testing.T, chance *rand.Rand) {
	for i := range mostRules {
		text := ruleTexts[chance.IntN(len(ruleTexts))]
		r.ruled = append(r.ruled, infratest.Rules(t, nameOf(i%len(r.users)), fmt.Sprint("rules-", i), text...))
	}
}

// rules are a user's rules.
type rules struct {
	debits, credits bool // blocked
	limit           int64
	changes         int
}

func (r rules) block(kind ledger.Type) bool {
	return kind == ledger.Debit && r.debits || kind == ledger.Credit && r.credits
}

// ruling is the outcome for a rule change's key. The zero ruling is an unused key's.
type ruling struct {
	user            int
	debits, credits ledger.Permission
	lends           bool // whether it sets the limit
	limit, before   int64
	number          int
	status          ledger.Status
	seen            int64 // the balance that declined it
	created         int64
}

func rulingOf(row ledger.Transaction) ruling {
	r := ruling{
		user: userOf(row.UserID), debits: row.Rules.Debits, credits: row.Rules.Credits, number: row.Rules.Number,
		status: row.Status, created: row.CreatedAt.UnixMilli(),
	}
	if row.Rules.CreditLimit != nil {
		r.lends, r.limit, r.before = true, cents(row.Rules.CreditLimit), cents(row.Rules.LimitBefore)
	}
	if row.Status == ledger.Declined {
		r.seen = cents(row.BalanceSeen)
	}
	return r
}

// fits reports whether a balance allows the limit.
func (r ruling) fits(balance int64) bool {
	after := balance + r.limit - r.before
	return after >= 0 && (r.limit <= r.before || after <= ceiling)
}

// changed changes rules, if no other change came since the limit was read.
func changed(key int, r ruling, number uint8) event {
	return func(a accounts) (accounts, bool) {
		u := &a.rules[r.user]
		can := a.ruled[key] == 0 && u.changes == r.number-1 && (!r.lends || u.limit == r.before) && r.fits(a.balances[r.user])
		a.ruled[key] = number
		u.changes++
		if r.debits != "" {
			u.debits = r.debits == ledger.Blocked
		}
		if r.credits != "" {
			u.credits = r.credits == ledger.Blocked
		}
		if r.lends {
			u.limit = r.limit
			a.balances[r.user] += r.limit - r.before
		}
		return a, can
	}
}

// inUse is the instant at which a balance does not allow a limit.
func (h *history) inUse(r ruling, bit uint64, now int64) event {
	return func(a accounts) (accounts, bool) {
		free := h.freed(a, now)
		a.lapsed = free.lapsed
		a.short |= bit
		balance := free.balances[r.user]
		return a, r.lends && a.rules[r.user].limit == r.before && balance == r.seen && !r.fits(balance)
	}
}

// ruleDeclined writes a change's decline, later in the same call.
func ruleDeclined(key int, number uint8, bit uint64) event {
	return func(a accounts) (accounts, bool) {
		can := a.ruled[key] == 0 && a.short&bit != 0
		a.ruled[key] = number
		a.short &^= bit
		return a, can
	}
}

// receiverBlocked answers that a pending payment's receiver blocks credits.
func (h *history) receiverBlocked(key int) event {
	return func(a accounts) (accounts, bool) {
		o, ok := h.open(a, key)
		return a, ok && len(o.all()) > 1 && a.rules[o.entries[1].user].credits
	}
}

// addRules adds a call that changes rules, with the releases that it wrote before.
func (h *history) addRules(t *testing.T, c *call) {
	until := c.ended
	if c.unknown() {
		until = forEver
	}
	for _, r := range h.released(c) {
		h.within(c, func(a accounts) (accounts, bool) { return h.end(a, r.key, r.number, grace) }, until)
	}
	row, stored := h.ruled[c.rule]
	if stored && c.wrote(row) {
		h.wroteRules(c, row, until)
	}
	if c.unknown() {
		return
	}
	declined := (*ledger.DeclinedError)(nil)
	result := c.result
	if errors.As(c.err, &declined) {
		result = declined.Result
	} else {
		require.NoError(t, c.err, "a defect: %v", c)
	}
	assert.Equal(t, result.Transaction.Status == ledger.Declined, c.err != nil, "an outcome answered as another: %v", c)
	assert.True(t, c.wrote(result.Transaction) || result.Replayed, "the outcome of another call, not marked as a replay: %v", c)
	n := number(&h.rulings, rulingOf(result.Transaction))
	h.within(c, func(a accounts) (accounts, bool) { return a, a.ruled[c.rule] == n }, c.ended)
}

// wroteRules adds the events for a call that wrote a change's row.
func (h *history) wroteRules(c *call, row ledger.Transaction, until time.Duration) {
	r := rulingOf(row)
	n := number(&h.rulings, r)
	if r.status == ledger.Posted {
		h.within(c, changed(c.rule, r, n), until)
		return
	}
	bit := uint64(1) << h.declines
	h.declines++
	h.within(c, h.inUse(r, bit, c.now()), c.ended)
	h.within(c, ruleDeclined(c.rule, n, bit), until)
}
