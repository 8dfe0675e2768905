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
func measureScale(ctx context.Context, users int, d time.Duration) throughput {
	best := throughput{Users: users}
	for range rounds {
		best.PerSecond = max(best.PerSecond, postsPerSecond(ctx, users, d/rounds))
	}
	return best
}

func postsPerSecond(ctx context.Context, users int, d time.Duration) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	client, config := onInstant(posted, names{})
	h := newHandler(infra.NewStore(client, config), io.Discard)
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var done atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for user := range users {
		group.Go(func() {
			run := invoke(h, posted, names{fmt.Sprintf("user-%d", user), "key"})
			for ctx.Err() == nil && run(context.WithoutCancel(ctx)) == nil {
				done.Add(1)
			}
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}
