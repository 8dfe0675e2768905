package simulation_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// history holds the events of all calls, each with the interval in which it may have happened.
type history struct {
	ids        []ledger.TransactionID     // by key
	rows       map[int]ledger.Transaction // the stored first rows, by key
	ends       map[int]ledger.Transaction // the stored ends of holds, by the hold's key
	reportsAll bool                       // DynamoDB reports all failed conditions
	punctual   bool                       // no request was late, and clocks differ by less than the grace period of one second

	declines int
	events   []porcupine.Operation
	wrong    []error
}

// forEver ends the interval for an event that can happen at any later time.
const forEver = time.Duration(math.MaxInt64)

// explain searches for an order of all events, each within its interval, that explains all answers
// and the final rows. It returns nil if it finds one. In real time, it gives up after a minute.
func (h history) explain(users []user, calls []*call) error {
	for _, c := range calls {
		h.add(c)
	}
	if h.wrong != nil {
		return errors.Join(h.wrong...)
	}
	found := porcupine.CheckOperationsTimeout(porcupine.Model{
		Init: func() any { return newAccounts(users) },
		Step: func(state, input, _ any) (bool, any) {
			after, ok := input.(event)(state.(accounts))
			return ok, after
		},
	}, h.events, time.Minute)
	if found != porcupine.Ok {
		return errors.New("no order of the events explains the history")
	}
	return nil
}

// Unless the parameter fine is true, expect records a problem with c's answer, for explain.
func (h *history) expect(fine bool, c *call, problem string) {
	if !fine {
		h.wrong = append(h.wrong, fmt.Errorf("%s: %v", problem, c))
	}
}

// add adds c's events. If c's outcome is unknown, the final rows show whether c wrote any of them,
// at any time after it began.
func (h *history) add(c *call) {
	until := c.ended
	if c.unknown() {
		until = forEver
	}
	if end, ok := h.ends[c.key]; ok && c.ends() && c.wrote(end) {
		h.within(c, h.ended(c.key, endingOf(end), 0), until)
	}
	if c.usesKey() {
		h.addWrite(c, until)
	}
	if result, ok := c.answer(); ok {
		h.addAnswer(c, result)
	} else if !c.unknown() {
		h.within(c, h.withoutRow(c), c.ended)
	}
}

// addWrite adds the events for any rows that c wrote: its key's row, and the ends that release
// expired holds. The parameter until is the latest time at which c can have written them.
func (h *history) addWrite(c *call, until time.Duration) {
	released := h.released(c)
	if c.question == toRules { // a rule change releases holds in separate writes
		for _, r := range released {
			h.within(c, h.ended(r.key, r.ending, grace), until)
		}
	}
	stored, ok := h.rows[c.key]
	if !ok || !c.wrote(stored) {
		return
	}
	o := outcomeOf(stored)
	switch {
	case o.status == ledger.Declined:
		bit := uint64(1) << h.declines
		h.declines++
		h.within(c, h.declining(c, o, bit), c.ended)
		h.within(c, decline(c.key, o, bit), until)
	case c.question == toRules:
		h.within(c, changed(c.key, o), until)
	default:
		h.within(c, h.posted(c.key, o, released), until)
	}
}

// declining returns the first of a decline's two events: an account does not allow c's request.
func (h *history) declining(c *call, o outcome, bit uint64) event {
	if c.question == toRules {
		return h.inUse(o, bit, c.now())
	}
	// A call reads its clock when it begins and after each refusal by the store, so two readings
	// mean that it was refused once. A second attempt may also try to release holds, and its
	// refusal may report only the users of those holds.
	allReported := h.reportsAll && len(c.readings) == c.read+2
	return h.decideDecline(o, bit, allReported, c.now())
}

func (h *history) released(c *call) (all []release) {
	for _, key := range slices.Sorted(maps.Keys(h.ends)) {
		if end := h.ends[key]; end.End == ledger.Expiry && c.wrote(end) {
			all = append(all, release{key, endingOf(end)})
		}
	}
	return all
}

// addAnswer adds the event for an answer that contains a transaction.
func (h *history) addAnswer(c *call, result ledger.Result) {
	answered := result.Transaction
	switch {
	case c.question == toEntry:
		e := entry{userOf(answered.UserID), answered.Type, cents(answered.Amount)}
		h.within(c, row(c.key, c.place, e, answered.CreatedAt.UnixMilli()), c.ended)
		return
	case c.ends():
		h.addEnded(c, result)
		return
	case c.usesKey():
		h.checkOutcome(c, result)
	}
	o := outcomeOf(answered)
	if c.question == toTransaction && o.lasts != 0 && o.status != ledger.Declined {
		h.within(c, h.answersStatus(c, answered, c.now()), c.ended)
		return
	}
	if written := h.rows[c.key]; c.wrote(answered) && reflect.DeepEqual(answered, written) {
		return // addWrite has already added the event
	}
	h.within(c, replay(c.key, o), c.ended)
}

