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

type question string

const (
	toPost        question = "post"
	toBalance     question = "balance"
	toTransaction question = "transaction"
	toEntry       question = "entry" // a lookup of an entry after the first
	toCapture     question = "capture"
	toVoid        question = "void"
	toRefund      question = "refund"
	toRules       question = "rules"
)

// ask describes a call to make. Equal asks make the same call.
type ask struct {
	question question
	user     int    // whose balance to read
	key      int    // index in the run's keys
	use      int    // which of the key's requests to send
	place    int    // which entry to look up
	sum      string // the amount to capture; "" for all of it
	parts    string // the entries and amounts to refund, as "0 12.50,1 12.50"; "" for all
}

// call records one call: its request, times and answer.
type call struct {
	ask

	caller       int
	request      ledger.Request
	original     int           // the key of the transaction to refund
	refunds      refunds       // the refunded entries, for a refund that was sent
	read         int           // the number of clock readings before the refund was sent
	began, ended time.Duration // since the run began
	killed       bool          // the process was killed before it answered

	readings []time.Time // all clock readings; no two are equal

	result ledger.Result // of a write or a lookup
	funds  ledger.Funds
	err    error
}

// epoch is the time on a caller's clock when the run begins, if the clock is not ahead.
var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// wrote reports whether the call wrote the row: the row's time is then one of the call's clock
// readings. No two calls have a reading in common.
func (c *call) wrote(row ledger.Transaction) bool {
	return slices.ContainsFunc(c.readings, row.CreatedAt.Equal)
}

// now returns the call's last clock reading in Unix milliseconds, or 0 if it has none. The ledger
// uses that reading to decide which holds have expired.
func (c *call) now() int64 {
	if len(c.readings) == 0 {
		return 0
	}
	return c.readings[len(c.readings)-1].UnixMilli()
}

// unknown reports whether the caller can't know the outcome.
func (c *call) unknown() bool { return c.killed || errors.Is(c.err, ledger.ErrTryAgain) }

func (c *call) writes() bool { return c.usesKey() || c.ends() }

// usesKey reports whether the call sends an idempotency key.
func (c *call) usesKey() bool {
	return c.question == toPost || c.question == toRefund || c.question == toRules
}

// ends reports whether the call is a capture or a void.
func (c *call) ends() bool { return c.question == toCapture || c.question == toVoid }

// answer returns the transaction in the answer: posted, pending or declined, by this call or an
// earlier one. ok is false if the answer contains no transaction.
func (c *call) answer() (result ledger.Result, ok bool) {
	if declined, is := errors.AsType[*ledger.DeclinedError](c.err); is && !c.killed {
		return declined.Result, true
	}
	return c.result, !c.killed && c.err == nil && c.question != toBalance
}

// asked returns the call's request, with its refunds, as an outcome without results.
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
	} else if c.err != nil && !c.unknown() { // runs with one seed can differ in the error of an unknown outcome
		answer += fmt.Sprintf(": %v", c.err)
	}
	o := c.asked()
	return fmt.Sprintf("%v-%v caller %d: %+v (%v): %s", c.began, c.ended, c.caller, c.ask, &o, answer)
}

// kinds lists the errors that [call.kind] distinguishes.
var kinds = []error{
	ledger.ErrTryAgain, ledger.ErrNotFound, ledger.ErrKeyReused, ledger.ErrInvalid,
	ledger.ErrHoldEnded, ledger.ErrNotPending, ledger.ErrInsufficientFunds, ledger.ErrBalanceLimit,
	ledger.ErrAccountBlocked, ledger.ErrCreditInUse, ledger.ErrRefundLimit, ledger.ErrNotRefundable,
}

// kind returns a short description of the answer, for the counts.
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

// amount parses an amount. The empty string is the zero amount.
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

// cents converts a sum to cents. It avoids the ledger's arithmetic, which is under test.
func cents(sum fmt.Stringer) int64 {
	whole, fraction, _ := strings.Cut(sum.String(), ".")
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// askedOf returns the request r as an outcome without refunds and without results.
func askedOf(r ledger.Request) outcome {
	o := outcome{metadata: r.Metadata, lasts: r.ExpiresIn.Milliseconds()}
	for i, e := range r.Entries {
		o.entries[i] = entry{userOf(e.UserID), e.Type, cents(e.Amount)}
	}
	return o
}

// outcomeOf returns the outcome stored in t, the first row of a transaction or a rule change.
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
