package simulation_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// run is one history: some callers, who share users and keys, make some calls each on a network
// that fails, and then all is checked.
type run struct {
	books   *infratest.Books
	connect func(caller int, chance *rand.Rand) (ledger.Store, *faults.Wire) // a process on the bad network

	seed uint64
	rich int // one user in so many begins near the ceiling

	// How long callers think, pause, wait for an answer, and live at most, and how far the index
	// may lag.
	think, pause, patience, life, lag time.Duration

	reportsAll bool // DynamoDB reports all failed conditions

	rules    bool          // rules change
	refunds  bool          // some transactions are refunded
	holds    bool          // some transactions are pending at first
	apart    time.Duration // how far clocks differ
	punctual bool          // every request comes at once

	users []user
	keys  []key
	ruled []ledger.RulesRequest
	began time.Time
	calls []*call
	pages []ledger.Page
	ends  map[int]ledger.Transaction // the holds' ends, by key
}

const (
	mostCallers    = 5
	callsPerCaller = 5
)

// play makes the history and checks it.
func (r *run) play(t *testing.T) {
	chance := rand.New(rand.NewPCG(r.seed, 0))
	r.plan(t, chance)
	callers := make([]*caller, 2+chance.IntN(mostCallers-1))
	var wires []*faults.Wire
	r.began = time.Now()
	var all sync.WaitGroup
	for i := range callers {
		own := rand.New(rand.NewPCG(r.seed, uint64(i)+1))
		store, wire := r.connect(i, own)
		callers[i] = newCaller(r, i, own, store)
		if r.apart > 0 {
			callers[i].ahead = callers[i].below(r.apart)
		}
		wires = append(wires, wire)
		all.Go(func() { callers[i].live(t.Context()) })
	}
	all.Wait()
	for _, wire := range wires {
		wire.Settle()
	}
	for _, c := range callers {
		r.calls = append(r.calls, c.calls...)
		r.pages = append(r.pages, c.pages...)
	}
	r.check(t)
}

// check makes calls again, reads all rows, and holds the history and the books to the promises.
func (r *run) check(t *testing.T) {
	last := newCaller(r, mostCallers, nil, r.books.Store)
	last.again(t.Context(), r.calls)
	h := history{
		rows: map[int]ledger.Transaction{}, ends: map[int]ledger.Transaction{}, ruled: map[int]ledger.Transaction{},
		reportsAll: r.reportsAll, punctual: r.punctual,
	}
	for _, k := range r.keys {
		h.originals = append(h.originals, k.usual.TransactionID())
	}
	for key, k := range r.keys {
		if !slices.ContainsFunc(r.calls, func(c *call) bool { return c.posts() && c.key == key }) {
			continue
		}
		lookup := last.call(t.Context(), call{asks: toTransaction, key: key, request: k.usual})
		id, row := k.usual.TransactionID(), lookup.result.Transaction
		switch {
		case lookup.err != nil: // it is not there
		case row.ExpiresAt.IsZero():
			h.rows[key] = row
		default: // with its present status, which is not stored
			r.read(t, h.rows, key, id)
			r.read(t, h.ends, key, id.End())
		}
	}
	for i, request := range r.ruled {
		r.read(t, h.ruled, i, request.TransactionID())
	}
	r.ends = h.ends
	for u := range r.users {
		last.call(t.Context(), call{asks: toBalance, user: u})
	}
	r.calls = append(r.calls, last.calls...)
	assert.True(t, h.linearizable(t, r.users, r.calls), "no order of the events explains the history")
	stored := h.allRows()
	r.checkPages(t, stored)
	r.checkIndex(t, stored)
	for _, c := range r.calls {
		if result, ok := c.answer(); ok && !c.ends() && (c.asks != toTransaction || result.Transaction.ExpiresAt.IsZero()) {
			r.books.Answered = append(r.books.Answered, result.Transaction)
		}
	}
}

// again repeats each call with an unknown outcome, and with holds each write, once.
func (c *caller) again(ctx context.Context, calls []*call) {
	type asked struct {
		asks     question
		key      int
		request  outcome
		captures string
		part     part
		rule     int
	}
	made := map[asked]bool{}
	for _, one := range calls {
		same := asked{one.asks, one.key, askedOf(one.request), one.captures.String(), one.part, one.rule}
		if one.writes() && !made[same] && (one.unknown() || c.run.holds) {
			made[same] = true
			c.call(ctx, call{asks: one.asks, key: one.key, request: one.request, captures: one.captures, part: one.part, rule: one.rule})
		}
	}
}

