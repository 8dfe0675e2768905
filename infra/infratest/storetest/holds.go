package storetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

var holdScenes = []scene{
	{"a hold reserves money", `
		h: hold 1 debit 40 = pending; 1 60 held 40
		more: 1 debit 60.01 = insufficient funds: entry 0 on 60
		rest: 1 debit 60; 1 0 held 40
		c: capture h 25 = captured 25; 1 15
		history 1 = debit 40 pending, debit 60.01 declined, debit 60 posted, capture 25 posted`},
	{"a hold ends once", `
		h1: hold 1 debit 40; h2: hold 1 debit 30
		c: capture h1 = captured 40; c: capture h1 40 = replayed; c
		v: void h2 = voided; v
		e: capture h1 39 = hold ended: capture of 40
		e: void h1 = hold ended: capture of 40
		e: capture h2 = hold ended: void of 30
		e: capture h1 40.01 = invalid amount: must be at most what was held: 40
		e: capture h2 40.01 = invalid amount: must be at most what was held: 30
		1 60`},
	{"payment on hold", `
		h: hold 1 debit 40, shop credit 40; 1 60 held 40, shop 100
		history shop = none
		c: capture h 25 = captured 25; 1 75, shop 125
		history shop = credit 25 posted
		e: void h/1 = transaction not found`},
	{"capture over the receiver's limit", `
		fill shop; almost full: shop credit 70
		h: hold 1 debit 40, shop credit 40
		c: capture h = balance limit: the balance of shop is 999999999999970
		1 60 held 40
		c: capture h 30 = captured 30`},
	{"not pending", `
		posted: 1 debit 40
		declined: hold 1 debit 400 = insufficient funds: entry 0 on 60
		h: hold 1 debit 1
		e: capture posted = not pending; e: void posted = not pending
		e: capture declined = not pending; e: void declined = not pending
		e: capture h/1 = transaction not found; e: void h/1 = transaction not found`},
	// Posting a hold again after it was voided still returns the pending transaction.
	{"a pending transaction is replayed", `
		h: hold 1 debit 40; v: void h; h
		h: 1 debit 40 = reused: ExpiresIn`},
	// The money of an expired hold can be spent one second after the expiry. Balance reads show
	// this, and the next debit that needs the money releases the hold.
	{"expired holds are released", `
		h1: hold 1 debit 30; h2: hold 1 debit 30; h3: hold 1 debit 30
		1m0.999s; 1 10 held 90
		early: 1 debit 11 = insufficient funds: entry 0 on 10
		1ms; 1 100
		more than can be spent: 1 debit 100.01 = insufficient funds: entry 0 on 100
		all: 1 debit 60, 2 credit 50, 1 debit 40; 1 0
		history 1 = debit 30 pending, debit 30 pending, debit 30 pending, debit 11 declined, debit 100.01 declined, ` +
		`debit 60 posted, debit 40 posted, expiry 30 expired, expiry 30 expired, expiry 30 expired
		e: void h1 = hold ended: expiry of 30`},
	// A capture or void at or after the expiry ends the hold as expired. This is final, even if a
	// slow clock then shows an earlier time.
	{"end after the expiry", `
		h1: hold 1 debit 40; h2: hold 1 debit 30; 1m
		c: capture h1 = hold ended: expiry of 40; v: void h2 = hold ended: expiry of 30; -1m
		c: capture h1 = hold ended: expiry of 40; v: void h2 = hold ended: expiry of 30; 1 100
		h3: hold 2 debit 40; h4: hold 2 debit 30; 1h
		c: capture h3 = hold ended: expiry of 40; v: void h4 = hold ended: expiry of 30; -1h
		c: capture h3 = hold ended: expiry of 40; v: void h4 = hold ended: expiry of 30; 2 100`},
	// A hold counts toward the payer's sixteen holds, not the receiver's. A seventeenth is
	// rejected, even if the balance would decline it, and does not use up its key.
	{"at most sixteen holds", script.Holds(ledger.MaxHolds, "1 debit 1") + `
		to a payer at the limit: hold 2 debit 1, 1 credit 1
		more: hold 1 debit 1 = too many holds
		more: hold 1 debit 1000 = too many holds
		more: hold 1 debit 1, 2 credit 1 = too many holds
		1 84 held 16
		2m; more: hold 1 debit 100; 1 0 held 100`},
	// A release may raise the balance above the limit. Above it, only credits are declined.
	{"release over the limit", `
		fill 1
		h: hold 1 debit 500; credit: 1 credit 600; v: void h; 1 1000000000000500
		cent: 1 credit 0.01 = balance limit: entry 0 on 1000000000000500
		less: 1 debit 0.01; 1 1000000000000499.99`},
	// The balance limit applies to the stored balance, which includes an expired hold's money only
	// after the release is written.
	{"the limit applies to the stored balance", `
		fill 1
		h: hold 1 debit 100; credit: 1 credit 150; 2m; 1 1000000000000050
		the stored balance has room: 1 credit 50; 1 1000000000000100
		cent: 1 credit 0.01 = balance limit: entry 0 on 1000000000000100`},
	// Releases that do not fit in the same write as the entries get their own write.
	{"releases that do not fit", script.Holds(ledger.MaxHolds, "1 debit 6") + `
		2m; many: 1 debit 100` + strings.Repeat(", 2 credit 1", 96) + `; 1 0, 2 196`},
}

// If captures and voids race, only one of them is stored, and every answer agrees with it.
func concurrentEnds(t *testing.T, b *script.Script) {
	b.Play(t, "h: hold 1 debit 40, 2 credit 40")
	hold := ledger.EndRequest{TransactionID: b.ID("h")}
	part := infratest.Entries(t, "k", "1 debit 15").Entries[0].Amount
	ends := make([]ledger.Result, 16)
	errs := atOnce(len(ends), func(i int) (err error) {
		switch i % 3 {
		case 0:
			ends[i], err = b.Ledger.Capture(t.Context(), hold, ledger.Amount{})
		case 1:
			ends[i], err = b.Ledger.Capture(t.Context(), hold, part)
		default:
			ends[i], err = b.Ledger.Void(t.Context(), hold)
		}
		return err
	})
	current, err := b.Ledger.Transaction(t.Context(), hold.TransactionID)
	require.NoError(t, err)
	firsts := 0
	for i, err := range errs {
		var ended *ledger.HoldEndedError
		switch {
		case err == nil:
			assert.Equal(t, current, ends[i].Transaction)
			if !ends[i].Replayed {
				firsts++
			}
		case assert.ErrorAs(t, err, &ended):
			assert.Equal(t, current.Status, ended.End.Status)
		}
	}
	assert.Equal(t, 1, firsts)
}
