package simulation_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/ledger"
)

var (
	every = flag.Int("every", 12, "play every `n`-th scenario in TestEveryOrder")
	twoIn = flag.Int("two-faults", 12, "let two faults happen in every `n`-th of those scenarios, if the clocks agree")
)

const (
	// answerWithin is how long a caller waits for an answer. The handler has the same limit.
	answerWithin = 8 * time.Second

	// holdFor is how long every hold lasts. With a clock that is ahead by the value of expired, a
	// caller finds every hold expired.
	holdFor = time.Minute
	expired = holdFor + 2*grace*time.Millisecond
)

// scenario holds the calls of two concurrent callers. The calls in the field before are made
// first. The field clocks has the time by which each caller's clock is ahead.
type scenario struct {
	script  *script
	before  []ask
	callers [2][]ask
	clocks  [2]time.Duration

	settings  ledger.Settings
	twoFaults bool // two faults in a run, if no caller sends more than three requests
}

func (s scenario) String() string { return fmt.Sprintf("%+v by clocks %v later", s.callers, s.clocks) }

// with returns the scenario for tables with this many decimal places and an opening balance of 0.
// The users first receive the default opening balance as a credit.
func (s scenario) with(t *testing.T, places string) scenario {
	s.settings = infratest.Settings(t, "EUR", places, "0")
	s.before = append([]ask{s.script.opening}, s.before...)
	return s
}

// script collects scenarios, and the keys that they use.
type script struct {
	t         *testing.T
	keys      []key
	opening   ask
	order     ask // a payment on hold
	scenarios []scenario
}

func newScript(t *testing.T) *script {
	s := &script{t: t}
	s.opening = s.posts("opening", "alice credit 100", "bob credit 100", "shop credit 100")
	s.order = s.holds("order", "alice debit 60", "shop credit 60")
	return s
}

var people = strings.NewReplacer("alice", nameOf(0), "bob", nameOf(1), "shop", nameOf(2))

func (s *script) request(name string, entries ...string) ledger.Request {
	for i := range entries {
		entries[i] = people.Replace(entries[i])
	}
	return infratest.Entries(s.t, name, entries...)
}

func (s *script) use(question question, k key) ask {
	s.keys = append(s.keys, k)
	return ask{question: question, key: len(s.keys) - 1}
}

func (s *script) posts(name string, entries ...string) ask {
	return s.use(toPost, key{uses: []ledger.Request{s.request(name, entries...)}})
}

func (s *script) holds(name string, entries ...string) ask {
	r := s.request(name, entries...)
	r.ExpiresIn = holdFor
	return s.use(toPost, key{uses: []ledger.Request{r}})
}

func (s *script) changes(user, name string, rules ...string) ask {
	r := infratest.Rules(s.t, people.Replace(user), name, rules...)
	return s.use(toRules, key{change: &r})
}

// refunds returns the call that refunds a payment by alice, with name as its key.
func (s *script) refunds(of ask, name, parts string) ask {
	r := s.request(name, "alice credit 0.01")
	a := s.use(toRefund, key{uses: []ledger.Request{r}, isRefund: true, original: of.key})
	a.parts = parts
	return a
}

func (s *script) captures(sum string) ask {
	return ask{question: toCapture, key: s.order.key, sum: sum}
}

func (s *script) voids() ask { return ask{question: toVoid, key: s.order.key} }

func (s *script) add(before ask, a, b []ask, clocks ...time.Duration) {
	added := scenario{script: s, before: []ask{before}, callers: [2][]ask{a, b}, settings: ledger.DefaultSettings()}
	copy(added.clocks[:], clocks)
	s.scenarios = append(s.scenarios, added)
}

// TestEveryOrder plays scenarios with their requests in every order. Most scenarios have two
// calls, and some have three.
func TestEveryOrder(t *testing.T) {
	t.Parallel()
	scenarios := append(append(pairs(t), refunded(t)...), ruled(t)...)
	var runs atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for i := range 2 { // two scenarios at a time
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for n := i * *every; n < len(scenarios); n += 2 * *every {
					s := scenarios[n]
					s.twoFaults = s.clocks == [2]time.Duration{} && n / *every % *twoIn == 0
					if n / *every % 3 == 2 {
						s = s.with(t, []string{"0", "8"}[n / *every % 2])
					}
					synctest.Test(t, func(t *testing.T) { runs.Add(s.playAll(t)) })
				}
			})
		}
	})
	t.Logf("%d of %d scenarios, %d runs", (len(scenarios)-1) / *every + 1, len(scenarios), runs.Load())
	assert.Greater(t, runs.Load(), int64(1000))
}

// pairs returns scenarios for all pairs of posts, captures and voids, and for two calls concurrent
// with a void. Pairs that use s.order are also played with one or both clocks past its expiry.
func pairs(t *testing.T) []scenario {
	s := newScript(t)
	all := []ask{
		s.posts("credit", "alice credit 50"),
		s.posts("debit", "alice debit 30"),
		s.posts("debit all", "alice debit 100"),
	}
	another := all[2]
	another.use = 1
	s.keys[another.key].uses = append(s.keys[another.key].uses, s.request("debit all", "alice debit 99"))
	all = append(all, another,
		s.posts("pay", "alice debit 100", "bob credit 99", "shop credit 1"),
		s.posts("pay back", "bob debit 120", "alice credit 120"),
		s.holds("another hold", "alice debit 50"),
		s.order, s.captures(""), s.captures("25"), s.voids(),
	)
	for i, a := range all {
		for _, b := range all[i:] {
			s.add(s.order, []ask{a}, []ask{b})
			if a.key == s.order.key || b.key == s.order.key { // the expiry of s.order matters
				s.add(s.order, []ask{a}, []ask{b}, expired, expired)
				s.add(s.order, []ask{a}, []ask{b}, 0, expired)
				s.add(s.order, []ask{a}, []ask{b}, expired, 0)
			}
		}
	}
	for _, c := range all {
		s.add(s.order, []ask{s.captures("20"), c}, []ask{s.voids()})
	}
	return s.scenarios
}