// read reads a row as it is stored, if it is there.
func (r *run) read(t *testing.T, rows map[int]ledger.Transaction, key int, id ledger.TransactionID) {
	row, err := r.books.Store.Transaction(t.Context(), id)
	if err == nil {
		rows[key] = row
	} else {
		require.ErrorIs(t, err, ledger.ErrNotFound)
	}
}

// allRows returns all rows that belong to the first rows and the ends.
func (h *history) allRows() map[ledger.TransactionID]ledger.Transaction {
	stored := map[ledger.TransactionID]ledger.Transaction{}
	for key, first := range h.rows {
		stored[first.ID] = first
		entries := first.AllEntries()
		created := first.CreatedAt
		if end, ok := h.ends[key]; ok {
			stored[end.ID] = end
			entries = slices.Clone(entries)
			entries[len(entries)-1].Amount, created = end.Amount, end.CreatedAt
		}
		if first.Status != ledger.Posted && h.ends[key].End != ledger.Capture {
			continue
		}
		for i, e := range entries[1:] {
			id := first.ID.Entry(i + 1)
			stored[id] = ledger.Transaction{
				ID: id, UserID: e.UserID, Type: e.Type, Amount: e.Amount, Status: ledger.Posted,
				CreatedAt: created, TransactionID: first.ID, RefundOf: first.RefundOf,
			}
		}
	}
	return stored
}

// checkPages compares the answered history with the rows. It may lag, and has each row once, newest
// first, as stored.
func (r *run) checkPages(t *testing.T, stored map[ledger.TransactionID]ledger.Transaction) {
	for _, page := range r.pages {
		seen := map[ledger.TransactionID]bool{}
		for i, row := range page.Transactions {
			assert.False(t, seen[row.ID], "twice in %v", page)
			seen[row.ID] = true
			assert.False(t, i > 0 && row.CreatedAt.After(page.Transactions[i-1].CreatedAt), "not newest first: %v", page)
			if row.CreatedAt.After(epoch) { // not from infratest.Fill
				assert.Equal(t, stored[row.ID], row, "the row of a page")
			}
		}
	}
}

// checkIndex finds exactly the rows in the index, once it no longer lags.
func (r *run) checkIndex(t *testing.T, stored map[ledger.TransactionID]ledger.Transaction) {
	time.Sleep(r.lag)
	indexed := map[ledger.TransactionID]ledger.Transaction{}
	for _, user := range r.users {
		page, err := r.books.Ledger.History(t.Context(), user.id, ledger.Cursor{}, ledger.MaxPage)
		require.NoError(t, err)
		for _, row := range page.Transactions {
			if row.CreatedAt.After(epoch) { // not from infratest.Fill
				indexed[row.ID] = row
			}
		}
	}
	assert.Equal(t, stored, indexed, "the rows in the index")
}

// String returns the history as callers saw it.
func (r *run) String() string {
	var text strings.Builder
	for _, c := range r.calls {
		fmt.Fprintln(&text, c)
	}
	return text.String()
}

// order returns the answers in their order, without times.
func (r *run) order() string {
	calls := slices.SortedFunc(slices.Values(r.calls), func(a, b *call) int { return cmp.Compare(a.ended, b.ended) })
	var text strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&text, "%d %s %d %d %d %s\n", c.caller, c.asks, c.user, c.key, c.place, kind(c))
	}
	return text.String()
}

// caller makes one call after another.
type caller struct {
	run    *run
	number int
	chance *rand.Rand
	ledger *ledger.Ledger
	ahead  time.Duration // how far its clock is
	read   time.Time     // last, from that clock
	calls  []*call
	pages  []ledger.Page
}

func newCaller(r *run, number int, chance *rand.Rand, store ledger.Store) *caller {
	c := &caller{run: r, number: number, chance: chance}
	c.ledger = ledger.New(store, c.now)
	return c
}

// now reads the caller's clock. No two callers ever read the same time, so that every row shows
// which call wrote it.
func (c *caller) now() time.Time {
	const step = 8 * time.Millisecond // more milliseconds than callers
	now := epoch.Add((time.Since(c.run.began) + c.ahead).Truncate(step) + time.Duration(c.number+1)*time.Millisecond)
	if soonest := c.read.Add(step); now.Before(soonest) {
		now = soonest
	}
	made := c.calls[len(c.calls)-1]
	c.read, made.readings = now, append(made.readings, now)
	return now
}

