package simulation_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"onewrite/ledger"
)

// odd is a hold of an amount that the amounts in a run can't add up to.
var odd = []ledger.Hold{{Amount: amount("777.77")}}

// Each lie falsifies one part of an answer, and leaves an answer without that part unchanged. If
// any order of the events explains a falsified answer, the test fails.
var lies = map[string]func(c *call){
	"balance": func(c *call) {
		if c.question == toBalance {
			c.funds.Balance, _ = ledger.ParseBalance("777.77")
		}
	},
	"held": func(c *call) {
		if c.question == toBalance {
			c.funds.Held = ledger.Held(odd)
		}
	},
	"rules": func(c *call) {
		if c.question == toBalance {
			c.funds.Changes++
		}
	},
	"time": func(c *call) {
		if _, ok := c.answer(); ok && c.err == nil {
			c.result.Transaction.CreatedAt = c.result.Transaction.CreatedAt.Add(time.Hour)
		}
	},
	"status": func(c *call) {
		if _, ok := c.answer(); ok && c.err == nil {
			c.result.Transaction.Status = ledger.Declined
		}
	},
	"replay": func(c *call) { c.result.Replayed = c.result.Replayed && c.wrote(c.result.Transaction) },
	"captured": func(c *call) {
		isHold := !c.result.Transaction.ExpiresAt.IsZero()
		if isHold && !c.usesKey() && c.result.Transaction.Status == ledger.Posted {
			c.result.Transaction.Captured = odd[0].Amount
		}
	},
	"balance seen": func(c *call) {
		if declined, ok := errors.AsType[*ledger.DeclinedError](c.err); ok {
			lie := *declined
			lie.Result.Transaction.BalanceSeen, _ = ledger.ParseBalance("777.77")
			c.err = &lie
		}
	},
	"difference": func(c *call) {
		if reused, ok := errors.AsType[*ledger.KeyReusedError](c.err); ok {
			lie := *reused
			lie.MetadataDiffers = !lie.MetadataDiffers
			c.err = &lie
		}
	},
	"refundable": func(c *call) {
		if limit, ok := errors.AsType[*ledger.RefundLimitError](c.err); ok {
			c.err = &ledger.RefundLimitError{Of: limit.Of, Entry: limit.Entry, Refundable: ledger.Held(odd)}
		}
	},
	"end": func(c *call) {
		if ended, ok := errors.AsType[*ledger.HoldEndedError](c.err); ok {
			lie := *ended
			lie.End.CreatedAt = lie.End.CreatedAt.Add(time.Hour)
			c.err = &lie
		}
	},
}

// checkLies falsifies one answer at a time, and checks that explain rejects the history.
func (r *run) checkLies(t *testing.T) {
	for i, c := range r.calls {
		for name, falsify := range lies {
			lie := *c
			falsify(&lie)
			if c.unknown() || reflect.DeepEqual(lie, *c) {
				continue
			}
			calls := slices.Clone(r.calls)
			calls[i] = &lie
			assert.Error(t, r.history.explain(r.users, calls), "another %s: %v", name, &lie)
		}
	}
}
