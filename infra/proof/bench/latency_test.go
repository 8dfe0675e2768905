package bench

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

// BenchmarkLatency runs each call next to its floor, in turns, so that other work on the machine
// affects both. For the built function, the floor first calls a function that only answers hello.
func BenchmarkLatency(b *testing.B) {
	books := infratest.New(b)
	ours, hello := start(b, books, build(b, "onewrite")), start(b, books, build(b, "onewrite/infra/proof/bench/hello"))
	bare := dynamodb.New(dynamodb.Options{ // as the SDK makes it by default
		Region: books.Config.Region, BaseEndpoint: &books.Config.Endpoint,
		Credentials: credentials.StaticCredentialsProvider{Value: books.Config.Credentials},
	})
	inProcess := newHandler(infra.NewStore(infra.NewClient(books.Config), books.Config), io.Discard)
	nothing := func(context.Context, []byte) ([]byte, error) { return nil, nil }
	for i, o := range outcomes {
		for _, by := range []struct {
			name        string
			ours, hello environment
		}{{"handler", inProcess, nothing}, {"function", ours.Invoke, hello.Invoke}} {
			b.Run(o.name+"/"+by.name, func(b *testing.B) {
				p := pairs{}
				for b.Loop() {
					n, m := newNames(i >= 4), newNames(i >= 4)
					if o.name == replayed.name {
						m = n
					}
					for _, one := range slices.Compact([]names{n, m}) {
						o.prepare(b, books, one)
					}
					floor := record(b, o, n).on(bare, books.Config)
					p.run(b, func(ctx context.Context) error {
						_, err := by.hello(ctx, []byte(`{}`))
						if err != nil {
							return err
						}
						return floor(ctx)
					}, by.ours.invoke(o, m))
				}
				p.report(b)
			})
		}
	}
}

// BenchmarkColdStart starts the function and hello in turns, and measures from the process's start
// to the first answer.
func BenchmarkColdStart(b *testing.B) {
	books := infratest.New(b)
	cold := func(binary string, payload []byte) request {
		return func(ctx context.Context) error {
			function, err := runtimeapi.Start(binary, books.Env(), io.Discard)
			if err != nil {
				return err
			}
			defer function.Kill()
			_, err = function.Invoke(ctx, payload)
			return err
		}
	}
	hello, ours := build(b, "onewrite/infra/proof/bench/hello"), build(b, "onewrite")
	p := pairs{}
	for b.Loop() {
		p.run(b, cold(hello, []byte(`{}`)), cold(ours, balance.call(names{user: "start"}).event()))
	}
	p.report(b)
}

// build builds a function's package.
func build(b testing.TB, pkg string) (binary string) {
	b.Helper()
	binary = filepath.Join(b.TempDir(), "bootstrap")
	require.NoError(b, runtimeapi.Build(b.Context(), pkg, binary))
	return binary
}

// start runs a function on the books, until the benchmark ends.
func start(b testing.TB, books *infratest.Books, binary string) *runtimeapi.Function {
	b.Helper()
	function, err := runtimeapi.Start(binary, books.Env(), io.Discard)
	require.NoError(b, err)
	b.Cleanup(function.Kill)
	return function
}

// pairs are the times of floors and calls, in milliseconds, that ran one after the other.
type pairs struct{ floors, ours, ratios []float64 }

// run runs a floor and a call, in either order.
func (p *pairs) run(b *testing.B, floor, ours request) {
	took := [2]float64{}
	for i := range took {
		i ^= len(p.ours) % 2
		began := time.Now()
		require.NoError(b, []request{floor, ours}[i](b.Context()))
		took[i] = milliseconds(time.Since(began))
	}
	p.floors, p.ours, p.ratios = append(p.floors, took[0]), append(p.ours, took[1]), append(p.ratios, took[1]/took[0])
}

// report reports medians and 99th percentiles, and the ratios' median.
func (p *pairs) report(b *testing.B) {
	b.ReportMetric(0, "ns/op") // for both and their preparation
	b.ReportMetric(quantile(p.floors, 0.50), "floor-p50-ms")
	b.ReportMetric(quantile(p.ours, 0.50), "p50-ms")
	b.ReportMetric(quantile(p.floors, 0.99), "floor-p99-ms")
	b.ReportMetric(quantile(p.ours, 0.99), "p99-ms")
	b.ReportMetric(quantile(p.ratios, 0.50), "ratio")
}

// quantile returns the quantile q of the values, or 0 if there are none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
