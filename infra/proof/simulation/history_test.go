package simulation_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// history is the calls' effects on the accounts, as events within times.
type history struct {
	rows       map[int]ledger.Transaction // first rows at the end, by key
	ends       map[int]ledger.Transaction // their holds' ends, by key
	ruled      map[int]ledger.Transaction // rule changes, by number
	reportsAll bool                       // DynamoDB has reported all failed conditions
	punctual   bool                       // every request came at once, and clocks differ by less than the grace

	originals []ledger.TransactionID // by key

	outcomes []outcome // by number, the zero outcome first
	endings  []ending  // the same
	rulings  []ruling  // the same
	declines int
	events   []porcupine.Operation
}

// forEver ends the time for an event that may happen at any later time.
const forEver = time.Duration(math.MaxInt64)

// linearizable reports whether one order of all calls' events, each within its time, explains all
// answers and the rows at the end.
func (h *history) linearizable(t *testing.T, users []user, calls []*call) bool {
	h.outcomes, h.endings, h.rulings = []outcome{{}}, []ending{{}}, []ruling{{}}
	for _, c := range calls {
		h.add(t, c)
	}
	var opening accounts
	for i, u := range users {
		opening.balances[i] = u.opening
	}
	return porcupine.CheckOperations(porcupine.Model{
		Init: func() any { return opening },
		Step: func(state, input, _ any) (bool, any) {
			after, ok := input.(event)(state.(accounts))
			return ok, after
		},
	}, h.events)
}

// number returns a value's number, and adds the value if it is new.
func number[T comparable](all *[]T, one T) uint8 {
	n := slices.Index(*all, one)
	if n < 0 {
		n = len(*all)
		*all = append(*all, one)
	}
	return uint8(n)
}

// add adds a call's effect. If its outcome is unknown, the rows at the end show the effect: if it
// wrote a row, it did so at any time after it began; else it never will.
func (h *history) add(t *testing.T, c *call) {
	switch {
	case c.ends():
		h.addEnd(t, c)
		return
	case c.asks == toRules:
		h.addRules(t, c)
		return
	}
	if c.unknown() {
		if row, ok := h.rows[c.key]; ok && c.posts() && c.wrote(row) {
			h.wrote(t, c, outcomeOf(row), forEver)
		}
		return
	}
	if result, ok := c.answer(); ok {
		h.addAnswer(t, c, result)
		return
	}
	differs, limit := (*ledger.KeyReusedError)(nil), (*ledger.RefundLimitError)(nil)
	asked := askedOf(c.request)
	asked.refunds = c.askedRefund()
	switch {
	case errors.As(c.err, &differs):
		h.within(c, h.reused(c.key, asked, *differs), c.ended)
	case errors.As(c.err, &limit):
		h.within(c, h.refundLimit(c.key, asked, limit.Entry, cents(limit.Refundable)), c.ended)
	case errors.Is(c.err, ledger.ErrNotRefundable):
		h.within(c, h.notRefundable(c.refunded), c.ended)
	case errors.Is(c.err, ledger.ErrNotFound) && c.asks == toRefund:
		h.within(c, replay(c.refunded, 0), c.ended)
	case errors.Is(c.err, ledger.ErrNotFound) && c.asks == toEntry:
		h.within(c, h.row(c.key, c.place, entry{}, 0), c.ended)
	case errors.Is(c.err, ledger.ErrNotFound):
		h.within(c, replay(c.key, 0), c.ended)
	default:
		require.NoError(t, c.err, "a defect: %v", c)
		has := rules{c.funds.DebitsBlocked, c.funds.CreditsBlocked, cents(c.funds.CreditLimit), c.funds.Changes}
		h.within(c, h.funds(c.user, cents(c.funds.Balance), cents(c.funds.Held), has, c.now()), c.ended)
	}
}

// addAnswer adds a call whose answer is a row.
func (h *history) addAnswer(t *testing.T, c *call, result ledger.Result) {
	row := result.Transaction
	if c.asks == toEntry {
		answered := entry{userOf(row.UserID), row.Type, cents(row.Amount)}
		h.within(c, h.row(c.key, c.place, answered, row.CreatedAt.UnixMilli()), c.ended)
		return
	}
	o := outcomeOf(row)
	if c.asks == toTransaction && o.lasts != 0 && o.status != ledger.Declined {
		h.addLookup(c, row, o)
		return
	}
	if c.posts() {
		assert.Equal(t, c.askedRefund(), o.refunds, "of another original: %v", c)
		assert.Equal(t, c.request, infratest.RequestOf(row), "another transaction's outcome: %v", c)
		assert.Equal(t, o.status != ledger.Declined, c.err == nil, "an outcome answered as another: %v", c)
		assert.True(t, c.wrote(row) || result.Replayed, "the outcome of another call, not marked as a replay: %v", c)
	}
	if c.posts() && c.wrote(row) {
		h.wrote(t, c, o, c.ended)
		return
	}
	h.within(c, replay(c.key, number(&h.outcomes, o)), c.ended)
}

