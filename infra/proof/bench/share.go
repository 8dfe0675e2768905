package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"time"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/ledger"
)

// maxOwnAllocations bounds our own share of a call. Its time depends on the
// machine.
const maxOwnAllocations = 100

// maxEntryAllocations bounds what an entry adds to that.
const maxEntryAllocations = 30

// shareEntries is how many entries the postings have whose share is measured.
var shareEntries = []int{1, 2, 10, 50, 99}

// ownShare is what a call takes beyond the network: ours, and the SDK's. Each
// figure is the least of all rounds: what is more is other programs' doing, or
// that of a collection, which empties the pools.
type ownShare struct {
	Outcome        string  `json:"outcome"`
	Microseconds   float64 `json:"microseconds"` // ours alone
	Allocations    int     `json:"allocations"`
	Bytes          int     `json:"bytes"`
	SDKMicros      float64 `json:"sdkMicroseconds"` // the bare requests
	SDKAllocations int     `json:"sdkAllocations"`
	Entries        int     `json:"entries,omitempty"` // of a posting of one user, if it is measured by them
}

// measureEntryShare measures a posting of that many entries, all of one user.
func measureEntryShare(ctx context.Context, entries, calls int) (ownShare, error) {
	s, err := measureShare(ctx, postedAll(fmt.Sprintf("%d entries", entries), credits(entries)), calls/entries)
	s.Entries = entries
	return s, err
}

// cost is what one run of a function takes.
type cost struct {
	took        time.Duration
	allocations int
	bytes       int
}

// callsPerRound is few, so that a round is shorter than what a busy machine
// lets run at once.
const callsPerRound = 10

// measureShare runs an outcome with a DynamoDB that answers at once, in turns
// with its bare requests, on one core.
func measureShare(ctx context.Context, o outcome, calls int) (ownShare, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	bare, ours := shareOf(o)
	sdk, all := most, most
	for range max(1, calls/callsPerRound) {
		if err := sdk.lower(ctx, bare, callsPerRound); err != nil {
			return ownShare{}, err
		}
		if err := all.lower(ctx, ours, callsPerRound); err != nil {
			return ownShare{}, err
		}
	}
	return ownShare{
		Outcome:        o.name,
		Microseconds:   microseconds(all.took - sdk.took),
		Allocations:    all.allocations - sdk.allocations,
		Bytes:          all.bytes - sdk.bytes,
		SDKMicros:      microseconds(sdk.took),
		SDKAllocations: sdk.allocations,
	}, nil
}

// shareOf measures an outcome's bare requests and its whole call, event in to event
// out, on a DynamoDB that answers at once.
func shareOf(o outcome) (bare, ours request) {
	n := names{"1", "order-1"}
	client, config := onInstant(o, n)
	h := newHandler(infra.NewStore(client, config), io.Discard)
	return limited(o.floor(&floor{client, config}, n)), limited(invoke(h, o, n))
}

// newHandler makes the handler as the function has it.
func newHandler(store *infra.Store, log io.Writer) *handler.Handler {
	return handler.New(ledger.New(store, time.Now), handler.NewLogger(log, "bench", "1"), handler.Access{Authorization: handler.None})
}

// limited makes a run under a deadline as Lambda gives each event.
func limited(run request) request {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, lambdaTimeout)
		defer cancel()
		return run(ctx)
	}
}

// invoke makes a call through the event path.
func invoke(h *handler.Handler, o outcome, n names) request {
	payload := o.call(n).event()
	return func(ctx context.Context) error {
		answer, err := h.Invoke(ctx, payload)
		if err != nil {
			return err
		}
		return o.check(answer)
	}
}

// lambdaTimeout is the function's in template.yaml.
const lambdaTimeout = 10 * time.Second

// most is the cost to begin with.
var most = cost{math.MaxInt64, math.MaxInt, math.MaxInt}

// lower lowers each figure of c to the mean of n runs.
func (c *cost) lower(ctx context.Context, run request, n int) error {
	if err := run(ctx); err != nil { // what is made once is made here
		return err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	for range n {
		if err := run(ctx); err != nil {
			return err
		}
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	c.took = min(c.took, took/time.Duration(n))
	c.allocations = min(c.allocations, int(after.Mallocs-before.Mallocs)/n)
	c.bytes = min(c.bytes, int(after.TotalAlloc-before.TotalAlloc)/n)
	return nil
}
