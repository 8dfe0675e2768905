package main

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

// BenchmarkLatency runs each call next to its floor, in turns, so that other work
// of the machine falls on both. The floor is the bare requests of the SDK; of the
// built function it has a call of a function that only says hello before them.
func BenchmarkLatency(b *testing.B) {
	sub, hello := benchSubject(b)
	for _, users := range []string{distinct, fresh} {
		all := outcomes
		if users == fresh {
			all = slices.Concat(several, onHold)
		}
		for _, o := range all {
			b.Run(o.name+"/handler", func(b *testing.B) {
				sub.runPairs(b, o, users, sub.handler.Invoke, func(context.Context) error { return nil })
			})
			b.Run(o.name+"/function", func(b *testing.B) {
				sub.runPairs(b, o, users, sub.function.Invoke, func(ctx context.Context) error {
					_, err := hello.Invoke(ctx, []byte(`{}`))
					return err
				})
			})
		}
	}
}

// BenchmarkColdStart starts the function and the one that only says hello in
// turns, from the start of the process to the first answer.
func BenchmarkColdStart(b *testing.B) {
	sub, _ := benchSubject(b)
	start := func(binary string, payload []byte) request {
		return func(ctx context.Context) error {
			function, err := runtimeapi.Start(sub.path(binary), sub.Env(), io.Discard)
			if err != nil {
				return err
			}
			defer function.Kill()
			_, err = function.Invoke(ctx, payload)
			return err
		}
	}
	p := pairs{}
	for b.Loop() {
		p.run(b, start("hello", []byte(`{}`)), start("bootstrap", balance.call(names{user: "start"}).event()))
	}
	p.report(b)
}

// benchSubject starts what is measured, until the benchmark ends.
func benchSubject(b *testing.B) (sub *subject, hello *runtimeapi.Function) {
	sub, err := newSubject(b.Context(), infratest.New(b), b.TempDir())
	require.NoError(b, err)
	b.Cleanup(sub.end)
	require.NoError(b, runtimeapi.Build(b.Context(), "onewrite/infra/proof/bench/hello", sub.path("hello")))
	hello, err = runtimeapi.Start(sub.path("hello"), sub.Env(), io.Discard)
	require.NoError(b, err)
	b.Cleanup(hello.Kill)
	return sub, hello
}

// runPairs measures an outcome by an environment. before is the floor's part of
// that environment. Both replay the same call; else each has names of its own.
func (sub *subject) runPairs(b *testing.B, o outcome, users string, to environment, before request) {
	p := pairs{}
	for b.Loop() {
		n, m := sub.names(users), sub.names(users)
		if o.name == replayed.name {
			m = n
		}
		for _, one := range slices.Compact([]names{n, m}) {
			if o.before != nil {
				require.NoError(b, o.before(sub, one)(b.Context()))
			}
		}
		p.run(b, oneAfterOther(before, o.floor(sub.floor, n)), invoke(to, o, m))
	}
	p.report(b)
}

// pairs is how long floors and calls took that ran one after the other.
type pairs struct {
	floors, ours []time.Duration
	ratios       []float64
}

// run runs a floor and a call, in either order.
func (p *pairs) run(b *testing.B, floor, ours request) {
	took := [2]time.Duration{}
	for i := range took {
		i ^= len(p.ours) % 2
		began := time.Now()
		require.NoError(b, []request{floor, ours}[i](b.Context()))
		took[i] = time.Since(began)
	}
	p.floors, p.ours = append(p.floors, took[0]), append(p.ours, took[1])
	p.ratios = append(p.ratios, float64(took[1])/float64(took[0]))
}

// report reports medians and the slowest of a hundred, and the median of the ratios.
func (p *pairs) report(b *testing.B) {
	floor, ours := quantilesOf(p.floors), quantilesOf(p.ours)
	b.ReportMetric(0, "ns/op") // of both and their preparation
	b.ReportMetric(floor.P50, "floor-p50-ms")
	b.ReportMetric(ours.P50, "p50-ms")
	b.ReportMetric(floor.P99, "floor-p99-ms")
	b.ReportMetric(ours.P99, "p99-ms")
	b.ReportMetric(quantile(p.ratios, 0.5), "ratio")
}
