package simulation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// What the check of histories lets pass and what it rejects.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	debit := infratest.Request(t, "1", "debit", ledger.Debit, "150")
	credit := infratest.Request(t, "1", "credit", ledger.Credit, "100")
	const debitKey, creditKey = 0, 1

	made := func(number, began, ended int, asks question, key int, r ledger.Request) *call {
		return &call{number: number, asks: asks, key: key, request: r, began: time.Duration(began), ended: time.Duration(ended)}
	}
	outcome := func(by int, r ledger.Request, status ledger.Status) ledger.Transaction {
		o := ledger.Transaction{UserID: r.UserID(), IdempotencyKey: r.IdempotencyKey, Type: r.Entries[0].Type, Amount: r.Entries[0].Amount, Status: status}
		o.CreatedAt = (&call{number: by}).stamp()
		if status == ledger.Declined {
			o.BalanceSeen = ledger.OpeningBalance()
		}
		return o
	}
	// credits is a call that posts the credit.
	credits := func(number, began, ended int) *call {
		c := made(number, began, ended, toPost, creditKey, credit)
		c.result.Transaction = outcome(number, credit, ledger.Posted)
		return c
	}
	// declines is a call that is told that the debit was declined on 100.
	declines := func(number, began, ended, by int) *call {
		c := made(number, began, ended, toPost, debitKey, debit)
		c.err = &ledger.DeclinedError{Result: ledger.Result{Transaction: outcome(by, debit, ledger.Declined), Replayed: by != number}}
		return c
	}
	killed := func(number, began, ended int) *call {
		c := made(number, began, ended, toPost, debitKey, debit)
		c.killed = true
		return c
	}
	unused := func(number, began, ended int) *call {
		c := made(number, began, ended, toTransaction, debitKey, debit)
		c.err = ledger.ErrNotFound
		return c
	}
	reads := func(number, began, ended int, balance string) *call {
		c := made(number, began, ended, toBalance, 0, ledger.Request{})
		c.balance, _ = ledger.ParseBalance(balance)
		return c
	}
	declined := map[place]ledger.Transaction{{0, debitKey}: outcome(1, debit, ledger.Declined)}
	posted := map[place]ledger.Transaction{{0, debitKey}: outcome(1, debit, ledger.Posted)}

	for _, c := range []struct {
		name  string
		rows  map[place]ledger.Transaction
		calls []*call
		want  bool
	}{
		{"a balance after a credit", nil, []*call{credits(1, 10, 20), reads(2, 30, 40, "200")}, true},
		{"an old balance after a credit", nil, []*call{credits(1, 10, 20), reads(2, 30, 40, "100")}, false},
		{"either balance during a credit", nil, []*call{credits(1, 10, 40), reads(2, 11, 12, "100"), reads(3, 13, 14, "200")}, true},
		{"back to the old balance", nil, []*call{credits(1, 10, 40), reads(2, 11, 12, "200"), reads(3, 13, 14, "100")}, false},
		{"a key posted twice", nil, []*call{credits(1, 10, 20), credits(2, 30, 40)}, false},

		{"declined before a credit", nil, []*call{declines(1, 10, 20, 1), credits(2, 30, 40)}, true},
		{"declined though a credit was before", nil, []*call{credits(2, 10, 20), declines(1, 30, 40, 1)}, false},
		{"disallowed before a credit, written after it", nil, []*call{declines(1, 10, 50, 1), credits(2, 20, 30), unused(3, 35, 40)}, true},
		{"unused after a decline was told", nil, []*call{declines(1, 10, 20, 1), unused(3, 30, 40)}, false},
		{"a decline that its call has not written", nil, []*call{declines(2, 10, 20, 1)}, false},

		{"killed without an effect", nil, []*call{killed(1, 10, 20), unused(2, 30, 40)}, true},
		{"killed, and declined long after", declined, []*call{killed(1, 10, 20), credits(2, 30, 40), unused(3, 50, 60), declines(4, 70, 80, 1)}, true},
		{"killed before it was sent, and declined", declined, []*call{credits(2, 10, 20), killed(1, 30, 40), declines(4, 70, 80, 1)}, false},
		{"killed, and posted when the credit was there", posted, []*call{killed(1, 10, 20), credits(2, 30, 40), reads(3, 50, 60, "50")}, true},
		{"killed, and posted without the credit", posted, []*call{killed(1, 10, 20), reads(3, 50, 60, "100")}, false},
	} {
		assert.Equal(t, c.want, linearizable(t, 100_00, c.calls, c.rows), c.name)
	}
}
