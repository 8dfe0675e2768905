package simulation_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// What a call asks for.
type question string

const (
	toPost        question = "post"
	toBalance     question = "balance"
	toTransaction question = "transaction"
	toEntry       question = "entry" // a further row of a transaction
)

// call is one call of one caller, and what it was told.
type call struct {
	number       int // in the run, from 1
	caller       int
	asks         question
	user         int            // whose balance is asked for
	key          int            // in the run, of any user
	request      ledger.Request // with the key
	place        int            // of the entry that is asked for
	began, ended time.Duration  // since the run began
	killed       bool           // the process ended before its answer

	result  ledger.Result // of a post, or the transaction that was read
	balance ledger.Balance
	err     error
}

// epoch is before all calls.
var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// stamp is the time of the transaction that a call makes. It is the call's
// alone, so that every row tells which call wrote it.
func (c *call) stamp() time.Time { return epoch.Add(time.Duration(c.number) * time.Millisecond) }

// unknown tells that the caller has not heard what the call did.
func (c *call) unknown() bool { return c.killed || errors.Is(c.err, ledger.ErrTryAgain) }

// told is the transaction that the caller heard of: posted or declined, by
// this call or an earlier one.
func (c *call) told() (result ledger.Result, is bool) {
	declined := (*ledger.DeclinedError)(nil)
	switch {
	case c.killed || c.asks == toBalance:
		return ledger.Result{}, false
	case errors.As(c.err, &declined):
		return declined.Result, true
	}
	return c.result, c.err == nil
}

func (c *call) String() string {
	answer := fmt.Sprint(c.err)
	if result, is := c.told(); is {
		told := outcomeOf(result.Transaction)
		answer = fmt.Sprintf("%v, replayed: %t", &told, result.Replayed)
	} else if c.unknown() {
		answer = kind(c) // not the error's text, which the HTTP client chooses by chance
	} else if c.err == nil {
		answer = c.balance.String()
	}
	about := fmt.Sprintf("user %d", c.user)
	if c.asks != toBalance {
		asked := askedOf(c.request)
		about = fmt.Sprintf("key %d, %s %v", c.key, textOf(asked.all()), asked.metadata)
	}
	return fmt.Sprintf("%v-%v caller %d, call %d: %s %d of %s: %s", c.began, c.ended, c.caller, c.number, c.asks, c.place, about, answer)
}

// cents is a sum of dollars, read without the ledger's arithmetic.
func cents(sum fmt.Stringer) int64 {
	whole, fraction, _ := strings.Cut(sum.String(), ".")
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// askedOf returns what an outcome of the request has of it.
func askedOf(r ledger.Request) outcome {
	o := outcome{metadata: r.Metadata}
	for i, e := range r.Entries {
		o.entries[i] = entry{userOf(e.UserID), e.Type, cents(e.Amount)}
	}
	return o
}

// outcomeOf returns the outcome that a first row has.
func outcomeOf(t ledger.Transaction) outcome {
	o := askedOf(infratest.RequestOf(t))
	o.status, o.call = t.Status, writerOf(t)
	if t.Status == ledger.Declined {
		o.place, o.seen = t.DeclinedEntry, cents(t.BalanceSeen)
	}
	return o
}

// writerOf returns the number of the call that wrote a row.
func writerOf(t ledger.Transaction) int { return int(t.CreatedAt.Sub(epoch) / time.Millisecond) }
