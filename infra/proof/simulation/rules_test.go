package simulation_test

import (
	"unique"

	"onewrite/ledger"
)

// rules are a user's account rules, and how often they were changed.
type rules struct {
	debits, credits bool // whether they are blocked
	limit           int64
	changes         int
}

func (r rules) block(kind ledger.Type) bool {
	return kind == ledger.Debit && r.debits || kind == ledger.Credit && r.credits
}

type change struct {
	user            int
	debits, credits ledger.Permission
	lends           bool // whether the change sets the credit limit
	limit, before   int64
	number          int
}

func changeOf(row ledger.Transaction) change {
	c := change{user: userOf(row.UserID), debits: row.Rules.Debits, credits: row.Rules.Credits, number: row.Rules.Number}
	if row.Rules.CreditLimit != nil {
		c.lends, c.limit, c.before = true, cents(row.Rules.CreditLimit), cents(row.Rules.LimitBefore)
	}
	return c
}

// fits reports whether a balance allows the new limit.
func (c change) fits(balance int64) bool {
	after := balance + c.limit - c.before
	return after >= 0 && (c.limit <= c.before || after <= ceiling)
}

// changed returns the event that applies a rule change. It is impossible if another change was
// stored after the call read the rules, or if the balance does not allow the new limit.
func changed(key int, o outcome) event {
	use := unique.Make(o)
	return func(a accounts) (accounts, bool) {
		c, u := o.change, &a.rules[o.change.user]
		can := a.keys[key] == unused && u.changes == c.number-1 &&
			(!c.lends || u.limit == c.before) && c.fits(a.balances[c.user])
		a.keys[key] = use
		u.changes++
		if c.debits != "" {
			u.debits = c.debits == ledger.Blocked
		}
		if c.credits != "" {
			u.credits = c.credits == ledger.Blocked
		}
		if c.lends {
			u.limit = c.limit
			a.balances[c.user] += c.limit - c.before
		}
		return a, can
	}
}

// inUse returns the first of a rule change's two decline events: the balance, with expired holds
// released, does not allow the new limit.
func (h *history) inUse(o outcome, bit uint64, now int64) event {
	return func(a accounts) (accounts, bool) {
		c, free := o.change, h.withReleases(a, now)
		a.expired = free.expired
		a.short |= bit
		balance := free.balances[c.user]
		return a, c.lends && a.rules[c.user].limit == c.before && balance == o.seen && !c.fits(balance)
	}
}
