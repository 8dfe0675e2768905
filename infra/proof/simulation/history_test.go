package simulation_test

import (
	"errors"
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

// history is what calls did to the accounts, as events within times.
type history struct {
	rows       map[int]ledger.Transaction // first rows at the end, by key
	reportsAll bool                       // DynamoDB has reported all conditions that failed

	outcomes []outcome // by number, the zero outcome first
	declines int
	events   []porcupine.Operation
}

// forEver is the end of what may happen at any later time.
const forEver = time.Duration(math.MaxInt64)

// linearizable tells whether one order of the events of all calls, each within
// its time, explains all that the callers were told and the rows at the end.
func (h *history) linearizable(t *testing.T, users []user, calls []*call) bool {
	h.outcomes = []outcome{{}}
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

// number returns the number of an outcome.
func (h *history) number(o outcome) uint8 {
	n := slices.Index(h.outcomes, o)
	if n < 0 {
		n = len(h.outcomes)
		h.outcomes = append(h.outcomes, o)
	}
	return uint8(n)
}

// add adds what a call did. What a call did whose caller has not heard is in the
// rows at the end: if one is there that the call wrote, it was written at any
// time after the call began; if not, it never was and never will be.
func (h *history) add(t *testing.T, c *call) {
	if c.unknown() {
		if row, is := h.rows[c.key]; is && c.asks == toPost && row.CreatedAt.Equal(c.stamp()) {
			h.wrote(t, c, outcomeOf(row), forEver)
		}
		return
	}
	if result, is := c.told(); is {
		h.addTold(t, c, result)
		return
	}
	differs := (*ledger.KeyReusedError)(nil)
	switch {
	case errors.As(c.err, &differs):
		h.within(c, h.reused(c.key, askedOf(c.request), *differs), c.ended)
	case errors.Is(c.err, ledger.ErrNotFound) && c.asks == toEntry:
		h.within(c, h.row(c.key, c.place, entry{}, 0), c.ended)
	case errors.Is(c.err, ledger.ErrNotFound):
		h.within(c, replay(c.key, 0), c.ended)
	default:
		require.NoError(t, c.err, "a defect: %v", c)
		h.within(c, balance(c.user, cents(c.balance)), c.ended)
	}
}

// addTold adds a call that was told of a row.
func (h *history) addTold(t *testing.T, c *call, result ledger.Result) {
	row := result.Transaction
	if c.asks == toEntry {
		told := entry{userOf(row.UserID), row.Type, cents(row.Amount)}
		h.within(c, h.row(c.key, c.place, told, writerOf(row)), c.ended)
		return
	}
	o, mine := outcomeOf(row), row.CreatedAt.Equal(c.stamp())
	if c.asks == toPost {
		assert.Equal(t, c.request, infratest.RequestOf(row), "another transaction's outcome: %v", c)
		assert.Equal(t, o.status == ledger.Posted, c.err == nil, "an outcome told as another: %v", c)
		assert.True(t, mine || result.Replayed, "the outcome of another call, not told as a replay: %v", c)
	}
	if c.asks == toPost && mine {
		h.wrote(t, c, o, c.ended)
		return
	}
	h.within(c, replay(c.key, h.number(o)), c.ended)
}

// wrote adds the events of a call that wrote the outcome.
func (h *history) wrote(t *testing.T, c *call, o outcome, ended time.Duration) {
	if o.status == ledger.Posted {
		h.within(c, posted(c.key, o, h.number(o)), ended)
		return
	}
	require.Less(t, h.declines, 64, "a bit for each decline")
	bit := uint64(1) << h.declines
	h.declines++
	h.within(c, refuse(o, bit, h.reportsAll), c.ended)
	h.within(c, decline(c.key, h.number(o), bit), ended)
}

// within adds an event that happens from the beginning of a call until then.
func (h *history) within(c *call, e event, ended time.Duration) {
	h.events = append(h.events, porcupine.Operation{ClientId: c.caller, Input: e, Call: int64(c.began), Return: int64(ended)})
}
