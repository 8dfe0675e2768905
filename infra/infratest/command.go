package infratest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"testing"
)

// Command runs f like a test, for a command that keeps books: against the
// database that [Main] describes, with a context that ends with ctx. The error
// tells everything that failed.
func Command(ctx context.Context, log io.Writer, f func(t testing.TB)) error {
	c := &command{ctx: ctx}
	err := withDatabase(ctx, log, func() {
		c.run(func() { f(c) })
		for len(c.cleanups) > 0 {
			last := len(c.cleanups) - 1
			cleanup := c.cleanups[last]
			c.cleanups = c.cleanups[:last]
			c.run(cleanup)
		}
	})
	return errors.Join(err, errors.Join(c.failures...))
}

// command is a [testing.TB] outside of go test, with the methods that this
// package and testify use.
type command struct {
	testing.TB
	ctx      context.Context
	cleanups []func()

	mu       sync.Mutex
	failures []error
}

// run runs f to its end, or until it fails now.
func (c *command) run(f func()) {
	var ended sync.WaitGroup
	ended.Go(f) // FailNow ends a goroutine
	ended.Wait()
}

func (c *command) Helper() {}

func (c *command) Name() string { return "command" }

func (c *command) Context() context.Context { return c.ctx }

func (c *command) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }

func (c *command) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, fmt.Errorf(format, args...))
}

func (c *command) FailNow() { runtime.Goexit() }

func (c *command) Failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures != nil
}
