package main

import (
	"context"
	"sync"
	"time"
)

// pace holds reading to a rate, in DynamoDB's read units. What a request took
// is known when it has been answered: it is the next one that waits. It is
// safe for concurrent use.
type pace struct {
	unitsPerSecond float64 // 0: as fast as it goes

	mu   sync.Mutex
	free time.Time // when all that was read is paid for
}

// spend waits until the rate allows what was read at now.
func (p *pace) spend(ctx context.Context, units float64) error {
	return sleep(ctx, p.owed(units, time.Now()))
}

// owed returns how long to wait at now, after reading some more.
func (p *pace) owed(units float64, now time.Time) time.Duration {
	if p.unitsPerSecond == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(units / p.unitsPerSecond * float64(time.Second)))
	return p.free.Sub(now)
}

// sleep waits, or ends with ctx and its cause.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return context.Cause(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
