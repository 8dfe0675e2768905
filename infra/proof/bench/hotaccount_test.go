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
	"onewrite/ledger"
)

func TestMain(m *testing.M) { infratest.Main(m) }

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
		Settings:    ledger.DefaultSettings(),
	}
	for _, c := range []struct {
		callers     int
		pause       time.Duration
		lasting     time.Duration // the longer, the closer two runs' p99
		share       float64       // of 1/hold, at least
		attempts    float64       // a posting, at most
		median, p99 time.Duration // at most
	}{
		{1, 0, 20 * time.Second, 0.83, 1, 12 * time.Millisecond, 12 * time.Millisecond},
		{2, 0, 20 * time.Second, 0.80, 1.5, 12 * time.Millisecond, 300 * time.Millisecond},
		{2, 100 * time.Millisecond, 3 * time.Minute, 0, 1.5, 12 * time.Millisecond, 100 * time.Millisecond},
		{4, 0, time.Minute, 0.80, 2, 12 * time.Millisecond, time.Second},
		{8, 0, 20 * time.Second, 0.80, 3, 100 * time.Millisecond, 1200 * time.Millisecond},
		{16, 0, 20 * time.Second, 0.80, 4, 100 * time.Millisecond, 1200 * time.Millisecond},
		{32, 0, 10 * time.Second, 0.80, 10, 500 * time.Millisecond, 1700 * time.Millisecond},
		{64, 0, 10 * time.Second, 0.80, 20, time.Second, 2500 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%d callers, %v pause", c.callers, c.pause), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := hotSetting{10 * time.Millisecond, c.callers, c.pause, c.lasting, 0}
				h, err := contended(t.Context(), config, s, func(o *dynamodb.Options) { o.HTTPClient = applied{} })
				require.NoError(t, err)
				t.Logf("%+v", h)
				assert.Zero(t, h.Unavailable, "answers 503")
				assert.GreaterOrEqual(t, h.HoldShare, c.share, "share of 1/hold")
				assert.LessOrEqual(t, h.Attempts, c.attempts, "attempts a posting")
				assert.LessOrEqual(t, h.Took.P50, milliseconds(c.median))
				assert.LessOrEqual(t, h.Took.P99, milliseconds(c.p99))
			})
		})
	}
}

// What a write takes does not depend on how many entries it has, so that they
// reach one user as many times faster, in virtual time.
func TestHotEntries(t *testing.T) {
	t.Parallel()
	config := infra.Config{
		TransactionsTable: "transactions", AggregateTable: "transactions_aggregate", Region: "us-east-1",
		Credentials: aws.Credentials{AccessKeyID: "virtual", SecretAccessKey: "virtual"},
		Settings:    ledger.DefaultSettings(),
	}
	for _, entries := range hotEntries {
		t.Run(fmt.Sprint(entries), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := hotSetting{10 * time.Millisecond, environments, 0, 2 * time.Second, entries}
				h, err := contended(t.Context(), config, s, func(o *dynamodb.Options) { o.HTTPClient = applied{} })
				require.NoError(t, err)
				t.Logf("%d entries a write: %.0f writes/s, %.0f entries/s, %.1f attempts, p99 %.0f ms",
					entries, h.PerSecond, h.PerSecond*float64(entries), h.Attempts, h.Took.P99)
				assert.Zero(t, h.Unavailable, "answers 503")
				assert.GreaterOrEqual(t, h.HoldShare, 0.80, "share of 1/hold")
			})
		})
	}
}

// What the command prints, on DynamoDB Local. It measures in real time, so
// that no other test runs beside it.
func TestHotAccountPrints(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-quick", "hotaccount"}, &out, io.Discard))
	_, table, ok := strings.Cut(out.String(), "Callers of one user")
	require.True(t, ok, "%s", &out)
	var rows []string
	for line := range strings.Lines(table) {
		rows = append(rows, strings.Join(strings.Fields(line), " "))
	}
	require.Len(t, rows, 6, "%s", &out)
	assert.Regexp(t, `^10 1 \d+ \d+ % 1\.0 \d+ \d+ \d+ 0$`, rows[2])
	assert.Regexp(t, `^10 4 \d+ \d+ % [\d.]+ \d+ \d+ \d+ 0$`, rows[3])
	assert.Regexp(t, `^10 2, pausing 100 ms `, rows[4])
	assert.Regexp(t, `^0 16 processes [1-9]\d* \d+ \d+ \d+ 0$`, rows[5])
}

// What the command prints of entries into one user, on DynamoDB Local. How many
// calls are answered 503 depends on what else the machine does.
func TestHotEntriesPrints(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-quick", "hotentries"}, &out, io.Discard))
	for _, entries := range hotEntries {
		assert.Regexp(t, fmt.Sprintf(`(?m)^ *%d +\d+ +\d+ +[\d.]+ +\d+ +\d+ +\d+$`, entries), out.String())
	}
}

// Without a posting there is nothing to divide by.
func TestHotAccountWithoutPostings(t *testing.T) {
	t.Parallel()
	setting := hotSetting{10 * time.Millisecond, 1, 0, time.Second, 0}
	assert.Equal(t, hotAccount{HoldMs: 10, Callers: 1, Unavailable: 3}, hotPostings{unavailable: 3}.account(setting))
}
