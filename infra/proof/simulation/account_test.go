package simulation_test

import (
	"fmt"

	"onewrite/ledger"
)

const (
	keysPerUser = 6
	ceiling     = int64(1e15) * 100
)

// account is the ledger of one user that does one thing at a time, in cents.
type account struct {
	balance    int64
	keys       [keysPerUser]entry
	disallowed uint64 // calls, a bit each, that a balance did not allow
}

// entry is the outcome of a key. The zero entry is an unused key's.
type entry struct {
	kind   ledger.Type
	amount int64
	status ledger.Status
	seen   int64 // the balance that declined it
	call   int   // that wrote it
}

func (e entry) String() string {
	return fmt.Sprintf("%s %s of %d on %d by call %d", e.status, e.kind, e.amount, e.seen, e.call)
}

// on returns the balance after a posting, and whether that is in range.
func (e entry) on(balance int64) (after int64, fits bool) {
	after = balance + e.amount
	if e.kind == ledger.Debit {
		after = balance - e.amount
	}
	return after, after >= 0 && after <= ceiling
}

// event is one thing that happens to an account, if it can.
type event func(account) (after account, can bool)

// post uses a key and moves the balance.
func post(key int, e entry) event {
	return func(a account) (account, bool) {
		after, fits := e.on(a.balance)
		can := a.keys[key] == entry{} && fits
		a.balance, a.keys[key] = after, e
		return a, can
	}
}

// A decline is two events, disallow and decline: at one instant the balance does
// not allow the transaction, and at a later one of the same call that outcome
// is written under the key, if that is still unused. The balance may be
// another by then: a decline says what was, not what is.
func disallow(e entry, bit uint64) event {
	return func(a account) (account, bool) {
		_, fits := e.on(a.balance)
		a.disallowed |= bit
		return a, a.balance == e.seen && !fits
	}
}

func decline(key int, e entry, bit uint64) event {
	return func(a account) (account, bool) {
		can := a.keys[key] == entry{} && a.disallowed&bit != 0
		a.keys[key] = e
		return a, can
	}
}

// replay tells the outcome of a key, the zero entry if it is unused.
func replay(key int, e entry) event {
	return func(a account) (account, bool) { return a, a.keys[key] == e }
}

// reused tells what of the outcome of a key differs from what was asked.
func reused(key int, asked entry, differs ledger.KeyReusedError) event {
	return func(a account) (account, bool) {
		has := a.keys[key]
		return a, has != entry{} && differs == ledger.KeyReusedError{
			TypeDiffers:   has.kind != asked.kind,
			AmountDiffers: has.amount != asked.amount,
		} && differs != ledger.KeyReusedError{}
	}
}

// balance tells the balance.
func balance(cents int64) event {
	return func(a account) (account, bool) { return a, a.balance == cents }
}
