package simulation_test

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"onewrite/ledger"
)

// partsOf parses the parts in which o is refunded, such as "0 40,1 40". The empty string means the
// whole transaction. An amount larger than its entry's is reduced to the entry's.
func partsOf(o ledger.Original, text string) (parts []ledger.Part) {
	if text == "" {
		return o.Whole()
	}
	for one := range strings.SplitSeq(text, ",") {
		place, sum, _ := strings.Cut(one, " ")
		i, err := strconv.Atoi(place)
		if err != nil {
			panic(err)
		}
		p := ledger.Part{Entry: i, Amount: amount(sum)}
		if moved := o.Entries[i].Amount; p.Amount.More(moved) {
			p.Amount = moved
		}
		parts = append(parts, p)
	}
	return parts
}

// refund sends the refund described by made. It stores the refund's entries in made.request, where
// other posts have theirs.
func (c *caller) refund(ctx context.Context, made *call) (ledger.Result, error) {
	o, err := c.ledger.Original(ctx, c.run.keys[made.original].id())
	if err != nil {
		return ledger.Result{}, err
	}
	parts := partsOf(o, made.parts)
	r := o.Request(parts)
	r.IdempotencyKey = made.request.IdempotencyKey
	made.request = ledger.Request{IdempotencyKey: r.IdempotencyKey, Entries: r.Entries}
	var places []int
	for _, p := range parts {
		places = append(places, p.Entry)
	}
	made.refunds, made.read = refundsOf(o.ID, places), len(made.readings)
	return c.ledger.Post(ctx, r)
}

// refunds names a refund's original and the refunded entries. It is zero in other outcomes.
type refunds struct {
	of     ledger.TransactionID
	places [mostEntries]int8 // counted from 1; 0 for none
}

func refundsOf(of ledger.TransactionID, places []int) (r refunds) {
	r.of = of
	for i, place := range places {
		r.places[i] = int8(place) + 1
	}
	return r
}

// refundable returns the entries of the key's transaction, with the captured amount after a
// capture. ok is false if the transaction can't be refunded.
func (a *accounts) refundable(key int) (entries []entry, ok bool) {
	o, end := a.keys[key].Value(), a.ends[key].Value()
	entries = slices.Clone(o.all())
	switch {
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

// refund adds the refund o to its original's refunded sums. can is false if the original can't be
// refunded, or an entry has too little left. place is the first such entry, and left is the sum
// that it has left.
func (h *history) refund(a accounts, o outcome) (after accounts, place int, left int64, can bool) {
	key := slices.Index(h.ids, o.refunds.of)
	moved, ok := a.refundable(key)
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

// refundLimit requires that the key is unused, and that the entry at place is the first with too
// little left to refund. The parameter left is the sum that this entry has left.
func (h *history) refundLimit(key int, asked outcome, place int, left int64) event {
	return func(a accounts) (accounts, bool) {
		_, first, has, can := h.refund(a, asked)
		return a, a.keys[key] == unused && !can && first == place && has == left
	}
}

// notRefundable requires that the key's transaction exists and can't be refunded.
func notRefundable(key int) event {
	return func(a accounts) (accounts, bool) {
		_, ok := a.refundable(key)
		return a, a.keys[key] != unused && !ok
	}
}
