package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"onewrite/infra"
)

// throughput is how many posts a second one core takes from event to event,
// with a DynamoDB that answers at once: the best of some rounds.
type throughput struct {
	Users     int     `json:"users"`
	PerSecond float64 `json:"perSecond"`
}

// measureScale posts for users that each call by themselves, all at once.
func measureScale(ctx context.Context, users int, d time.Duration) (throughput, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	client, config := onInstant(posted, names{})
	h := newHandler(infra.NewStore(client, config), io.Discard)
	var runs []request
	for user := range users {
		runs = append(runs, invoke(h, posted, names{fmt.Sprintf("user-%d", user), "key"}))
	}
	best := throughput{Users: users}
	if err := runs[0](ctx); err != nil {
		return best, err
	}
	for range rounds {
		best.PerSecond = max(best.PerSecond, perSecond(ctx, runs, d/rounds))
	}
	return best, nil
}

// perSecond repeats all the runs at once for a while.
func perSecond(ctx context.Context, runs []request, d time.Duration) float64 {
	var done atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for _, run := range runs {
		group.Go(func() {
			for ctx.Err() == nil && time.Since(began) < d && run(ctx) == nil {
				done.Add(1)
			}
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}
