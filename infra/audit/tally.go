package main

import (
	"fmt"
	"time"

	"github.com/cockroachdb/apd/v3"

	"onewrite/infra"
	"onewrite/ledger"
)

// sums adds money, posted credits and debits in any order: other than a
// balance, what comes of it may be below zero or above the ceiling. It fails
// rather than round, beyond 10^36 dollars.
var sums = apd.Context{
	Precision:   38,
	MaxExponent: apd.MaxExponent,
	MinExponent: apd.MinExponent,
	Traps:       apd.DefaultTraps | apd.Inexact,
}

// tally is what one user's transactions come to. The zero tally is of none.
type tally struct {
	posted          int         // rows that are not declined
	credits, debits apd.Decimal // their sums: what is held is debited, and what is given back is credited
	held            apd.Decimal
	newest          time.Time // of those rows
}

// add counts a transaction.
func (t *tally) add(added ledger.Transaction) {
	if added.Status == ledger.Declined || added.Status == "" {
		return
	}
	if added.CreatedAt.After(t.newest) {
		t.newest = added.CreatedAt
	}
	t.posted++
	amount := decimal(added.Amount)
	switch {
	case added.End == ledger.Capture:
		was := decimal(added.Held)
		mustExact(sums.Sub(&t.held, &t.held, was))
		mustExact(sums.Sub(was, was, amount)) // which is given back
		mustExact(sums.Add(&t.credits, &t.credits, was))
	case added.End != "":
		mustExact(sums.Sub(&t.held, &t.held, amount))
		mustExact(sums.Add(&t.credits, &t.credits, amount))
	case added.Type == ledger.Credit:
		mustExact(sums.Add(&t.credits, &t.credits, amount))
	default:
		mustExact(sums.Add(&t.debits, &t.debits, amount))
		if added.Status == ledger.Pending {
			mustExact(sums.Add(&t.held, &t.held, amount))
		}
	}
}

// plus returns what both tallies' transactions come to.
func (t *tally) plus(u *tally) *tally {
	sum := &tally{posted: t.posted + u.posted, newest: t.newest}
	if u.newest.After(t.newest) {
		sum.newest = u.newest
	}
	mustExact(sums.Add(&sum.credits, &t.credits, &u.credits))
	mustExact(sums.Add(&sum.debits, &t.debits, &u.debits))
	mustExact(sums.Add(&sum.held, &t.held, &u.held))
	return sum
}

// net returns the credits minus the debits.
func (t *tally) net() *apd.Decimal {
	var net apd.Decimal
	mustExact(sums.Sub(&net, &t.credits, &t.debits))
	return &net
}

// balance returns the balance that the transactions make.
func (t *tally) balance() *apd.Decimal {
	var b apd.Decimal
	mustExact(sums.Add(&b, decimal(ledger.OpeningBalance()), t.net()))
	return &b
}

// verdict is what a reading says about a user.
type verdict int

const (
	open  verdict = iota // not all rows were seen: read again
	right                // the balance is what the history says
	wrong                // it is not, whatever is in flight
)

// judge compares rows with the balance as it was after they were read. The
// rows include, at least, those of version floor. See the package comment for
// why each answer holds.
func (t *tally) judge(floor int, after infra.Aggregate) verdict {
	switch {
	case t.posted > after.Version, t.posted < floor:
		return wrong
	case t.posted < after.Version:
		return open
	case t.balance().Cmp(decimal(after.Balance)) == 0 && t.held.Cmp(decimal(ledger.Held(after.Holds))) == 0:
		return right
	default:
		return wrong
	}
}

// text returns a sum in its shortest plain notation.
func text(sum *apd.Decimal) string {
	var shortest apd.Decimal
	shortest.Reduce(sum)
	return shortest.Text('f')
}

// decimal returns a sum of money that is known to be good.
func decimal(money fmt.Stringer) *apd.Decimal {
	var d apd.Decimal
	_, condition, err := sums.SetString(&d, money.String())
	mustExact(condition, err)
	return &d
}

// mustExact stops the program rather than go on with a wrong sum.
func mustExact(condition apd.Condition, err error) {
	if err != nil {
		panic(fmt.Sprintf("audit: inexact sum: %v (%v)", err, condition))
	}
}
