package main

import (
	"fmt"

	"onewrite/infra"
	"onewrite/infra/internal/books"
)

// totals sums up the users whose rows and balance were compared, each at a moment
// of its own. Where all of them are right, opening + credits - debits = balances.
type totals struct {
	users                              int // who have posted
	opening, credits, debits, balances books.Sum
}

// add counts a user, at the moment at which seen was compared with the balance.
func (t *totals) add(seen *books.Tally, balance infra.Aggregate) {
	t.users++
	t.opening = t.opening.Plus(books.Opening())
	t.credits = t.credits.Plus(seen.Credits)
	t.debits = t.debits.Plus(seen.Debits)
	t.balances = t.balances.Plus(books.SumOf(balance.Balance))
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
	made := t.opening.Plus(t.credits).Minus(t.debits)
	return &trialBalance{
		t.users, t.opening.String(), t.credits.String(), t.debits.String(), made.String(),
		t.balances.String(), t.balances.Minus(made).String(),
	}
}

// String returns the line of a report.
func (t *trialBalance) String() string {
	return fmt.Sprintf("totals     %s who posted: opening %s + credits %s - debits %s = %s; balances %s, difference %s",
		books.Count(t.Users, "user"), t.Opening, t.Credits, t.Debits, t.History, t.Balances, t.Difference)
}
