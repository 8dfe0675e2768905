package main

import (
	"fmt"
	"strings"
	"sync"
)

// mistakesShown bounds what is said of many mistakes, which mostly have one cause.
const mistakesShown = 20

// mistakes collects what was wrong. It is safe for concurrent use.
type mistakes struct {
	mu    sync.Mutex
	first []string
	count int
}

// expect notes a mistake unless ok.
func (m *mistakes) expect(ok bool, format string, args ...any) {
	if ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count++; m.count <= mistakesShown {
		m.first = append(m.first, fmt.Sprintf(format, args...))
	}
}

// err returns the error of all mistakes, or nil if there are none.
func (m *mistakes) err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count == 0 {
		return nil
	}
	said := strings.Join(m.first, "\n  ")
	if more := m.count - len(m.first); more > 0 {
		said += fmt.Sprintf("\n  and %d more", more)
	}
	return fmt.Errorf("it did not hold:\n  %s", said)
}
