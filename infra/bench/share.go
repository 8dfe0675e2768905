package main

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"time"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/ledger"
)

// maxOwnAllocations bounds our own share of a call. Its time depends on the
// machine.
const maxOwnAllocations = 100

// ownShare is what a call takes beyond the network: ours, and the SDK's.
type ownShare struct {
	Outcome        string  `json:"outcome"`
	Microseconds   float64 `json:"microseconds"` // ours alone
	Allocations    int     `json:"allocations"`
	Bytes          int     `json:"bytes"`
	SDKMicros      float64 `json:"sdkMicroseconds"` // the bare requests
	SDKAllocations int     `json:"sdkAllocations"`
}

// cost is what one run of a function takes.
type cost struct {
	took        time.Duration
	allocations int
	bytes       int
}

// rounds is how often the floor and ours take turns.
const rounds = 20

// measureShare runs an outcome with a DynamoDB that answers at once, in turns
// with its bare requests, on one core.
func measureShare(ctx context.Context, o outcome, calls int) (ownShare, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	bare, ours := shareOf(o)
	var bareTimes, ownTimes []float64
	var sdk, own cost
	for range rounds {
		b, err := measure(ctx, bare, calls/rounds)
		if err != nil {
			return ownShare{}, err
		}
		a, err := measure(ctx, ours, calls/rounds)
		if err != nil {
			return ownShare{}, err
		}
		bareTimes = append(bareTimes, float64(b.took.Nanoseconds())/1e3)
		ownTimes = append(ownTimes, float64((a.took-b.took).Nanoseconds())/1e3)
		sdk, own = b, cost{allocations: a.allocations - b.allocations, bytes: a.bytes - b.bytes}
	}
	return ownShare{
		Outcome:        o.name,
		Microseconds:   median(ownTimes),
		Allocations:    own.allocations,
		Bytes:          own.bytes,
		SDKMicros:      median(bareTimes),
		SDKAllocations: sdk.allocations,
	}, nil
}

// shareOf is an outcome's bare requests and its whole call, event in to event
// out, on a DynamoDB that answers at once.
func shareOf(o outcome) (bare, ours request) {
	n := names{"1", "order-1"}
	client, config := onInstant(o, n)
	h := newHandler(infra.NewStore(client, config), io.Discard)
	return limited(o.floor(&floor{client, config}, n)), limited(invoke(h, o, n))
}

// newHandler is the handler as the function has it.
func newHandler(store *infra.Store, log io.Writer) *handler.Handler {
	return handler.New(ledger.New(store, time.Now), slog.New(slog.NewJSONHandler(log, nil)))
}

// limited is a run under a deadline as Lambda gives each event.
func limited(run request) request {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, lambdaTimeout)
		defer cancel()
		return run(ctx)
	}
}

// invoke is a call through the event path.
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

// measure is the mean of n runs.
func measure(ctx context.Context, run request, n int) (cost, error) {
	if err := run(ctx); err != nil { // what is made once is made here
		return cost{}, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	for range n {
		if err := run(ctx); err != nil {
			return cost{}, err
		}
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	return cost{
		took:        took / time.Duration(n),
		allocations: int(after.Mallocs-before.Mallocs) / n,
		bytes:       int(after.TotalAlloc-before.TotalAlloc) / n,
	}, nil
}
