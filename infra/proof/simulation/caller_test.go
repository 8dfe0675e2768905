package simulation_test

import (
	"context"
	"math/rand/v2"
	"time"

	"onewrite/ledger"
)

// caller makes one call after another.
type caller struct {
	run    *run
	number int
	chance *rand.Rand
	ledger *ledger.Ledger
	ahead  time.Duration // how far this caller's clock is ahead
	read   time.Time     // the latest time that now returned
	calls  []*call
	pages  []ledger.Page
}

func newCaller(r *run, number int, chance *rand.Rand, store ledger.Store) *caller {
	c := &caller{run: r, number: number, chance: chance}
	c.ledger = ledger.New(store, c.now)
	return c
}

// now reads the caller's clock. No two reads in a run return the same time, so a row's time shows
// which call wrote it.
func (c *caller) now() time.Time {
	const step = 8 * time.Millisecond // each caller has a millisecond of its own in every step
	since := (time.Since(c.run.began) + c.ahead).Truncate(step)
	now := epoch.Add(since + time.Duration(c.number+1)*time.Millisecond)
	if soonest := c.read.Add(step); now.Before(soonest) {
		now = soonest
	}
	made := c.calls[len(c.calls)-1]
	c.read, made.readings = now, append(made.readings, now)
	return now
}

// live makes callsPerCaller calls, mostly posts. Many repeat a call whose outcome is unknown.
func (c *caller) live(ctx context.Context) {
	for range callsPerCaller {
		time.Sleep(c.below(c.run.think))
		if c.run.holds && c.chance.IntN(4) == 0 { // perhaps long enough for holds to expire
			time.Sleep(c.below(c.run.pause))
		}
		patient, cancel := context.WithTimeout(ctx, c.run.patience/4+c.below(c.run.patience))
		next := c.choose()
		if c.chance.IntN(8) == 0 {
			c.callAndKill(patient, next)
		} else if c.chance.IntN(10) == 0 {
			user := c.run.users[next.user].id
			if page, err := c.ledger.History(patient, user, ledger.Cursor{}, 2+c.chance.IntN(3)); err == nil {
				c.pages = append(c.pages, page)
			}
		} else {
			c.call(patient, next)
		}
		cancel()
	}
}

func (c *caller) choose() ask {
	if n := len(c.calls); n > 0 && c.calls[n-1].writes() {
		previous := c.calls[n-1]
		if odds := c.chance.IntN(10); odds < 2 || odds < 8 && previous.unknown() {
			return previous.ask
		}
	}
	transactions := len(c.run.keys)
	if c.run.rules {
		transactions -= mostChanges
		if c.chance.IntN(4) == 0 {
			return ask{question: toRules, key: transactions + c.chance.IntN(mostChanges)}
		}
	}
	next := ask{user: c.chance.IntN(len(c.run.users)), key: c.chance.IntN(transactions)}
	reads := []question{toBalance, toTransaction, toEntry}
	next.question = toPost
	if odds := c.chance.IntN(8); odds < len(reads) {
		next.question = reads[odds]
	}
	if c.run.holds && c.chance.IntN(3) == 0 {
		next.question = []question{toCapture, toCapture, toVoid}[c.chance.IntN(3)]
		for range 3 { // prefer the key of a pending transaction
			if c.run.keys[next.key].uses[0].ExpiresIn == 0 {
				next.key = c.chance.IntN(transactions)
			}
		}
	}
	switch k := c.run.keys[next.key]; {
	case next.question == toPost && k.isRefund:
		next.question, next.parts = toRefund, []string{"", "0 0.01", "0 40"}[c.chance.IntN(3)]
	case c.chance.IntN(8) == 0: // perhaps reuse the key for another request
		next.use = c.chance.IntN(len(k.uses))
	}
	if next.question == toEntry {
		next.place = 1 + c.chance.IntN(mostEntries-1)
	}
	if next.question == toCapture {
		next.sum = []string{"", "60", "40", "0.01"}[c.chance.IntN(4)]
	}
	return next
}

// callAndKill makes a call in a process that is killed at a random moment, unless the call ends
// first. A killed process sends nothing more, and its caller gets no answer.
func (c *caller) callAndKill(ctx context.Context, next ask) {
	ctx, kill := context.WithTimeout(ctx, c.below(c.run.life))
	defer kill()
	made := c.call(ctx, next)
	made.killed = ctx.Err() != nil
}

// again repeats, once each, the writes with an unknown outcome. In a run with holds it repeats all
// writes.
func (c *caller) again(ctx context.Context, calls []*call) {
	made := map[ask]bool{}
	for _, one := range calls {
		if one.writes() && !made[one.ask] && (one.unknown() || c.run.holds) {
			made[one.ask] = true
			c.call(ctx, one.ask)
		}
	}
}

// call makes the call that asked describes, and adds it to c.calls with its answer.
func (c *caller) call(ctx context.Context, asked ask) *call {
	made := &call{ask: asked, caller: c.number, began: time.Since(c.run.began)}
	c.calls = append(c.calls, made)
	k := c.run.keys[asked.key]
	if k.change == nil {
		made.request, made.original = k.uses[asked.use], k.original
	}
	switch id := k.id(); asked.question {
	case toPost:
		made.result, made.err = c.ledger.Post(ctx, made.request)
	case toRefund:
		made.result, made.err = c.refund(ctx, made)
	case toRules:
		made.result, made.err = c.ledger.ChangeRules(ctx, *k.change)
	case toBalance:
		made.funds, made.err = c.ledger.Balance(ctx, c.run.users[asked.user].id)
	case toCapture:
		made.result, made.err = c.ledger.Capture(ctx, ledger.EndRequest{TransactionID: id}, amount(asked.sum))
	case toVoid:
		made.result, made.err = c.ledger.Void(ctx, ledger.EndRequest{TransactionID: id})
	case toTransaction:
		made.result.Transaction, made.err = c.ledger.Transaction(ctx, id)
	case toEntry:
		made.result.Transaction, made.err = c.ledger.Transaction(ctx, id.Entry(asked.place))
	}
	made.ended = time.Since(c.run.began)
	return made
}

func (c *caller) below(most time.Duration) time.Duration {
	return time.Duration(c.chance.Int64N(int64(most)))
}
