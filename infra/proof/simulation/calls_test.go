package simulation_test

import (
	"cmp"
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

// ask is a call before it is made. Two equal asks are the same call.
type ask struct {
	question question
	user     int    // for a balance
	key      int    // in the run
	use      int    // which of the key's requests
	place    int    // the row's, for a further entry
	sum      string // to capture; "" is all
	parts    string // to refund, as "0 12.50,1 12.50"; "" is all
}

// call is one caller's call, and its answer.
type call struct {
	ask

	caller       int
	request      ledger.Request // with the key
	original     int            // the refunded transaction's key
	refunds      refunds        // for a refund that was sent
	read         int            // how often the clock was read before it was sent
	began, ended time.Duration  // since the run began
	killed       bool           // the process ended before its answer

	readings []time.Time // by the caller's clock, each unique

	result ledger.Result // for a write or a lookup
	funds  ledger.Funds
	err    error
}

// epoch is before all calls.
var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// wrote reports whether the call wrote a row: no two calls read the same time.
func (c *call) wrote(row ledger.Transaction) bool {
	return slices.ContainsFunc(c.readings, row.CreatedAt.Equal)
}

// now returns the clock's last reading, by which holds expire. It is 0 if no clock was read.
func (c *call) now() int64 {
	if len(c.readings) == 0 {
		return 0
	}
	return c.readings[len(c.readings)-1].UnixMilli()
}

// unknown reports whether the caller does not know the outcome.
func (c *call) unknown() bool { return c.killed || errors.Is(c.err, ledger.ErrTryAgain) }

func (c *call) writes() bool { return c.usesKey() || c.ends() }

// usesKey reports whether the call asks for a key's outcome.
func (c *call) usesKey() bool {
	return c.question == toPost || c.question == toRefund || c.question == toRules
}

// ends reports whether the call asks to end a hold.
func (c *call) ends() bool { return c.question == toCapture || c.question == toVoid }

// answer returns the transaction in the answer: posted, pending or declined, by this call
// or an earlier one. It is not ok if the answer has none.
func (c *call) answer() (result ledger.Result, ok bool) {
	if declined, is := errors.AsType[*ledger.DeclinedError](c.err); is && !c.killed {
		return declined.Result, true
	}
	return c.result, !c.killed && c.err == nil && c.question != toBalance
}

// asked returns the request's part of an outcome.
func (c *call) asked() outcome {
	o := askedOf(c.request)
	o.refunds = c.refunds
	return o
}

func (c *call) String() string {
	answer := c.kind()
	if result, ok := c.answer(); ok {
		o := outcomeOf(result.Transaction)
		answer += fmt.Sprintf(": %v, captured %s", &o, result.Transaction.Captured)
	} else if c.question == toBalance && c.err == nil {
		answer += fmt.Sprintf(": %s, held %s, %+v", c.funds.Balance, c.funds.Held, c.funds.Rules)
	} else if c.err != nil && !c.unknown() { // an unknown outcome's text depends on chance
		answer += fmt.Sprintf(": %v", c.err)
	}
	o := c.asked()
	return fmt.Sprintf("%v-%v caller %d: %+v (%v): %s", c.began, c.ended, c.caller, c.ask, &o, answer)
}

// kinds are the errors that answers are counted by.
var kinds = []error{
	ledger.ErrTryAgain, ledger.ErrNotFound, ledger.ErrKeyReused, ledger.ErrInvalid,
	ledger.ErrHoldEnded, ledger.ErrNotPending, ledger.ErrInsufficientFunds, ledger.ErrBalanceLimit,
	ledger.ErrAccountBlocked, ledger.ErrCreditInUse, ledger.ErrRefundLimit, ledger.ErrNotRefundable,
}

// kind names the answer.
func (c *call) kind() string {
	result, _ := c.answer()
	kind := cmp.Or(string(result.Transaction.Status), "read")
	for _, known := range kinds {
		if errors.Is(c.err, known) {
			kind = known.Error()
		}
	}
	switch {
	case c.killed:
		kind = "killed"
	case result.Replayed:
		kind += ", replayed"
	}
	return string(c.question) + " " + kind
}

// amount parses an amount in a text. The zero amount is that of no text.
func amount(text string) ledger.Amount {
	if text == "" {
		return ledger.Amount{}
	}
	a, err := ledger.ParseAmount(text)
	if err != nil {
		panic(err)
	}
	return a
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
func outcomeOf(t ledger.Transaction) (o outcome) {
	if t.Rules == nil {
		o = askedOf(infratest.RequestOf(t))
	} else {
		o.change = changeOf(t)
	}
	o.refunds = refundsOf(t.RefundOf, t.RefundPlaces)
	o.status, o.created = t.Status, t.CreatedAt.UnixMilli()
	if t.Status == ledger.Declined {
		o.place, o.seen, o.blocked = t.DeclinedEntry, cents(t.BalanceSeen), t.DeclinedByBlock
	}
	return o
}