// live makes a caller's calls: mostly posts. Many repeat an earlier one, mostly if that one's
// outcome is unknown.
func (c *caller) live(ctx context.Context) {
	for range callsPerCaller {
		time.Sleep(c.below(c.run.think))
		if c.run.holds && c.chance.IntN(4) == 0 { // until something has expired
			time.Sleep(c.below(c.run.pause))
		}
		patient, cancel := context.WithTimeout(ctx, c.run.patience/4+c.below(c.run.patience))
		next := c.choose()
		if c.chance.IntN(8) == 0 {
			c.mortal(patient, next)
		} else if c.chance.IntN(10) == 0 {
			if page, err := c.ledger.History(patient, c.run.users[next.user].id, ledger.Cursor{}, 2+c.chance.IntN(3)); err == nil {
				c.pages = append(c.pages, page)
			}
		} else {
			c.call(patient, next)
		}
		cancel()
	}
}

func (c *caller) choose() call {
	if n := len(c.calls); n > 0 && c.calls[n-1].writes() {
		previous := c.calls[n-1]
		if odds := c.chance.IntN(10); odds < 2 || odds < 8 && previous.unknown() {
			return call{asks: previous.asks, key: previous.key, request: previous.request, captures: previous.captures, part: previous.part, rule: previous.rule}
		}
	}
	if c.run.rules && c.chance.IntN(4) == 0 {
		return call{asks: toRules, rule: c.chance.IntN(mostRules)}
	}
	k := c.chance.IntN(len(c.run.keys))
	next := call{user: c.chance.IntN(len(c.run.users)), key: k, request: c.run.keys[k].usual}
	if others := c.run.keys[k].others; c.chance.IntN(8) == 0 { // perhaps another request with the key
		next.request = others[c.chance.IntN(len(others))]
	}
	next.asks = []question{toPost, toPost, toPost, toPost, toPost, toBalance, toTransaction, toEntry}[c.chance.IntN(8)]
	if c.run.holds && c.chance.IntN(3) == 0 {
		next.asks = []question{toCapture, toCapture, toVoid}[c.chance.IntN(3)]
		for range 3 { // mostly a pending one's
			if next.request.ExpiresIn == 0 {
				next.key = c.chance.IntN(len(c.run.keys))
				next.request = c.run.keys[next.key].usual
			}
		}
	}
	if k := c.run.keys[next.key]; next.asks == toPost && k.isRefund {
		next.asks, next.request, next.part = toRefund, k.usual, part(c.chance.IntN(int(parts)))
	}
	if next.asks == toEntry {
		next.place = 1 + c.chance.IntN(mostEntries-1)
	}
	if next.asks == toCapture {
		next.captures = captures[c.chance.IntN(len(captures))]
	}
	return next
}

// mortal makes a call whose process is killed at some moment. From then on the process sends
// nothing, and its caller receives no answer.
func (c *caller) mortal(ctx context.Context, next call) {
	ctx, kill := context.WithTimeout(ctx, c.below(c.run.life))
	defer kill()
	made := c.call(ctx, next)
	made.killed = ctx.Err() != nil
}

// call makes a call and keeps it.
func (c *caller) call(ctx context.Context, made call) *call {
	made.caller, made.number = c.number, 1+c.number*1000+len(c.calls)
	c.calls = append(c.calls, &made)
	made.began = time.Since(c.run.began)
	switch made.asks {
	case toPost:
		made.result, made.err = c.ledger.Post(ctx, made.request)
	case toRefund:
		made.refunded = c.run.keys[made.key].refunds
		c.refund(ctx, c.run.keys[made.refunded].usual.TransactionID(), &made)
	case toRules:
		made.result, made.err = c.ledger.ChangeRules(ctx, c.run.ruled[made.rule])
	case toBalance:
		made.funds, made.err = c.ledger.Balance(ctx, c.run.users[made.user].id)
	case toCapture:
		made.result, made.err = c.ledger.Capture(ctx, ledger.EndRequest{TransactionID: made.request.TransactionID()}, made.captures)
	case toVoid:
		made.result, made.err = c.ledger.Void(ctx, ledger.EndRequest{TransactionID: made.request.TransactionID()})
	case toTransaction:
		made.result.Transaction, made.err = c.ledger.Transaction(ctx, made.request.TransactionID())
	case toEntry:
		made.result.Transaction, made.err = c.ledger.Transaction(ctx, made.request.TransactionID().Entry(made.place))
	}
	made.ended = time.Since(c.run.began)
	return &made
}

func (c *caller) below(most time.Duration) time.Duration {
	return time.Duration(c.chance.Int64N(int64(most)))
}
