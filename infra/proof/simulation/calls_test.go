package simulation_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// question is a call's kind.
type question string

const (
	toPost        question = "post"
	toBalance     question = "balance"
	toTransaction question = "transaction"
	toEntry       question = "entry" // a transaction's further row
	toCapture     question = "capture"
	toVoid        question = "void"
	toRefund      question = "refund"
	toRules       question = "rules"
)

// call is one caller's call, and its answer.
type call struct {
	number       int // in the run, from 1
	caller       int
	asks         question
	user         int            // the user whose balance is read
	key          int            // in the run, any user's
	request      ledger.Request // with the key
	place        int            // the entry's
	rule         int            // for a change of rules, in the run
	captures     ledger.Amount  // all if zero
	part         part           // for a refund
	refunded     int            // the refunded transaction's key
	refunds      *ledger.Refund // for a refund that was sent
	read         int            // how often the clock was read before it was sent
	began, ended time.Duration  // since the run began
	killed       bool           // the process ended before its answer

	readings []time.Time // by the caller's clock, each unique

	result ledger.Result // for a post, an end or a lookup
	funds  ledger.Funds
	err    error
}

// epoch is before all calls.
var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// wrote reports whether the call wrote a row: no two calls read the same time.
func (c *call) wrote(row ledger.Transaction) bool {
	return slices.ContainsFunc(c.readings, row.CreatedAt.Equal)
}

// now returns the clock's last reading, by which holds expire.
func (c *call) now() int64 { return c.readings[len(c.readings)-1].UnixMilli() }

// unknown reports whether the caller does not know the outcome.
func (c *call) unknown() bool { return c.killed || errors.Is(c.err, ledger.ErrTryAgain) }

func (c *call) writes() bool { return c.posts() || c.ends() || c.asks == toRules }

func (c *call) posts() bool { return c.asks == toPost || c.asks == toRefund }

// ends reports whether the call asks to end a hold.
func (c *call) ends() bool { return c.asks == toCapture || c.asks == toVoid }

// answer returns the transaction in the answer: posted, pending or declined, by this call
// or an earlier one. It is not ok if the answer has none.
func (c *call) answer() (result ledger.Result, ok bool) {
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
	if result, ok := c.answer(); ok {
		o := outcomeOf(result.Transaction)
		answer = fmt.Sprintf("%v, captured %s, replayed: %t", &o, result.Transaction.Captured, result.Replayed)
	} else if c.unknown() {
		answer = kind(c) // not the error's text, which the HTTP client chooses by chance
	} else if c.err == nil {
		answer = fmt.Sprintf("%s, held %s, %+v", c.funds.Balance, c.funds.Held, c.funds.Rules)
	}
	about := fmt.Sprintf("user %d", c.user)
	if c.asks != toBalance {
		asked := askedOf(c.request)
		about = fmt.Sprintf("key %d, %s for %d ms %v", c.key, textOf(asked.all()), asked.lasts, asked.metadata)
	}
	if c.asks == toRules {
		about = fmt.Sprintf("change %d of rules", c.rule)
		if result, ok := c.answer(); ok {
			answer = fmt.Sprintf("%+v, replayed: %t", rulingOf(result.Transaction), result.Replayed)
		}
	}
	if c.asks == toCapture {
		about = c.captures.String() + " of " + about
	}
	return fmt.Sprintf("%v-%v caller %d, call %d: %s %d of %s: %s", c.began, c.ended, c.caller, c.number, c.asks, c.place, about, answer)
}

// cents returns a dollar sum in cents, read without the ledger's arithmetic.
func cents(sum fmt.Stringer) int64 {
	whole, fraction, _ := strings.Cut(sum.String(), ".")
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// askedOf returns the request's part of an outcome.
func askedOf(r ledger.Request) outcome {
	o := outcome{metadata: r.Metadata, lasts: r.ExpiresIn.Milliseconds()}
	for i, e := range r.Entries {
		o.entries[i] = entry{userOf(e.UserID), e.Type, cents(e.Amount)}
	}
	return o
}

// outcomeOf returns a first row's outcome.
func outcomeOf(t ledger.Transaction) outcome {
	o := askedOf(infratest.RequestOf(t))
	o.refunds = refundsOf(t.RefundOf, t.RefundPlaces)
	o.status, o.created = t.Status, t.CreatedAt.UnixMilli()
	if t.Status == ledger.Declined {
		o.place, o.seen, o.blocked = t.DeclinedEntry, cents(t.BalanceSeen), t.DeclinedByBlock
	}
	return o
}
