package simulation_test

import (
	"context"
	"slices"

	"onewrite/ledger"
)

// part is the share of a transaction that a refund key asks for.
type part int

const (
	whole part = iota
	cent       // from the first entry
	most       // 40 from the first entry, or all of it
	parts
)

// withRefunds makes all but two keys of each user refund the first.
func (r *run) withRefunds() {
	for i := range r.keys {
		if row := i / len(r.users); row > 1 {
			r.keys[i].isRefund, r.keys[i].refunds = true, i%len(r.users)
		}
	}
}

// of returns a transaction's parts.
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

// refund makes a refund. It keeps the request in the form for any transaction.
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

// refundsOf returns what a refund's outcome has and no other does.
func refundsOf(of ledger.TransactionID, places []int) (r refunds) {
	r.of = of
	for i, place := range places {
		r.places[i] = int8(place) + 1
	}
	return r
}

// refunds binds an outcome to an original; other transactions have the zero refunds.
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

// refundable returns a key's entries as refunds see them: posted, or as captured.
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

// refund counts a refund, if its original is there and enough is left for each entry. Otherwise it
// returns the first entry with too little, and how much is left.
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

// refundLimit answers how much is left for an entry; the key stays unused.
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
