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
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
	"onewrite/ledger"
)

// The ledger's allocations beyond the floor's stay below a bound on any machine. They include
// building the rows, because the floor's requests are already built. The responses are recorded.
func TestOwnAllocations(t *testing.T) { // not parallel: AllocsPerRun counts the process's allocations
	for _, o := range outcomes {
		if o.allocations == 0 {
			continue
		}
		n := newNames()
		recorded := record(t, o, n)
		config := infra.Config{TransactionsTable: "transactions", AggregateTable: "transactions_aggregate", Region: "us-east-1", Settings: ledger.DefaultSettings()}
		config.Credentials.AccessKeyID, config.Credentials.SecretAccessKey = "local", "local"
		count := func(run func(*dynamodb.Client) request) float64 {
			send := run(infra.NewClient(config, func(options *dynamodb.Options) { options.HTTPClient = &replay{answers: recorded.answers} }))
			return testing.AllocsPerRun(50, func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // Lambda sets a deadline for each event
				defer cancel()
				assert.NoError(t, send(ctx))
			})
		}
		floor := count(func(client *dynamodb.Client) request { return recorded.on(client, config) })
		own := count(func(client *dynamodb.Client) request {
			return o.request(newHandler(infra.NewStore(client, config), 0, io.Discard), n)
		}) - floor
		t.Logf("%s: %.0f", o.name, own)
		assert.LessOrEqual(t, own, o.allocations, o.name)
	}
}

// BenchmarkLatency alternates calls to the built function with their floor, so that other work on
// the machine affects both. The floor calls hello, and then sends the same requests to DynamoDB.
func BenchmarkLatency(b *testing.B) {
	books := infratest.New(b)
	ours, hello := start(b, books, build(b, "onewrite")), start(b, books, build(b, "onewrite/infra/proof/bench/hello"))
	bare := dynamodb.New(dynamodb.Options{ // a client with the SDK's defaults
		Region: books.Config.Region, BaseEndpoint: &books.Config.Endpoint,
		Credentials: credentials.StaticCredentialsProvider{Value: books.Config.Credentials},
	})
	for _, o := range outcomes {
		if o.allocations == 0 {
			continue
		}
		b.Run(o.name, func(b *testing.B) {
			p := pairs{}
			for b.Loop() {
				n, m := newNames(), newNames()
				o.prepare(b, books, n)
				o.prepare(b, books, m)
				requests := record(b, o, n).on(bare, books.Config)
				p.run(b, func(ctx context.Context) error {
					if _, err := hello.Invoke(ctx, []byte(`{}`)); err != nil {
						return err
					}
					return requests(ctx)
				}, o.request(ours.Invoke, m))
			}
			p.report(b)
		})
	}
}

// BenchmarkColdStart alternates between the function and hello. It measures the time from a
// process's start to its first answer.
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
		p.run(b, cold(hello, []byte(`{}`)), cold(ours, readBalance(newNames()).event()))
	}
	p.report(b)
}

func build(b testing.TB, pkg string) (binary string) {
	b.Helper()
	binary = filepath.Join(b.TempDir(), "bootstrap")
	require.NoError(b, runtimeapi.Build(b.Context(), pkg, binary))
	return binary
}

// start runs the function in binary on the books' tables, until the benchmark ends.
func start(b testing.TB, books *infratest.Books, binary string) *runtimeapi.Function {
	b.Helper()
	function, err := runtimeapi.Start(binary, books.Env(), io.Discard)
	require.NoError(b, err)
	b.Cleanup(function.Kill)
	return function
}

// pairs are the latencies of floors and calls in milliseconds, and their ratios.
type pairs struct{ floors, ours, ratios []float64 }

// run measures a floor and a call. Every other time, the call goes first.
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

// report reports the medians, and our calls' 99th percentile.
func (p *pairs) report(b *testing.B) {
	b.ReportMetric(0, "ns/op") // hides ns/op, which would include the floor and the set-up
	b.ReportMetric(quantile(p.floors, 0.50), "floor-p50-ms")
	b.ReportMetric(quantile(p.ours, 0.50), "p50-ms")
	b.ReportMetric(quantile(p.ours, 0.99), "p99-ms")
	b.ReportMetric(quantile(p.ratios, 0.50), "ratio")
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
