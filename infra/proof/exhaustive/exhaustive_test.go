package exhaustive_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
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

// patience is how long a caller waits for an answer: as long as the handler.
const patience = 8 * time.Second

// scenario is two callers' calls after some earlier ones. The callers' clocks are that much later.
type scenario struct {
	before  []call
	callers [2][]call
	clocks  [2]time.Duration

	settings  ledger.Settings
	twoFaults bool // if no caller has more than three requests
}

// with returns the scenario in tables where every user opens with nothing and first receives the
// default opening balance as a credit.
func (s scenario) with(t *testing.T, places string) scenario {
	s.settings = infratest.Settings(t, "EUR", places, "0")
	s.before = append([]call{posts(t, "opening", "alice credit 100", "bob credit 100", "shop credit 100")}, s.before...)
	return s
}

func (s scenario) String() string {
	var text strings.Builder
	for i, calls := range s.callers {
		fmt.Fprintf(&text, "%c, %v later:", 'A'+i, s.clocks[i])
		for _, c := range calls {
			fmt.Fprintf(&text, " %s;", c.name)
		}
	}
	return text.String()
}

var (
	every = flag.Int("every", 12, "play every so manieth scenario; 1 is all")
	twoIn = flag.Int("two-faults", 12, "in every so manieth of them let two faults happen, if the clocks agree; 1 is all")
)

// expired is a clock at which the scenarios' holds have expired.
const expired = holdFor + time.Second

// scenarios keep the order in which they are added.
type scenarios []scenario

func (s *scenarios) add(before call, a, b []call, clocks [2]time.Duration) {
	*s = append(*s, scenario{
		before: []call{before}, callers: [2][]call{a, b}, clocks: clocks, settings: ledger.DefaultSettings(),
	})
}

