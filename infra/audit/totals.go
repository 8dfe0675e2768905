package main

import (
	"fmt"

	"github.com/cockroachdb/apd/v3"

	"onewrite/infra"
	"onewrite/ledger"
)

// totals sums up the users whose rows and balance were compared, each at a moment
// of its own. Where all of them are right, opening + credits - debits = balances.
type totals struct {
	users                     int // who have posted
	credits, debits, balances apd.Decimal
}

// add counts a user, at the moment at which seen was compared with the balance.
func (t *totals) add(seen *tally, balance infra.Aggregate) {
	t.users++
	mustExact(sums.Add(&t.credits, &t.credits, &seen.credits))
	mustExact(sums.Add(&t.debits, &t.debits, &seen.debits))
	mustExact(sums.Add(&t.balances, &t.balances, decimal(balance.Balance)))
}

// trialBalance is the totals as a report has them, as texts in dollars.
type trialBalance struct {
	Users      int    `json:"users"`
	Opening    string `json:"opening"` // all their opening balances
	Credits    string `json:"credits"`
	Debits     string `json:"debits"`
	History    string `json:"history"`    // what these three come to
	Balances   string `json:"balances"`   // as stored
	Difference string `json:"difference"` // of the balances from what the history makes them
}

func (t *totals) trialBalance() *trialBalance {
	var opening, made, difference apd.Decimal
	mustExact(sums.Mul(&opening, decimal(ledger.OpeningBalance()), apd.New(int64(t.users), 0)))
	mustExact(sums.Add(&made, &opening, &t.credits))
	mustExact(sums.Sub(&made, &made, &t.debits))
	mustExact(sums.Sub(&difference, &t.balances, &made))
	return &trialBalance{t.users, text(&opening), text(&t.credits), text(&t.debits), text(&made), text(&t.balances), text(&difference)}
}

// String returns the line of a report.
func (t *trialBalance) String() string {
	return fmt.Sprintf("totals     %s who posted: opening %s + credits %s - debits %s = %s; balances %s, difference %s",
		count(t.Users, "user"), t.Opening, t.Credits, t.Debits, t.History, t.Balances, t.Difference)
}
