package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"onewrite/infra"
)

// The share of a call is from the event in to the SDK's call, and from its answer
// to the event out, on a DynamoDB that answers at once.

// lambdaTimeout is the function's in template.yaml.
const lambdaTimeout = 10 * time.Second

// shareOutcomes are the outcomes whose share is measured, and how many entries
// they have.
func shareOutcomes() (all []outcome, entries []int) {
	all, entries = slices.Clone(outcomes), slices.Repeat([]int{1}, len(outcomes))
	for _, n := range []int{2, 10, 50, 99} {
		all, entries = append(all, postedAll(fmt.Sprintf("%d entries", n), credits(n))), append(entries, n)
	}
	return all, entries
}

// shareOf makes an outcome's bare requests and its whole call. Both run under a
// deadline, as Lambda gives each event one.
func shareOf(o outcome) (bare, ours request) {
	n := names{"1", "order-1"}
	client, config := onInstant(o, n)
	limited := func(run request) request {
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, lambdaTimeout)
			defer cancel()
			return run(ctx)
		}
	}
	h := newHandler(infra.NewStore(client, config), io.Discard)
	return limited(o.floor(&floor{client, config}, n)), limited(invoke(h.Invoke, o, n))
}

// The ledger's own allocations stay under a bound, which no machine's speed changes.
func TestOwnAllocations(t *testing.T) { // not parallel: it counts the process's
	const aCall, anEntry, runs = 100, 30, 50
	all, entries := shareOutcomes()
	for i, o := range all {
		bare, ours := shareOf(o)
		count := func(run request) float64 {
			return testing.AllocsPerRun(runs, func() { assert.NoError(t, run(t.Context())) })
		}
		own := count(ours) - count(bare)
		t.Logf("%s: %.0f", o.name, own)
		bound := aCall
		if entries[i] > 1 {
			bound += anEntry * entries[i]
		}
		assert.LessOrEqual(t, own, float64(bound), o.name)
	}
}

// BenchmarkCall is whole calls, and BenchmarkBareRequests the SDK's part of them.
func BenchmarkCall(b *testing.B) {
	all, _ := shareOutcomes()
	for _, o := range all {
		_, ours := shareOf(o)
		b.Run(o.name, benchmark(ours))
	}
}

func BenchmarkBareRequests(b *testing.B) {
	all, _ := shareOutcomes()
	for _, o := range all {
		bare, _ := shareOf(o)
		b.Run(o.name, benchmark(bare))
	}
}

func benchmark(run request) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := run(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