// checkOutcome checks the answer to a post, a refund or a rule change against the request in c.
func (h *history) checkOutcome(c *call, result ledger.Result) {
	answered := result.Transaction
	if c.question != toRules {
		h.expect(refundsOf(answered.RefundOf, answered.RefundPlaces) == c.refunds, c, "refund of another original")
		h.expect(reflect.DeepEqual(c.request, infratest.RequestOf(answered)), c, "outcome of another transaction")
	}
	h.expect((answered.Status == ledger.Declined) == (c.err != nil), c, "an outcome returned as another")
	h.expect(c.wrote(answered) || result.Replayed, c, "the outcome of another call, not marked as a replay")
}

// addEnded adds the event for a capture or void that succeeded, or was replayed.
func (h *history) addEnded(c *call, result ledger.Result) {
	answered := result.Transaction
	end, ok := h.ends[c.key]
	h.expect(ok && c.wrote(end) || result.Replayed, c, "the end of another call, not marked as a replay")
	status := ledger.Voided
	if c.question == toCapture {
		status = ledger.Posted
		asked := amount(cmp.Or(c.sum, answered.Amount.String()))
		h.expect(asked.Equal(answered.Captured), c, "a wrong captured amount")
	}
	h.expect(answered.Status == status, c, "a wrong end")
	h.within(c, h.answersStatus(c, answered, 0), c.ended)
}

// answersStatus returns the event for an answer that contains a hold's current status. The
// parameter now is the time that decides whether the hold counts as expired.
func (h *history) answersStatus(c *call, answered ledger.Transaction, now int64) event {
	o := outcomeOf(answered)
	o.status = ledger.Pending
	return h.hasStatus(c.key, o, answered.Status, cents(answered.Captured), now)
}

// withoutRow returns the event for an answer without a transaction: an error or a balance.
func (h *history) withoutRow(c *call) event {
	if c.ends() {
		return h.endRefused(c)
	}
	differs, isReused := errors.AsType[*ledger.KeyReusedError](c.err)
	limit, isLimit := errors.AsType[*ledger.RefundLimitError](c.err)
	switch notFound := errors.Is(c.err, ledger.ErrNotFound); {
	case isReused:
		return reused(c.key, c.asked(), *differs)
	case isLimit:
		return h.refundLimit(c.key, c.asked(), limit.Entry, cents(limit.Refundable))
	case errors.Is(c.err, ledger.ErrNotRefundable):
		return notRefundable(c.original)
	case notFound && c.question == toRefund:
		return replay(c.original, outcome{})
	case notFound && c.question == toEntry:
		return row(c.key, c.place, entry{}, 0)
	case notFound && c.question == toTransaction:
		return replay(c.key, outcome{})
	}
	h.expect(c.err == nil, c, "a defect")
	has := rules{c.funds.DebitsBlocked, c.funds.CreditsBlocked, cents(c.funds.CreditLimit), c.funds.Changes}
	return h.funds(c.user, cents(c.funds.Balance), cents(c.funds.Held), has, c.now())
}

// endRefused returns the event for a capture or void that returned an error.
func (h *history) endRefused(c *call) event {
	other, isOther := errors.AsType[*ledger.HoldEndedError](c.err)
	receiver, isReceiver := errors.AsType[*ledger.ReceiverError](c.err)
	switch asked := cents(amount(c.sum)); {
	case isOther:
		return hasEnded(c.key, endingOf(other.End))
	case errors.Is(c.err, ledger.ErrAccountBlocked):
		return receiverBlocked(c.key)
	case isReceiver:
		return h.receiverFull(c.key, asked, cents(receiver.Balance), c.now())
	case errors.Is(c.err, ledger.ErrNotFound):
		return replay(c.key, outcome{})
	case errors.Is(c.err, ledger.ErrNotPending):
		return notPending(c.key)
	case errors.Is(c.err, ledger.ErrInvalid):
		return heldLess(c.key, asked)
	}
	h.expect(false, c, "a defect")
	return nil
}

// within adds the event e, which happened after c began and no later than the time in ended.
func (h *history) within(c *call, e event, ended time.Duration) {
	h.events = append(h.events, porcupine.Operation{
		ClientId: c.caller, Input: e, Call: int64(c.began), Return: int64(ended),
	})
}