// refunded returns scenarios for two refunds of one sale, for a refund while the shop spends the
// money, and for refunds after a capture.
func refunded(t *testing.T) []scenario {
	s := newScript(t)
	sale := s.posts("sale", "alice debit 60", "shop credit 60")
	whole := s.refunds(sale, "r1", "")
	inParts := whole // another request with the same key
	inParts.parts = "0 40,1 40"
	ofSale := []ask{
		whole, inParts,
		s.refunds(sale, "r2", "0 40,1 40"),
		s.refunds(sale, "r3", "0 20,1 20"),
		s.refunds(sale, "r4", "0 50"),
		s.posts("spend", "shop debit 130"),
	}
	for i, a := range ofSale {
		for _, b := range ofSale[i:] {
			s.add(sale, []ask{a}, []ask{b})
		}
	}
	some := s.refunds(s.order, "r5", "0 20,1 20")
	for _, c := range []ask{s.refunds(s.order, "r6", ""), s.refunds(s.order, "r7", "0 25,1 25"), s.voids()} {
		s.add(s.order, []ask{s.captures("25"), some}, []ask{c})
	}
	return s.scenarios
}

// ruled returns scenarios for pairs of rule changes, debits and holds, and for calls after a
// block.
func ruled(t *testing.T) []scenario {
	s := newScript(t)
	debit, small := s.posts("debit 80", "alice debit 80"), s.posts("debit 10", "alice debit 10")
	hold := s.holds("hold", "alice debit 30")
	block := s.changes("alice", "block", "debits blocked")
	allow := s.changes("alice", "allow", "debits allowed")
	lend := s.changes("alice", "lend 50", "limit 50")
	calls := []ask{block, allow, lend, s.changes("alice", "lend 20", "limit 20"), debit, hold}
	for i, a := range calls {
		for _, b := range calls[i:] {
			s.add(s.order, []ask{a}, []ask{b})
		}
	}
	noCredits := s.changes("shop", "no credits", "credits blocked")
	for _, c := range calls {
		s.add(s.order, []ask{noCredits, s.captures("25")}, []ask{c})
		if c != allow {
			s.add(s.order, []ask{block, small}, []ask{c})
		}
	}
	// Without the expired hold's 60, the balance would not allow a zero limit.
	s.add(s.order, []ask{lend, debit}, []ask{s.changes("alice", "lend no more", "limit 0")}, expired, expired)
	return s.scenarios
}

// playAll plays a scenario's runs, and returns their number. In each run at most one request has a
// fault. If twoFaults is set, up to two requests from one caller have faults, unless a caller
// sends more than three requests when nothing fails.
func (s scenario) playAll(t *testing.T) (runs int64) {
	faults := 1
	if s.twoFaults {
		requests := 0
		for c := new(choices); c != nil; c = c.next() {
			requests = max(requests, s.play(t, c, 0))
		}
		if requests <= 3 {
			faults = 2
		}
	}
	for c := new(choices); c != nil; c = c.next() {
		s.play(t, c, faults)
		if runs++; t.Failed() {
			t.Fatalf("in run %d of %v", runs, s)
		}
	}
	return runs
}

// play plays one run, and returns how many requests the busier caller sent.
func (s scenario) play(t *testing.T, c *choices, faults int) (requests int) {
	books, model := infratest.OpenOnModel(dynamodbmodel.Moment{}, s.settings)
	r := &run{books: books, keys: s.script.keys, holds: true, began: time.Now()}
	for i := range 3 {
		id, err := ledger.ParseUserID(nameOf(i))
		require.NoError(t, err)
		r.users = append(r.users, user{id: id, opening: cents(s.settings.Opening)})
	}
	first := newCaller(r, len(s.callers), nil, books.Store)
	for _, before := range s.before {
		require.NoError(t, first.call(t.Context(), before).err)
	}
	n := &schedule{model: model, choices: c, most: faults}
	callers := []*caller{first}
	for i, asks := range s.callers {
		store := books.Over(n.of(i), infra.WithJitter(func(time.Duration) time.Duration { return 0 }))
		made := newCaller(r, i, nil, store)
		made.ahead = s.clocks[i]
		callers = append(callers, made)
		n.running.Add(1)
		go func() {
			defer n.running.Add(-1)
			for _, one := range asks {
				time.Sleep(tick)
				ctx, cancel := context.WithTimeout(t.Context(), answerWithin)
				made.call(ctx, one)
				cancel()
			}
		}()
	}
	n.play()
	for _, made := range callers {
		r.calls = append(r.calls, made.calls...)
	}
	for _, made := range r.calls {
		assert.False(t, made.unknown() && n.faults == 0, "nothing happened, and the outcome is unknown: %v", made)
	}
	r.finish(t, s.clocks[1])
	assert.NoError(t, r.history.explain(r.users, r.calls))
	if len(c.given) == 0 { // only in the first run
		r.checkLies(t)
	}
	assert.NoError(t, books.Check(t.Context()))
	if t.Failed() {
		t.Logf("%s\n%v", strings.Join(n.log, "\n"), r)
	}
	return max(n.sent[0], n.sent[1])
}
