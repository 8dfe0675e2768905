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

// run is one history: some callers, who share users and keys, make some calls
// each on a network that fails, and then all is checked.
type run struct {
	books   *infratest.Books
	connect func(caller int, chance *rand.Rand) (ledger.Store, *faults.Wire) // a process on the bad network

	seed uint64
	rich int // one user in so many begins near the ceiling

	// How long callers think, wait for an answer, and live at the most, and
	// how far the index may be behind.
	think, patience, life, lag time.Duration

	reportsAll bool // DynamoDB reports all conditions that fail

	users []user
	keys  []key
	began time.Time
	calls []*call
	pages []ledger.Page
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

// check posts again what nobody has heard the outcome of, reads all there is,
// and holds the history and the books to the promises.
func (r *run) check(t *testing.T) {
	last := newCaller(r, mostCallers, nil, r.books.Store)
	rows := map[int]ledger.Transaction{}
	for _, c := range r.calls {
		if c.asks == toPost && c.unknown() {
			last.call(t.Context(), call{asks: toPost, key: c.key, request: c.request})
		}
		if _, known := rows[c.key]; !known && c.asks == toPost {
			rows[c.key] = last.call(t.Context(), call{asks: toTransaction, key: c.key, request: c.request}).result.Transaction
		}
	}
	for u := range r.users {
		last.call(t.Context(), call{asks: toBalance, user: u})
	}
	r.calls = append(r.calls, last.calls...)
	h := history{rows: rows, reportsAll: r.reportsAll}
	assert.True(t, h.linearizable(t, r.users, r.calls), "no order of the events explains the history")
	stored := allRows(rows)
	r.checkPages(t, stored)
	r.checkIndex(t, stored)
	for _, c := range r.calls {
		if result, ok := c.told(); ok {
			r.books.Answered = append(r.books.Answered, result.Transaction)
		}
	}
}

// allRows returns the rows of all entries of transactions whose first rows are
// given.
func allRows(firsts map[int]ledger.Transaction) map[ledger.TransactionID]ledger.Transaction {
	stored := map[ledger.TransactionID]ledger.Transaction{}
	for _, first := range firsts {
		stored[first.ID] = first
		if first.Status == ledger.Declined {
			continue
		}
		for i, e := range first.AllEntries()[1:] {
			id := first.ID.Entry(i + 1)
			stored[id] = ledger.Transaction{
				ID: id, UserID: e.UserID, Type: e.Type, Amount: e.Amount, Status: ledger.Posted,
				CreatedAt: first.CreatedAt, TransactionID: first.ID,
			}
		}
	}
	return stored
}

// checkPages holds what the history told to the rows: it may have been behind,
// and it is newest first, each row once and as it is stored.
func (r *run) checkPages(t *testing.T, stored map[ledger.TransactionID]ledger.Transaction) {
	for _, page := range r.pages {
		seen := map[ledger.TransactionID]bool{}
		for i, row := range page.Transactions {
			assert.False(t, seen[row.ID], "twice in %v", page)
			seen[row.ID] = true
			assert.False(t, i > 0 && row.CreatedAt.After(page.Transactions[i-1].CreatedAt), "not newest first: %v", page)
			if row.CreatedAt.After(epoch) { // not of infratest.Fill
				assert.Equal(t, stored[row.ID], row, "the row of a page")
			}
		}
	}
}

// checkIndex finds exactly the rows in the index, once it is no longer behind.
func (r *run) checkIndex(t *testing.T, stored map[ledger.TransactionID]ledger.Transaction) {
	time.Sleep(r.lag)
	indexed := map[ledger.TransactionID]ledger.Transaction{}
	for _, user := range r.users {
		page, err := r.books.Ledger.History(t.Context(), user.id, ledger.Cursor{}, ledger.MaxPage)
		require.NoError(t, err)
		for _, row := range page.Transactions {
			if row.CreatedAt.After(epoch) { // not of infratest.Fill
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

// order returns the history without its times: who was answered what after whom.
func (r *run) order() string {
	calls := slices.SortedFunc(slices.Values(r.calls), func(a, b *call) int { return cmp.Compare(a.ended, b.ended) })
	var text strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&text, "%d %s %d %d %d %s\n", c.caller, c.asks, c.user, c.key, c.place, kind(c))
	}
	return text.String()
}

// caller makes one call after the other.
type caller struct {
	run    *run
	number int
	chance *rand.Rand
	ledger *ledger.Ledger
	calls  []*call
	pages  []ledger.Page
}

func newCaller(r *run, number int, chance *rand.Rand, store ledger.Store) *caller {
	c := &caller{run: r, number: number, chance: chance}
	c.ledger = ledger.New(store, func() time.Time { return c.calls[len(c.calls)-1].stamp() })
	return c
}

// live makes a caller's calls: mostly posts, of which many are an earlier one
// again, and mostly so if that one's outcome is unknown.
func (c *caller) live(ctx context.Context) {
	for range callsPerCaller {
		time.Sleep(c.below(c.run.think))
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
	if n := len(c.calls); n > 0 && c.calls[n-1].asks == toPost {
		previous := c.calls[n-1]
		if odds := c.chance.IntN(10); odds < 2 || odds < 8 && previous.unknown() {
			return call{asks: toPost, key: previous.key, request: previous.request}
		}
	}
	k := c.chance.IntN(len(c.run.keys))
	next := call{user: c.chance.IntN(len(c.run.users)), key: k, request: c.run.keys[k].usual}
	if others := c.run.keys[k].others; c.chance.IntN(8) == 0 { // perhaps not what the others use the key for
		next.request = others[c.chance.IntN(len(others))]
	}
	next.asks = []question{toPost, toPost, toPost, toPost, toPost, toBalance, toTransaction, toEntry}[c.chance.IntN(8)]
	if next.asks == toEntry {
		next.place = 1 + c.chance.IntN(mostEntries-1)
	}
	return next
}

// mortal makes a call whose process is killed at a moment of the call's life:
// from then on it sends nothing, and nobody hears its answer.
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
	case toBalance:
		var funds ledger.Funds
		funds, made.err = c.ledger.Balance(ctx, c.run.users[made.user].id)
		made.balance = funds.Balance
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
