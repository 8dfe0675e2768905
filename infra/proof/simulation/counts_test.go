package simulation_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// counts counts the answers in many runs, and mishaps such as lost requests. It is safe for
// concurrent use.
type counts struct {
	mu      sync.Mutex
	runs    int
	answers map[string]int // by [call.kind]
	mishaps map[string]int
}

func newCounts() *counts { return &counts{answers: map[string]int{}, mishaps: map[string]int{}} }

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
		c.answers[call.kind()]++
	}
}

func (c *counts) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%d runs\n  calls:   %s\n  mishaps: %s", c.runs, table(c.answers), table(c.mishaps))
}

func table(figures map[string]int) string {
	sum, parts := 0, []string{}
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		sum += figures[name]
		parts = append(parts, fmt.Sprintf("%s %d", name, figures[name]))
	}
	return fmt.Sprintf("%d: %s", sum, strings.Join(parts, ", "))
}
