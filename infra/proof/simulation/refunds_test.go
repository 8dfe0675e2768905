package simulation_test

import (
	"context"
	"slices"

	"onewrite/ledger"
)

// part is how much of a transaction a refund key asks for.
type part int

const (
	whole part = iota
	cent       // of the first entry
	most       // 40 of the first entry, or all of it
	parts
)

// withRefunds makes all but two keys of each user those of refunds of the first.
func (r *run) withRefunds() {
	for i := range r.keys {
		if row := i / len(r.users); row > 1 {
			r.keys[i].isRefund, r.keys[i].refunds = true, i%len(r.users)
		}
	}
}

// of returns the parts of a transaction.
func (p part) of(o ledger.Original) []ledger.Part {
	sum := o.Entries[0].Amount
	switch {
	case p == whole:
		return o.Whole()
	case p == cent:
		sum = amount("0.01")
	case sum.More(amount("40")):
		sum = amount("40")
	}
	return []ledger.Part{{Entry: 0, Amount: sum}}
}

// refund makes a refund. The request that it keeps is that of any transaction.
func (c *caller) refund(ctx context.Context, original ledger.TransactionID, made *call) {
	o, err := c.ledger.Original(ctx, original)
	if err != nil {
		made.err = err
		return
	}
	r := o.Request(made.part.of(o))
	r.IdempotencyKey = made.request.IdempotencyKey
	made.request, made.refunds, made.read = ledger.Request{IdempotencyKey: r.IdempotencyKey, Entries: r.Entries}, r.Refund, len(made.readings)
	made.result, made.err = c.ledger.Post(ctx, r)
}

// refundsOf returns what the outcome of a refund has beside any other's.
func refundsOf(of ledger.TransactionID, places []int) (r refunds) {
	r.of = of
	for i, place := range places {
		r.places[i] = int8(place) + 1
	}
	return r
}

// refunds is the part of an outcome that binds it to an original; the zero refunds is
// that of any other transaction.
type refunds struct {
	of     ledger.TransactionID
	places [mostEntries]int8 // from 1
}

// askedRefund returns the refund that a call asked for.
func (c *call) askedRefund() (r refunds) {
	if c.refunds == nil {
		return r
	}
	var places []int
	for _, p := range c.refunds.Parts {
		places = append(places, p.Entry)
	}
	return refundsOf(c.refunds.Of.ID, places)
}

// refundable returns the entries of a key's transaction as refunds see them: posted, or as
// captured.
func (h *history) refundable(a accounts, key int) (entries []entry, ok bool) {
	o := &h.outcomes[a.keys[key]]
	entries = slices.Clone(o.all())
	switch end := h.endings[a.ends[key]]; {
	case o.refunds != refunds{}:
		return nil, false
	case o.status == ledger.Pending && end.end == ledger.Capture:
		for i := range entries {
			entries[i].amount = end.captured
		}
		return entries, true
	}
	return entries, o.status == ledger.Posted
}

// refund counts a refund, if its original is there and enough is left of each entry. It
// returns the first entry of which less is left, and what is left of it.
func (h *history) refund(a accounts, o outcome) (after accounts, place int, left int64, can bool) {
	key := slices.Index(h.originals, o.refunds.of)
	moved, ok := h.refundable(a, key)
	if !ok {
		return a, 0, 0, false
	}
	for i, e := range o.all() {
		place := int(o.refunds.places[i]) - 1
		opposite := moved[place].user == e.user && moved[place].kind != e.kind
		left := moved[place].amount - a.refunded[key][place]
		if !opposite || e.amount > left {
			return a, place, left, false
		}
		a.refunded[key][place] += e.amount
	}
	return a, 0, 0, true
}

// refundLimit answers that so much is left of an entry, and the key unused.
func (h *history) refundLimit(key int, asked outcome, place int, left int64) event {
	return func(a accounts) (accounts, bool) {
		_, first, has, can := h.refund(a, asked)
		return a, a.keys[key] == 0 && !can && first == place && has == left
	}
}

// notRefundable answers that a key's transaction can't be refunded.
func (h *history) notRefundable(key int) event {
	return func(a accounts) (accounts, bool) {
		_, ok := h.refundable(a, key)
		return a, a.keys[key] != 0 && !ok
	}
}
