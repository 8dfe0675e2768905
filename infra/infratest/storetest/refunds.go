package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

var refundScenes = []scene{
	// A rejected refund does not use up its key.
	{"partial refunds", `
		o: a debit 30; refunds o = none
		r1: refund o 0 20 = posted; a 90
		r2: refund o 0 20 = refund limit: 10 is left of entry 0
		r2: refund o = refund limit: 10 is left of entry 0
		r2: refund o 0 9.99
		r3: refund o 0 0.02 = refund limit: 0.01 is left of entry 0
		r3: refund o 0 0.01
		r4: refund o 0 0.01 = refund limit: 0 is left of entry 0
		refunds o = 0 30; a 100
		r1`},
	// A refund has a row in the history of each user whose entries it refunds.
	{"refunds of entries", `
		sale: a debit 10, b credit 9, shop credit 1
		half: refund sale 0 5, 1 4.5, 2 0.5; a 95, b 104.5, shop 100.5
		fee: refund sale 2 0.5
		refunds sale = 0 5, 1 4.5, 2 1
		all: refund sale = refund limit: 5 is left of entry 0
		rest: refund sale 0 5, 1 4.5, 2 0.01 = refund limit: 0 is left of entry 2
		a 95, b 104.5, shop 100
		history a = debit 10 posted, credit 5 posted
		history b = credit 9 posted, debit 4.5 posted
		history shop = credit 1 posted, debit 0.5 posted, debit 0.5 posted`},
	// A captured payment can be refunded up to the captured amount, but not with the payment's key.
	{"refund of a capture", `
		h: hold a debit 40, b credit 40; c: capture h 25
		h: refund h 0 20, 1 20 = reused: Entries, ExpiresIn, RefundOf
		part: refund h 0 20, 1 20
		rest: refund h 0 5, 1 5.01 = refund limit: 5 is left of entry 1
		a 95, b 105`},
	{"not refundable", `
		sale: a debit 10, b credit 10; refund: refund sale 0 1, 1 1
		held: hold a debit 40; voided: hold a debit 40; v: void voided
		declined: a debit 1000 = insufficient funds: entry 0 on 51
		r: refund refund = not refundable: it is posted
		r: refund held = not refundable: it is pending
		r: refund voided = not refundable: it is voided
		r: refund declined = not refundable: it is declined
		r: refund sale/1 = transaction not found
		r: refund refund/1 = transaction not found
		r: refund voided/end = transaction not found
		r: refund held/1 = transaction not found`},
	// A refund is declined if the receiver has spent the money. The decline is final, and the
	// amount does not count as refunded.
	{"a refund is declined by a balance", `
		sale: a debit 10, b credit 10; spend: b debit 101
		r: refund sale = insufficient funds: entry 1 on 9; refunds sale = none
		top-up: b credit 100; r; refunds sale = none
		another key: refund sale; refunds sale = 0 10, 1 10`},
	// A refund with a used key is a replay if its original, entries, amounts and metadata match.
	{"a refund is replayed", `
		first: a debit 10, a debit 10, b credit 20; other: a debit 10, a debit 10, b credit 20
		r: refund first 0 5, 2 5
		r: refund first 0 5.00, 2 05 = replayed
		plain: a credit 5, b debit 5
		r: refund other 0 5, 2 5 = reused: RefundOf
		r: refund first 1 5, 2 5 = reused: Entries
		r: refund first 0 5, 2 6 = reused: Entries
		r: refund first 0 5 = reused: Entries
		r: refund first = reused: Entries
		r: refund first 0 5, 2 5 for order 7 = reused: Metadata
		r: a credit 5, b debit 5 = reused: RefundOf
		plain: refund first 0 5, 2 5 = reused: RefundOf
		refunds first = 0 5, 2 5`},
	// A refund that both the refund account and a balance reject returns "refund limit", because a
	// decline by the balance would use up the key.
	{"refund limit before balances", `
		sale: a debit 10, b credit 10; part: refund sale 1 6; spend: b debit 104
		r: refund sale = refund limit: 4 is left of entry 1`},
	// A refund that debits a receiver releases the receiver's expired holds, as any debit does.
	{"a refund releases", `
		sale: a debit 10, b credit 10; h: hold b debit 110; 1h
		r: refund sale; refunds sale = 0 10, 1 10; a 100, b 100`},
}

// A transaction can be refunded as a whole if no part of it was refunded, and if the rows and the
// refund account fit in one write.
func refundsOfWholeTransactions(t *testing.T, b *script.Script) {
	var places []string
	for place := 49; place < 99; place++ {
		places = append(places, fmt.Sprint(place, " 0.01"))
	}
	sales := "shop credit 0.01" + strings.Repeat(", shop credit 0.01", 97)
	fifty := strings.Join(places, ", ")
	b.Play(t, `
		most: `+sales+`
		all: refund most; shop 100
		again: refund most = refund limit: 0 is left of entry 0
		last: refund most 97 0.01 = refund limit: 0 is left of entry 97
		more: `+sales+`, shop credit 0.02
		fifty: refund more `+fifty+`
		all of 99: refund more = different users and one together
		fifty-one: refund more 48 0.01, `+fifty+` = must have at most 50 places
		fifty again: refund more `+fifty+` = refund limit: 0 is left of entry 49
		the last cent: refund more 98 0.01
		wrong order: refund more 3 0.01, 2 0.01 = are not of its 99 entries in their order
		shop 100.49`)
}

// Concurrent refunds never return more than the original moved, and their answers agree with the
// rows and the refund account.
func concurrentRefunds(t *testing.T, b *script.Script) {
	b.Play(t, "d: a debit 20")
	o, err := b.Ledger.Original(t.Context(), b.ID("d"))
	require.NoError(t, err)
	errs := atOnce(16, func(i int) error {
		_, err := b.Ledger.Post(t.Context(), infratest.Refund(t, o, fmt.Sprint(i/2), "0 3")) // each refund is sent twice
		return err
	})
	posted, limits := map[int]bool{}, 0
	for i, err := range errs {
		if errors.Is(err, ledger.ErrRefundLimit) {
			limits++
		} else if assert.NoError(t, err) {
			posted[i/2] = true
		}
	}
	assert.Len(t, posted, 6)
	assert.Equal(t, 4, limits)
	b.Play(t, "refunds d = 0 18; a 98")
}
