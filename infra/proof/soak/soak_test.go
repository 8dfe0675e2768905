package soak

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
)

func TestMain(m *testing.M) { infratest.Main(m) }

const (
	processes = 4 // the function's: Lambda's environments
	callers   = 8
)

var (
	kills   = flag.Int64("kills", 20, "how many processes TestCrash kills")
	lasting = flag.Duration("lasting", 2*time.Second, "how long TestSoak lasts")
	seed    = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the traffic and the faults")
)

// Processes over the same books are killed at random moments while callers insist on their calls.
// Every call has one effect, and one answer forever.
func TestCrash(t *testing.T) {
	t.Parallel()
	const (
		mostAnswers = 40                    // from all processes, between two kills in one place
		moment      = 10 * time.Millisecond // longer than a call takes
	)
	books := infratest.New(t)
	tr := newTraffic(t, books.Env())
	ctx, stop := context.WithCancel(t.Context())
	var crashes sync.WaitGroup
	var killed atomic.Int64
	for i := range processes {
		crashes.Go(func() {
			r := rand.New(rand.NewPCG(*seed, uint64(1<<32+i)))
			for killed.Add(1) <= *kills {
				for due := tr.answered.Load() + r.Int64N(mostAnswers); tr.answered.Load() < due; {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(time.Duration(r.Int64N(int64(moment))))
				assert.NoError(t, tr.crash(i))
			}
		})
	}
	go func() {
		crashes.Wait()
		stop()
	}()
	tr.run(ctx, callers)
	require.NoError(t, t.Context().Err())

	applied := tr.replays.Load()
	tr.settle(t.Context())
	require.NoError(t, tr.checkBooks(t.Context(), books))
	t.Logf("%d kills, %d postings, %d calls, %d of them cut off; %d replays before and %d after; %s",
		*kills, tr.postings(), tr.calls.Load(), tr.cut.Load(), applied, tr.replays.Load()-applied, tr.holds())
	assert.Positive(t, tr.cut.Load(), "calls cut off")
}

// One in ten requests by the processes meets a fault, and one call in thirty is an event that no
// caller should send. No process dies or grows.
func TestSoak(t *testing.T) {
	t.Parallel()
	books, proxy, tr := newFaultyTraffic(t)

	ctx, stop := context.WithTimeout(t.Context(), *lasting)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tr.run(ctx, callers)
	}()
	quarters := tr.watch(ctx, *lasting)
	<-ended
	require.NoError(t, t.Context().Err())
	second, last := quarters[1], quarters[3]
	const grown = 28 << 20 // bytes, which every process has after its first thousands of calls
	assert.LessOrEqual(t, last.residentBytes, max(grown, second.residentBytes*5/4+4<<20), "bytes of the largest process in the last quarter, and in the second")
	assert.LessOrEqual(t, last.files, second.files+4, "open files, likewise")

	tr.settle(t.Context())
	assert.Zero(t, tr.cut.Load(), "calls that were cut off: a process died")
	require.NoError(t, tr.checkBooks(t.Context(), books))
	t.Logf("%d calls, %d of them hostile, %d answered 503; %d faults; %d postings; %s; at most %d MB",
		tr.calls.Load(), tr.hostile.Load(), tr.again.Load(), proxy.faults.Load(), tr.postings(), tr.holds(), last.residentBytes>>20)
}

// newTraffic starts function processes in an environment, and returns the traffic for them. They
// end with the test.
func newTraffic(t *testing.T, env []string) *traffic {
	t.Logf("-seed %d", *seed)
	fleet, err := startFleet(t.Context(), env, processes)
	require.NoError(t, err)
	t.Cleanup(fleet.close)
	return &traffic{t: t, seed: *seed, fleet: fleet}
}

// newFaultyTraffic starts traffic whose requests to the books meet faults on the way.
func newFaultyTraffic(t *testing.T) (*infratest.Books, *proxy, *traffic) {
	books := infratest.New(t)
	proxy, address, err := startProxy(books.Config.Endpoint, *seed)
	require.NoError(t, err)
	t.Cleanup(func() { proxy.server.Close() })
	behind := *books
	behind.Config.Endpoint = address
	return books, proxy, newTraffic(t, behind.Env())
}

// keepCrashing kills one process after another until ctx ends, and returns how many.
func (tr *traffic) keepCrashing(ctx context.Context) (kills int) {
	for ; ctx.Err() == nil; kills++ {
		assert.NoError(tr.t, tr.crash(kills%processes))
		time.Sleep(rand.N(200 * time.Millisecond))
	}
	return kills
}

// watch returns the most that any process uses in each quarter of a time.
func (tr *traffic) watch(ctx context.Context, lasting time.Duration) (quarters [4]health) {
	const looks = 5 // a quarter
	step := time.NewTicker(lasting / time.Duration(looks*len(quarters)+1))
	defer step.Stop()
	for i := range quarters {
		for range looks {
			select {
			case <-step.C:
			case <-ctx.Done():
				return quarters
			}
			now, err := tr.health()
			assert.NoError(tr.t, err, "a process has ended")
			quarters[i] = quarters[i].worst(now)
		}
	}
	return quarters
}