// addLookup adds a lookup that finds a pending transaction, which may have ended.
func (h *history) addLookup(c *call, row ledger.Transaction, o outcome) {
	o.status = ledger.Pending
	now, captured := int64(0), int64(0) // no clock is read if there is an end
	if len(c.readings) > 0 {
		now = c.now()
	}
	if row.Status == ledger.Posted {
		captured = cents(row.Captured)
	}
	h.within(c, h.stands(c.key, number(&h.outcomes, o), row.Status, captured, now), c.ended)
}

// wrote adds the events for a call that wrote the outcome.
func (h *history) wrote(t *testing.T, c *call, o outcome, ended time.Duration) {
	if o.status != ledger.Declined {
		h.within(c, h.posted(c.key, o, number(&h.outcomes, o), h.released(c)), ended)
		return
	}
	require.Less(t, h.declines, 64, "a bit for each decline")
	bit := uint64(1) << h.declines
	h.declines++
	// A call that was refused twice has tried to release holds, and may then have read only their
	// users' balances. A call reads its clock when it begins and at each refusal.
	allReported := h.reportsAll && len(c.readings) == c.read+2
	h.within(c, h.fallShort(o, bit, allReported, c.now()), c.ended)
	h.within(c, decline(c.key, number(&h.outcomes, o), bit), ended)
}

// released returns a call's releases.
func (h *history) released(c *call) (all []release) {
	for _, key := range slices.Sorted(maps.Keys(h.ends)) {
		if end := h.ends[key]; end.End == ledger.Expiry && c.wrote(end) {
			all = append(all, release{key, number(&h.endings, endingOf(end))})
		}
	}
	return all
}

// addEnd adds a call to end a hold.
func (h *history) addEnd(t *testing.T, c *call) {
	if end, ok := h.ends[c.key]; ok && c.wrote(end) {
		until := c.ended
		if c.unknown() {
			until = forEver
		}
		h.within(c, h.ended(c.key, number(&h.endings, endingOf(end))), until)
	}
	if !c.unknown() {
		h.within(c, h.endAnswer(t, c), c.ended)
	}
}

// endAnswer returns the event for the answer to an end.
func (h *history) endAnswer(t *testing.T, c *call) event {
	asked := cents(c.captures)
	other, receiver := (*ledger.HoldEndedError)(nil), (*ledger.ReceiverError)(nil)
	switch {
	case errors.As(c.err, &other):
		return hasEnded(c.key, number(&h.endings, endingOf(other.End)))
	case errors.Is(c.err, ledger.ErrAccountBlocked):
		return h.receiverBlocked(c.key)
	case errors.As(c.err, &receiver):
		return h.receiverFull(c.key, asked, cents(receiver.Balance), c.now())
	case errors.Is(c.err, ledger.ErrNotFound):
		return replay(c.key, 0)
	case errors.Is(c.err, ledger.ErrNotPending):
		return h.notPending(c.key)
	case errors.Is(c.err, ledger.ErrInvalid):
		return h.heldLess(c.key, asked)
	}
	require.NoError(t, c.err, "a defect: %v", c)
	row := c.result.Transaction
	end, ok := h.ends[c.key]
	assert.True(t, ok && c.wrote(end) || c.result.Replayed, "the end of another call, not marked as a replay: %v", c)
	status, captured := ledger.Voided, int64(0)
	if c.asks == toCapture {
		status, captured = ledger.Posted, cents(row.Captured)
		assert.True(t, asked == 0 && row.Captured.Equal(row.Amount) || asked == captured, "another sum is captured: %v", c)
	}
	assert.Equal(t, status, row.Status, "another end: %v", c)
	o := outcomeOf(row)
	o.status = ledger.Pending
	return h.stands(c.key, number(&h.outcomes, o), status, captured, 0)
}

// within adds an event that happens between a call's beginning and ended.
func (h *history) within(c *call, e event, ended time.Duration) {
	h.events = append(h.events, porcupine.Operation{ClientId: c.caller, Input: e, Call: int64(c.began), Return: int64(ended)})
}
