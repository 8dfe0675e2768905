package simulation_test

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// What a call asks for.
type question string

const (
	toPost        question = "post"
	toBalance     question = "balance"
	toTransaction question = "transaction"
)

// call is one call of one caller, and what it was told.
type call struct {
	number       int // in the run, from 1
	caller       int
	asks         question
	user, key    int
	request      ledger.Request // of user and key
	began, ended time.Duration  // since the run began
	killed       bool           // the process ended before its answer

	result  ledger.Result // of a post, or the transaction that was read
	balance ledger.Balance
	err     error
}

// epoch is before all calls.
var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// stamp returns the time of the transaction that a call makes. It is the call's
// alone, so that every row tells which call wrote it.
func (c *call) stamp() time.Time { return epoch.Add(time.Duration(c.number) * time.Millisecond) }

// unknown tells that the caller has not heard what the call did.
func (c *call) unknown() bool { return c.killed || errors.Is(c.err, ledger.ErrTryAgain) }

// told returns the transaction that the caller heard of: posted or declined, by
// this call or an earlier one.
func (c *call) told() (result ledger.Result, ok bool) {
	declined := (*ledger.DeclinedError)(nil)
	switch {
	case c.killed || c.asks == toBalance:
		return ledger.Result{}, false
	case errors.As(c.err, &declined):
		return declined.Result, true
	}
	return c.result, c.err == nil
}

func (c *call) String() string {
	answer := fmt.Sprint(c.err)
	if result, ok := c.told(); ok {
		answer = fmt.Sprintf("%v, replayed: %t", entryOf(result.Transaction), result.Replayed)
	} else if c.unknown() {
		answer = kind(c) // not the error's text, which the HTTP client chooses by chance
	} else if c.err == nil {
		answer = c.balance.String()
	}
	return fmt.Sprintf("%v-%v caller %d, call %d: %s user %d key %d %s of %v: %s",
		c.began, c.ended, c.caller, c.number, c.asks, c.user, c.key, c.request.Entries[0].Type, c.request.Entries[0].Amount, answer)
}

// cents reads a sum of dollars, without the ledger's arithmetic.
func cents(sum fmt.Stringer) int64 {
	whole, fraction, _ := strings.Cut(sum.String(), ".")
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func entryOf(t ledger.Transaction) entry {
	e := entry{kind: t.Type, amount: cents(t.Amount), status: t.Status, call: int(t.CreatedAt.Sub(epoch) / time.Millisecond)}
	if t.Status == ledger.Declined {
		e.seen = cents(t.BalanceSeen)
	}
	return e
}

// place is a key of a user.
type place struct{ user, key int }

// forEver is the end of what may happen at any later time.
const forEver = time.Duration(math.MaxInt64)

// events returns what a call did to its user's account, each with the time within
// which it was. What a call did whose caller has not heard is in the rows at
// the end: if one is there that the call wrote, it was written at any time
// after the call began; if not, it never was and never will be.
func (c *call) events(t *testing.T, rows map[place]ledger.Transaction, bit uint64) []porcupine.Operation {
	within := func(e event, ended time.Duration) porcupine.Operation {
		return porcupine.Operation{ClientId: c.caller, Input: e, Call: int64(c.began), Return: int64(ended)}
	}
	wrote := func(e entry, ended time.Duration) []porcupine.Operation {
		if e.status == ledger.Posted {
			return []porcupine.Operation{within(post(c.key, e), ended)}
		}
		return []porcupine.Operation{within(disallow(e, bit), c.ended), within(decline(c.key, e, bit), ended)}
	}
	if c.unknown() {
		if row, ok := rows[place{c.user, c.key}]; ok && c.asks == toPost && row.CreatedAt.Equal(c.stamp()) {
			return wrote(entryOf(row), forEver)
		}
		return nil
	}
	if result, ok := c.told(); ok {
		e, mine := entryOf(result.Transaction), result.Transaction.CreatedAt.Equal(c.stamp())
		if c.asks == toPost {
			assert.Equal(t, c.request, infratest.RequestOf(result.Transaction), "another transaction's outcome: %v", c)
			assert.Equal(t, e.status == ledger.Posted, c.err == nil, "an outcome told as another: %v", c)
			assert.True(t, mine || result.Replayed, "the outcome of another call, not told as a replay: %v", c)
		}
		if c.asks == toPost && mine {
			return wrote(e, c.ended)
		}
		return []porcupine.Operation{within(replay(c.key, e), c.ended)}
	}
	differs := (*ledger.KeyReusedError)(nil)
	switch {
	case errors.As(c.err, &differs):
		asked := entry{kind: c.request.Entries[0].Type, amount: cents(c.request.Entries[0].Amount)}
		return []porcupine.Operation{within(reused(c.key, asked, *differs), c.ended)}
	case errors.Is(c.err, ledger.ErrNotFound):
		return []porcupine.Operation{within(replay(c.key, entry{}), c.ended)}
	}
	require.NoError(t, c.err, "a defect: %v", c)
	return []porcupine.Operation{within(balance(cents(c.balance)), c.ended)}
}

// linearizable tells whether one order of the events of a user's calls, each
// within its time, explains all that the callers were told and the rows at
// the end.
func linearizable(t *testing.T, opening int64, calls []*call, rows map[place]ledger.Transaction) bool {
	var history []porcupine.Operation
	for i, c := range calls {
		require.Less(t, i, 64, "a bit for each call")
		history = append(history, c.events(t, rows, 1<<i)...)
	}
	return porcupine.CheckOperations(porcupine.Model{
		Init: func() any { return account{balance: opening} },
		Step: func(state, input, _ any) (bool, any) {
			after, ok := input.(event)(state.(account))
			return ok, after
		},
	}, history)
}
