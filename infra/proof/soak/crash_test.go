package main

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
	"onewrite/infra/internal/cli"
)

func TestMain(m *testing.M) { infratest.Main(m) }

var (
	kills = flag.Int64("kills", 20, "how many processes TestCrash kills")
	seed  = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the traffic and the kills")
)

// Processes over the same books are killed at random moments while callers
// insist on their calls. Every call has one effect, and one answer for ever.
func TestCrash(t *testing.T) {
	t.Parallel()
	t.Logf("-seed %d", *seed)
	const (
		processes   = 4
		mostAnswers = 40                    // of all processes, between two kills in one place
		moment      = 10 * time.Millisecond // longer than a call takes
	)
	books := infratest.New(t)
	fleet, err := startFleet(t.Context(), books.Env(), processes)
	require.NoError(t, err)
	t.Cleanup(fleet.close)
	tr := &traffic{seed: *seed, fleet: fleet}

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
	tr.settle(t.Context(), &cli.Progress{})
	require.NoError(t, tr.checkBooks(t.Context(), books))
	t.Logf("%d kills, %d postings, %d calls, %d of them cut off; %d replays before and %d after; %s",
		*kills, tr.postings(), tr.calls.Load(), tr.cut.Load(), applied, tr.replays.Load()-applied, tr.holds())
	assert.NoError(t, tr.err())
	assert.Positive(t, tr.cut.Load(), "calls cut off")
}
