package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
)

// applied answers every request as DynamoDB answers a write that it applied.
type applied struct{}

func (applied) Do(r *http.Request) (*http.Response, error) {
	return faults.Answer(r, http.StatusOK, "{}"), nil
}

// The bounds that the retry policy keeps, in virtual time.
func TestHotAccount(t *testing.T) {
	t.Parallel()
	config := infra.Config{
		TransactionsTable: "transactions", AggregateTable: "transactions_aggregate", Region: "us-east-1",
		Credentials: aws.Credentials{AccessKeyID: "virtual", SecretAccessKey: "virtual"},
	}
	for _, c := range []struct {
		callers     int
		pause       time.Duration
		share       float64       // of 1/hold, at least
		attempts    float64       // a posting, at most
		median, p99 time.Duration // at most
	}{
		{1, 0, 0.83, 1, 12 * time.Millisecond, 12 * time.Millisecond},
		{2, 0, 0.80, 1.5, 12 * time.Millisecond, 300 * time.Millisecond},
		{2, 100 * time.Millisecond, 0, 1.5, 12 * time.Millisecond, 100 * time.Millisecond},
		{4, 0, 0.80, 2, 12 * time.Millisecond, time.Second},
		{8, 0, 0.80, 3, 100 * time.Millisecond, 1200 * time.Millisecond},
		{16, 0, 0.80, 4, 100 * time.Millisecond, 1200 * time.Millisecond},
		{32, 0, 0.80, 10, 500 * time.Millisecond, 1700 * time.Millisecond},
		{64, 0, 0.80, 20, time.Second, 2500 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%d callers, %v pause", c.callers, c.pause), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := setting{10 * time.Millisecond, c.callers, c.pause, time.Minute}
				f, attempts, err := contended(t.Context(), config, s, func(o *dynamodb.Options) { o.HTTPClient = applied{} })
				require.NoError(t, err)
				t.Log(row(s, f, attempts))
				assert.Zero(t, f.unavailable, "answers 503")
				assert.GreaterOrEqual(t, f.perSecond()*s.hold.Seconds(), c.share, "share of 1/hold")
				assert.LessOrEqual(t, float64(attempts)/float64(len(f.took)), c.attempts, "attempts a posting")
				assert.LessOrEqual(t, f.quantile(0.5), c.median)
				assert.LessOrEqual(t, f.quantile(0.99), c.p99)
			})
		})
	}
}

// What the command prints of each, on DynamoDB Local.
func TestPrints(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	const brief = 50 * time.Millisecond
	require.NoError(t, infratest.Command(t.Context(), io.Discard, func(t testing.TB) {
		table(t, []setting{{5 * time.Millisecond, 4, 0, brief}, {10 * time.Millisecond, 2, brief, brief}}, &out, io.Discard)
		processes(t, brief, &out, io.Discard)
	}))
	lines := strings.Split(out.String(), "\n")
	require.Len(t, lines, 7, "%s", &out)
	assert.Regexp(t, `^\| 5 \| 4 \| \d+ \| \d+ % \| [\d.]+ \| \d+ \| \d+ \| \d+ \| 0 \|$`, lines[2])
	assert.Contains(t, lines[3], "| 10 | 2, pausing 50ms |")
	assert.Regexp(t, "^16 processes without a hold: .*; 0 answered 503$", lines[5])
}
