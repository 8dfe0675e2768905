package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
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

const (
	roundTrip = 2 * time.Millisecond // from a Lambda to its region's DynamoDB
	held      = 10 * time.Millisecond
)

// postings are a measurement's results.
type postings struct {
	took        []float64 // milliseconds, for posted ones
	inTime      int       // posted before it was over
	unavailable int       // answered 503
}

// one is the user for all callers.
func one(int) string { return "hot" }

// paysPartner is a numbered user's payment to a partner, who pays back.
func paysPartner(n names) []string {
	i, err := strconv.Atoi(n.user)
	if err != nil {
		panic(err) // our own names
	}
	return []string{n.user + " debit 1", fmt.Sprintf("%d credit 1", i^1)}
}

// postFrom lets one caller at each environment post for a user for a while, pausing between
// postings for the pause on average.
func postFrom(ctx context.Context, environments []environment, user func(caller int) string, o outcome, pause, lasting time.Duration) (all postings, err error) {
	var callers sync.WaitGroup
	var mu sync.Mutex
	end := time.Now().Add(lasting)
	for i, to := range environments {
		callers.Go(func() {
			for j := 0; time.Now().Before(end) && ctx.Err() == nil; j++ {
				c := o.call(names{user(i), fmt.Sprintf("%d-%d", i, j)})
				began := time.Now()
				answer, failed := to(ctx, fmt.Appendf(nil, `{"headers":{"Idempotent-Key":%q},"body":%s}`, c.key, c.body))
				mu.Lock()
				switch {
				case failed != nil:
					err = errors.Join(err, failed)
				case strings.HasPrefix(string(answer), `{"statusCode":503`):
					all.unavailable++
				case o.check(answer) != nil:
					err = errors.Join(err, o.check(answer))
				default:
					all.took = append(all.took, milliseconds(time.Since(began)))
					if time.Now().Before(end) {
						all.inTime++
					}
				}
				stop := err != nil
				mu.Unlock()
				if stop {
					return
				}
				time.Sleep(time.Duration(rand.Float64() * 2 * float64(pause)))
			}
		})
	}
	callers.Wait()
	return all, err
}

// applied answers every request as DynamoDB answers a write that it applied.
type applied struct{}

func (applied) Do(r *http.Request) (*http.Response, error) {
	return faults.Answer(r, http.StatusOK, "{}"), nil
}

// DynamoDB lets one transaction at a time write an item and rejects the others with a conflict.
// Here a write holds its items for 10 ms, in virtual time, however many entries it has. Each caller
// has its own client, as each Lambda environment has. The retry policy keeps these bounds; infra's
// TestStorm has more callers.
func TestHotAccount(t *testing.T) {
	t.Parallel()
	config := infra.Config{
		TransactionsTable: "transactions", AggregateTable: "transactions_aggregate", Region: "us-east-1",
		Credentials: aws.Credentials{AccessKeyID: "virtual", SecretAccessKey: "virtual"}, Settings: ledger.DefaultSettings(),
	}
	for _, c := range []struct {
		callers, entries int
		pause            time.Duration
		lasting          time.Duration // the longer, the closer two runs' p99
		share            float64       // of 1/held, at least
		attempts         float64       // a posting, at most
		median, p99      float64       // milliseconds, at most
		inPairs          bool          // callers pay each other in pairs, and no others
	}{
		{1, 1, 0, 20 * time.Second, 0.83, 1, 12, 12, false},
		{2, 1, 0, 20 * time.Second, 0.80, 1.5, 12, 300, false},
		{2, 1, 100 * time.Millisecond, 3 * time.Minute, 0, 1.5, 12, 100, false},
		{4, 1, 0, time.Minute, 0.80, 2, 12, 1000, false},
		{8, 1, 0, 20 * time.Second, 0.80, 3, 100, 1200, false},
		{16, 1, 0, 20 * time.Second, 0.80, 4, 100, 1200, false},
		{32, 1, 0, 10 * time.Second, 0.80, 10, 500, 1700, false},
		{64, 1, 0, 10 * time.Second, 0.80, 20, 1000, 2500, false},
		{16, 10, 0, 2 * time.Second, 0.80, 5, 200, 1800, false},
		{16, 50, 0, 2 * time.Second, 0.80, 5, 200, 1800, false},
		{16, 99, 0, 2 * time.Second, 0.80, 5, 200, 1800, false},
		{60, 2, 0, 4 * time.Second, 30 * 0.80, 1.5, 12, 400, true},
		{100, 2, 0, 4 * time.Second, 50 * 0.80, 1.5, 12, 400, true},
	} {
		t.Run(fmt.Sprintf("%d callers, %v pause, %d entries", c.callers, c.pause, c.entries), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				contention := faults.Contention(held, roundTrip)
				networks, all := make([]faults.Network, c.callers), make([]environment, c.callers)
				for i := range networks {
					networks[i].Always(contention)
					client := infra.NewClient(config, func(o *dynamodb.Options) { o.HTTPClient = applied{} }, faults.Under(&networks[i]))
					all[i] = newHandler(infra.NewStore(client, config), io.Discard)
				}
				user, o := one, entries("hot", credits(c.entries))
				if c.inPairs {
					user, o = strconv.Itoa, entries("in pairs", paysPartner)
				}
				got, err := postFrom(t.Context(), all, user, o, c.pause, c.lasting)
				require.NoError(t, err)
				requests := 0
				for i := range networks {
					requests += len(networks[i].Requests())
				}
				perSecond, attempts := float64(got.inTime)/c.lasting.Seconds(), float64(requests)/float64(len(got.took))
				t.Logf("| %d | %v | %d | %.0f | %.0f | %.1f | %.0f | %.0f |", c.callers, c.pause, c.entries,
					perSecond, perSecond*float64(c.entries), attempts, quantile(got.took, 0.5), quantile(got.took, 0.99))
				assert.Zero(t, got.unavailable, "answers 503")
				assert.GreaterOrEqual(t, perSecond*held.Seconds(), c.share, "share of 1/held")
				assert.LessOrEqual(t, attempts, c.attempts, "attempts a posting")
				assert.LessOrEqual(t, quantile(got.took, 0.5), c.median)
				assert.LessOrEqual(t, quantile(got.took, 0.99), c.p99)
			})
		})
	}
}

// BenchmarkHotAccount runs the built function in 16 processes that post to one user, on DynamoDB
// Local, which has no conflicts and takes its time for each row.
func BenchmarkHotAccount(b *testing.B) {
	binary := build(b, "onewrite")
	for _, count := range []int{1, 10, 50, 99} {
		b.Run(fmt.Sprintf("%d entries", count), func(b *testing.B) {
			books := infratest.New(b)
			var all []environment
			for range 16 {
				all = append(all, start(b, books, binary).Invoke)
			}
			const lasting = time.Second
			sum, unavailable := 0, 0
			var took []float64
			for b.Loop() {
				got, err := postFrom(b.Context(), all, one, entries("hot", credits(count)), 0, lasting)
				require.NoError(b, err)
				sum, unavailable, took = sum+got.inTime, unavailable+got.unavailable, append(took, got.took...)
			}
			perSecond := float64(sum) / lasting.Seconds() / float64(b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(perSecond, "writes/s")
			b.ReportMetric(perSecond*float64(count), "entries/s")
			b.ReportMetric(quantile(took, 0.5), "p50-ms")
			b.ReportMetric(quantile(took, 0.99), "p99-ms")
			b.ReportMetric(float64(unavailable), "503")
		})
	}
}