// TestEveryOrder plays all pairs of two callers' calls, and some threes.
func TestEveryOrder(t *testing.T) {
	t.Parallel()
	order := holds(t, "order", "alice debit 60", "shop credit 60")
	all := []call{
		posts(t, "credit", "alice credit 50"),
		posts(t, "debit", "alice debit 30"),
		posts(t, "debit all", "alice debit 100"),
		{name: "debit all, another", post: posts(t, "debit all", "alice debit 99").post},
		posts(t, "pay", "alice debit 100", "bob credit 99", "shop credit 1"),
		posts(t, "pay back", "bob debit 120", "alice credit 120"),
		holds(t, "another hold", "alice debit 50"),
		{name: "order again", post: order.post},
		ends(order, ledger.Capture, ""),
		ends(order, ledger.Capture, "25"),
		ends(order, ledger.Void, ""),
	}
	var scenarios scenarios
	for i, a := range all {
		for _, b := range all[i:] {
			clocks := [][2]time.Duration{{0, 0}}
			if order.concerns(a) || order.concerns(b) { // the time matters
				clocks = append(clocks, [2]time.Duration{expired, expired}, [2]time.Duration{0, expired}, [2]time.Duration{expired, 0})
			}
			for _, c := range clocks {
				scenarios.add(order, []call{a}, []call{b}, c)
			}
		}
	}
	for _, c := range all {
		scenarios.add(order, []call{ends(order, ledger.Capture, "20"), c}, []call{ends(order, ledger.Void, "")}, [2]time.Duration{})
	}
	scenarios.refund(t, order)
	scenarios.changeRules(t, order)
	var runs atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for i := range 2 { // as many at once as there are processors
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
	t.Logf("%d scenarios, %d runs", len(scenarios), runs.Load())
	assert.Greater(t, runs.Load(), int64(1000))
}

// refund adds all pairs of refunds to a sale, beside the shop's spending, and of refunds to an
// order, beside its ends.
func (s *scenarios) refund(t *testing.T, order call) {
	sale := posts(t, "sale", "alice debit 60", "shop credit 60")
	ofSale := []call{
		refunds(sale, "r1"),
		refunds(sale, "r1", "0 40", "1 40"), // another use of the key
		refunds(sale, "r2", "0 40", "1 40"),
		refunds(sale, "r3", "0 20", "1 20"),
		refunds(sale, "r4", "0 50"),
		posts(t, "spend", "shop debit 130"),
	}
	part := ends(order, ledger.Capture, "25")
	ofOrder := []call{refunds(order, "r1"), refunds(order, "r2", "0 25", "1 25"), ends(order, ledger.Void, "")}
	for i, a := range ofSale {
		for _, b := range ofSale[i:] {
			s.add(sale, []call{a}, []call{b}, [2]time.Duration{})
		}
	}
	for _, c := range ofOrder {
		s.add(order, []call{part, refunds(order, "r3", "0 20", "1 20")}, []call{c}, [2]time.Duration{})
	}
}

// changeRules adds all pairs of rule changes and debits, and calls after the answer to a block.
func (s *scenarios) changeRules(t *testing.T, order call) {
	block := changes(t, "alice", "block", "debits blocked")
	allow := changes(t, "alice", "allow", "debits allowed")
	lend := changes(t, "alice", "lend 50", "limit 50")
	debit := posts(t, "debit 80", "alice debit 80")
	calls := []call{block, allow, lend, changes(t, "alice", "lend 20", "limit 20"), debit, holds(t, "hold", "alice debit 30")}
	for i, a := range calls {
		for _, b := range calls[i:] {
			s.add(order, []call{a}, []call{b}, [2]time.Duration{})
		}
	}
	// After the answer to a block, no call posts that it blocks.
	noCredits := changes(t, "shop", "no credits", "credits blocked")
	capture, small := ends(order, ledger.Capture, "25"), posts(t, "debit 10", "alice debit 10")
	capture.after, small.after = ledger.ErrAccountBlocked, ledger.ErrAccountBlocked
	for _, c := range calls {
		s.add(order, []call{noCredits, capture}, []call{c}, [2]time.Duration{})
		if c.change != allow.change {
			s.add(order, []call{block, small}, []call{c}, [2]time.Duration{})
		}
	}
	// The expired hold's money is enough for the lower limit.
	lower := changes(t, "alice", "lend no more", "limit 0")
	lower.never = ledger.ErrCreditInUse
	s.add(order, []call{lend, debit}, []call{lower}, [2]time.Duration{expired, expired})
}

// playAll plays every run of a scenario and returns their number. In each run at most one request
// meets a fault. With twoFaults two requests by a caller do, unless a caller sends more than three
// requests in the run without faults.
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

// play plays one run, and returns the most requests that a caller sent.
func (s scenario) play(t *testing.T, c *choices, faults int) (requests int) {
	books, model := infratest.OpenOnModel(dynamodbmodel.Moment{}, s.settings)
	n := &network{model: model, choices: c, most: faults}
	clock := func(later time.Duration) func() time.Time {
		return func() time.Time { return time.Now().Add(later) }
	}
	for _, before := range s.before {
		require.NoError(t, before.make(t.Context(), t, books.Ledger).err)
	}

	var mu sync.Mutex
	var running atomic.Int64
	heard := make([][]told, len(s.callers))
	for i, calls := range s.callers {
		store := books.Over(n.of(i), infra.WithJitter(func(time.Duration) time.Duration { return 0 }))
		l := ledger.New(store, clock(s.clocks[i]))
		running.Add(1)
		go func() {
			defer running.Add(-1)
			for _, c := range calls {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				answer := c.make(ctx, t, l)
				cancel()
				mu.Lock()
				heard[i] = append(heard[i], answer)
				mu.Unlock()
			}
		}()
	}
	n.play(func() int { return int(running.Load()) })
	n.settle()

	// The same calls receive the same answers, at any time.
	l := ledger.New(books.Store, clock(s.clocks[1]))
	for i, calls := range s.callers {
		for k, c := range calls {
			first, again := heard[i][k], c.make(t.Context(), t, l)
			if c.after != nil && !first.unknown() && !heard[i][k-1].unknown() {
				assert.ErrorIs(t, first.err, c.after, "%v: %s\n%s", s, c.name, strings.Join(n.log, "\n"))
			}
			if c.never != nil {
				assert.NotErrorIs(t, first.err, c.never, "%v: %s\n%s", s, c.name, strings.Join(n.log, "\n"))
			}
			if first.unknown() {
				assert.Positive(t, n.faults, "%v: nothing happened, and the outcome of %s is unknown", s, c.name)
				first, again = again, c.make(t.Context(), t, l)
			}
			if outcome := first.outcome(t); outcome != "" {
				what := fmt.Sprintf("%v: %s\n%s", s, c.name, strings.Join(n.log, "\n"))
				require.Equal(t, outcome, again.outcome(t), what)
				require.True(t, again.err != nil || again.result.Replayed, what)
			}
		}
	}
	require.NoError(t, books.Check(t.Context()), strings.Join(n.log, "\n"))
	return max(n.sent[0], n.sent[1])
}
