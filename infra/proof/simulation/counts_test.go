package simulation_test

import (
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"

	"onewrite/ledger"
)

// counts are figures from many runs. They are safe for concurrent use.
type counts struct {
	mu      sync.Mutex
	runs    int
	answers map[string]int // by kind
	ends    map[string]int // the holds' ends
	mishaps map[string]int
	orders  map[uint64]bool // of events, as the callers saw them
	seed    maphash.Seed
}

func newCounts() *counts {
	return &counts{answers: map[string]int{}, ends: map[string]int{}, mishaps: map[string]int{}, orders: map[uint64]bool{}, seed: maphash.MakeSeed()}
}

func (c *counts) mishap(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mishaps[name]++
}

func (c *counts) run(r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs++
	for _, call := range r.calls {
		c.answers[kind(call)]++
	}
	for _, end := range r.ends {
		name := string(end.End)
		if slices.ContainsFunc(r.calls, func(call *call) bool { return call.asks == toPost && call.wrote(end) }) {
			name += " by a posting"
		}
		c.ends[name]++
	}
	c.orders[maphash.String(c.seed, r.order())] = true
}

// kind names a caller's answer.
func kind(c *call) string {
	result, ok := c.answer()
	switch {
	case c.killed:
		return "killed"
	case errors.Is(c.err, ledger.ErrTryAgain):
		return "unknown"
	case errors.Is(c.err, ledger.ErrKeyReused):
		return "reused"
	case errors.Is(c.err, ledger.ErrHoldEnded):
		return "ended otherwise"
	case errors.Is(c.err, ledger.ErrNotPending), errors.Is(c.err, ledger.ErrInvalid), c.ends() && errors.Is(c.err, ledger.ErrNotFound):
		return "rejected"
	case errors.Is(c.err, ledger.ErrBalanceLimit) && c.ends():
		return "receiver full"
	case errors.Is(c.err, ledger.ErrRefundLimit):
		return "refund limit"
	case errors.Is(c.err, ledger.ErrAccountBlocked) && c.ends():
		return "receiver blocked"
	case errors.Is(c.err, ledger.ErrAccountBlocked) && !result.Replayed:
		return "blocked"
	case c.asks == toRules && ok && result.Replayed:
		return "replayed rules"
	case c.asks == toRules && ok:
		return "rules " + string(result.Transaction.Status)
	case c.asks == toRefund && ok && result.Replayed:
		return "replayed refund"
	case c.asks == toRefund && ok && result.Transaction.Status == ledger.Posted:
		return "refunded"
	case errors.Is(c.err, ledger.ErrNotRefundable), c.asks == toRefund && errors.Is(c.err, ledger.ErrNotFound):
		return "rejected"
	case c.ends() && ok && result.Replayed:
		return "replayed " + string(c.asks)
	case c.ends() && ok:
		return string(c.asks)
	case c.asks == toPost && ok && result.Replayed:
		return "replayed " + string(result.Transaction.Status)
	case c.asks == toPost && ok:
		return string(result.Transaction.Status)
	}
	return "read"
}

func (c *counts) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%d runs, %d different orders of events\n  calls:   %s\n  ends:    %s\n  mishaps: %s",
		c.runs, len(c.orders), table(c.answers), table(c.ends), table(c.mishaps))
}

func table(figures map[string]int) string {
	sum, parts := 0, []string{}
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		sum += figures[name]
		parts = append(parts, fmt.Sprintf("%s %d", name, figures[name]))
	}
	return fmt.Sprintf("%d: %s", sum, strings.Join(parts, ", "))
}
