package simulation_test

import (
	"unique"

	"onewrite/ledger"
)

// grace is the time in milliseconds from the expiry of a hold until it can be released.
const grace = 1000

// ending describes how a hold ended. An open hold has the zero ending.
type ending struct {
	end      ledger.End
	captured int64
	created  int64 // Unix milliseconds, by the writer's clock
}

func endingOf(row ledger.Transaction) unique.Handle[ending] {
	e := ending{end: row.End, created: row.CreatedAt.UnixMilli()}
	if row.End == ledger.Capture {
		e.captured = cents(row.Amount)
	}
	return unique.Make(e)
}

// release is a hold that a call found expired and released.
type release struct {
	key    int
	ending unique.Handle[ending]
}

// expires returns when a pending transaction expires, in Unix milliseconds.
func (o *outcome) expires() int64 { return o.created + o.lasts }

// open returns a key's pending transaction. ok is false if its hold is not open.
func (a *accounts) open(key int) (o outcome, ok bool) {
	o = a.keys[key].Value()
	return o, o.status == ledger.Pending && a.ends[key] == notEnded
}

// end ends the key's open hold with the ending in by. A capture or void must come before the
// expiry, and an expiry at least late milliseconds after it. The receiver gets the captured sum,
// and the payer the rest, even above the ceiling. can is false if this ending is impossible, or if
// the receiver's balance or rules do not allow the credit.
func (h *history) end(a accounts, key int, by unique.Handle[ending], late int64) (after accounts, can bool) {
	o, ok := a.open(key)
	if !ok {
		return a, false
	}
	held, e := o.entries[0], by.Value()
	if e.end == ledger.Expiry {
		can = e.created >= o.expires()+late
	} else {
		can = e.created < o.expires() && a.expired&(1<<key) == 0
	}
	if can = can && e.captured <= held.amount && (e.captured > 0) == (e.end == ledger.Capture); !can {
		return a, false
	}
	a.ends[key] = by
	a.balances[held.user] += held.amount - e.captured
	if entries := o.all(); len(entries) > 1 && e.captured > 0 {
		receiver := entries[1].user
		a.balances[receiver] += e.captured
		can = a.balances[receiver] <= ceiling && !a.rules[receiver].credits
	}
	return a, can
}

func (h *history) ended(key int, by unique.Handle[ending], late int64) event {
	return func(a accounts) (accounts, bool) { return h.end(a, key, by, late) }
}

func hasEnded(key int, by unique.Handle[ending]) event {
	return func(a accounts) (accounts, bool) { return a, a.ends[key] == by }
}

// withReleases returns the accounts after the release of all holds that can be released at the time
// now.
func (h *history) withReleases(a accounts, now int64) accounts {
	for key := range a.ends {
		if o, ok := a.open(key); ok && now >= o.expires()+grace {
			a.balances[o.entries[0].user] += o.entries[0].amount
			a = h.countAsExpired(a, key)
		}
	}
	return a
}

// In a punctual run, countAsExpired records that an answer counted the hold as expired. The hold
// can't be captured or voided afterwards.
func (h *history) countAsExpired(a accounts, key int) accounts {
	if h.punctual {
		a.expired |= 1 << key
	}
	return a
}

// funds requires that the user has this balance, held sum and rules at the time now.
func (h *history) funds(user int, balance, held int64, answered rules, now int64) event {
	return func(a accounts) (accounts, bool) {
		free, sum := h.withReleases(a, now), int64(0)
		for key := range a.ends {
			if o, ok := a.open(key); ok && o.entries[0].user == user && now < o.expires()+grace {
				sum += o.entries[0].amount
			}
		}
		a.expired = free.expired
		return a, free.balances[user] == balance && sum == held && a.rules[user] == answered
	}
}

// hasStatus requires that the key's stored transaction equals the parameter answered, and has this
// status and captured amount at the time now.
func (h *history) hasStatus(key int, answered outcome, status ledger.Status, captured, now int64) event {
	use := unique.Make(answered)
	return func(a accounts) (accounts, bool) {
		o, ok := a.open(key)
		switch e := a.ends[key].Value(); {
		case a.keys[key] != use:
			return a, false
		case !ok:
			return a, e.end.Status() == status && e.captured == captured
		case now < o.expires()+grace:
			return a, status == ledger.Pending
		}
		return h.countAsExpired(a, key), status == ledger.Expired
	}
}

func notPending(key int) event {
	return func(a accounts) (accounts, bool) {
		return a, a.keys[key] != unused && a.keys[key].Value().status != ledger.Pending
	}
}

// heldLess requires that the key's pending transaction held less than sum.
func heldLess(key int, sum int64) event {
	return func(a accounts) (accounts, bool) {
		o := a.keys[key].Value()
		return a, o.status == ledger.Pending && o.entries[0].amount < sum
	}
}

// receiverFull requires that capturing sum would lift the receiver's balance above the ceiling,
// that no rule blocks credits to the receiver, and that the balance equals seen once expired holds
// are released. If sum is zero, the whole hold is captured.
func (h *history) receiverFull(key int, sum, seen, now int64) event {
	return func(a accounts) (accounts, bool) {
		o, ok := a.open(key)
		if !ok || len(o.all()) < 2 {
			return a, false
		}
		if sum == 0 {
			sum = o.entries[0].amount
		}
		receiver, free := o.entries[1].user, h.withReleases(a, now)
		a.expired = free.expired
		return a, free.balances[receiver] == seen && a.balances[receiver]+sum > ceiling && !a.rules[receiver].credits
	}
}

// receiverBlocked requires that a rule blocks credits to the pending payment's receiver.
func receiverBlocked(key int) event {
	return func(a accounts) (accounts, bool) {
		o, ok := a.open(key)
		return a, ok && len(o.all()) > 1 && a.rules[o.entries[1].user].credits
	}
}
