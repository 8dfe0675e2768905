// Command soak runs the built function for minutes under traffic that is meant
// to break it, on this machine, and says whether it held.
//
//	go run ./infra/proof/soak [-minutes 10] [-seed N]
//
// A few processes of the function serve callers who post, repeat and reuse keys,
// read, and send what nobody should send. A proxy between the function and
// DynamoDB Local gives one request in ten a fault: lost, its answer lost or cut,
// late, refused by a conflict or by throttling, or failed. Callers insist until
// they have an outcome.
//
// It holds if every answer was right, every posting has one outcome and one
// row, the books are right, and no process died or grew: its memory, threads and
// open files are no more in the last quarter than in the second. The numbers of
// a process are read from /proc: it runs on Linux.
//
// It ends with status 1 if the function did not hold.
package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/cli"
)

const (
	environments = 4 // of Lambda, one process each
	callers      = 8
	steps        = 20 // of the progress bar
)

func main() { cli.Main("soak", run) }

// run writes the verdict to out, and progress to log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := cli.NewFlags("soak", "", "Runs the built function under traffic that is meant to break it, and says whether it held.")
	minutes := flags.Float64("minutes", 10, "soak for so many `minutes`")
	seed := flags.Uint64("seed", uint64(time.Now().UnixNano()), "of the traffic and the faults")
	if err := flags.Parse(args, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "seed %d\n", *seed)
	err := infratest.Command(ctx, log, func(t testing.TB) {
		soak(t, *seed, time.Duration(*minutes*float64(time.Minute)), out, log)
	})
	if err == nil {
		fmt.Fprintln(out, "it held")
	}
	return err
}

// soak fails t if the function does not hold.
func soak(t testing.TB, seed uint64, lasting time.Duration, out, log io.Writer) {
	books := infratest.New(t)
	proxy, address, err := startProxy(books.Config.Endpoint, seed)
	require.NoError(t, err)
	t.Cleanup(func() { _ = proxy.server.Close() })
	behind := *books
	behind.Config.Endpoint = address
	tr := &traffic{seed: seed}
	tr.start(t, behind.Env(), environments)

	ctx, cancel := context.WithTimeout(t.Context(), lasting)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tr.run(ctx, t, callers)
	}()
	var quarters [4]health
	for step := range steps {
		time.Sleep(lasting / steps)
		now := tr.health(t)
		quarters[step*len(quarters)/steps] = quarters[step*len(quarters)/steps].worst(now)
		fmt.Fprintf(log, "[%-*s] %3d %%  %d calls, %d faults; the worst process: %s\n",
			steps, strings.Repeat("=", step+1), 100*(step+1)/steps, tr.calls.Load(), proxy.faults.Load(), now)
	}
	<-ended
	require.NoError(t, t.Context().Err())
	assert.True(t, quarters[1].flat(quarters[3]), "a process grew from %s to %s", quarters[1], quarters[3])

	before := tr.replays.Load()
	tr.settle(t.Context(), t)
	assert.Equal(t, tr.postings(), books.Rows(t), "rows: one a posting")
	assert.Zero(t, tr.cut.Load(), "calls that a process died under")
	fmt.Fprintf(out, "%d calls, %d of them hostile, %d answered 503; %d faults of DynamoDB and its network\n",
		tr.calls.Load(), tr.hostile.Load(), tr.again.Load(), proxy.faults.Load())
	fmt.Fprintf(out, "%d postings, each with one outcome and one row; %d replays, then %d more of all of them\n",
		tr.postings(), before, tr.replays.Load()-before)
	fmt.Fprintf(out, "the worst process in the second quarter: %s; in the last: %s\n", quarters[1], quarters[3])
}

// health is the most that any of the processes uses.
func (f *fleet) health(t testing.TB) (worst health) {
	for _, function := range f.functions {
		h, err := healthOf(function.PID())
		require.NoError(t, err)
		worst = worst.worst(h)
	}
	return worst
}
