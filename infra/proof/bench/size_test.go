package bench

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/ledger"
)

// The deployed function is one small file.
func TestSize(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-C", "../../..", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	file, err := w.Create("bootstrap")
	require.NoError(t, err)
	_, err = file.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	t.Logf("%d bytes, %d zipped", len(content), archive.Len())
	assert.LessOrEqual(t, len(content), 9_000_000, "bytes")
	assert.LessOrEqual(t, archive.Len(), 4_000_000, "bytes, zipped")
}

// ownShare returns an outcome's bare requests and its whole call, on a DynamoDB that answers at
// once, under a deadline as Lambda sets for each event.
func ownShare(t testing.TB, o outcome) (bare, ours request) {
	t.Helper()
	n := names{"1", "order-1"}
	recorded := record(t, o, n)
	config := infra.Config{TransactionsTable: "transactions", AggregateTable: "transactions_aggregate", Region: "us-east-1", Settings: ledger.DefaultSettings()}
	config.Credentials.AccessKeyID, config.Credentials.SecretAccessKey = "local", "local"
	client := func() *dynamodb.Client {
		return infra.NewClient(config, func(options *dynamodb.Options) { options.HTTPClient = &replay{answers: recorded.answers} })
	}
	limited := func(run request) request {
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return run(ctx)
		}
	}
	return limited(recorded.on(client(), config)), limited(newHandler(infra.NewStore(client(), config), io.Discard).invoke(o, n))
}

// The ledger's own allocations stay under a bound, on a machine of any speed. They include those
// for the rows.
func TestOwnAllocations(t *testing.T) { // not parallel: it counts the process's
	for _, c := range []struct {
		outcome outcome
		most    float64 // a quarter more than on 2026-11-29
	}{
		{balance, 90}, {posted, 155}, {replayed, 165}, {declined, 200},
		{transfer, 270}, {entries("10 entries", credits(10)), 690}, {entries("99 entries", credits(99)), 5500},
		{hold, 185}, {capture, 170}, {refund, 210}, {saleRefund, 415}, {block, 170}, {limit, 190}, {blocked, 205}, {releases(16), 1030},
	} {
		bare, ours := ownShare(t, c.outcome)
		count := func(run request) float64 {
			return testing.AllocsPerRun(50, func() { assert.NoError(t, run(t.Context())) })
		}
		own := count(ours) - count(bare)
		t.Logf("%s: %.0f", c.outcome.name, own)
		assert.LessOrEqual(t, own, c.most, c.outcome.name)
	}
}

// BenchmarkCall makes whole calls, and BenchmarkBareRequests the SDK's part alone.
func BenchmarkCall(b *testing.B) { benchmark(b, func(_, ours request) request { return ours }) }

func BenchmarkBareRequests(b *testing.B) { benchmark(b, func(bare, _ request) request { return bare }) }

func benchmark(b *testing.B, choose func(bare, ours request) request) {
	for _, o := range outcomes {
		b.Run(o.name, func(b *testing.B) {
			run := choose(ownShare(b, o))
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, run(b.Context()))
			}
		})
	}
}
