// Command soak runs the built function for minutes under traffic that is meant
// to break it, on this machine, and says whether it held.
//
//	go run -C infra/proof ./soak [-minutes 10] [-seed N]
//
// A few processes of the function serve callers who post single entries,
// payments in circles, fees, batches, holds and payments on hold, capture and void
// what is held, repeat and reuse keys, read, and send what nobody should send. A proxy between the function and
// DynamoDB Local gives one request in ten a fault: lost, its answer lost or cut,
// late, cancelled by a conflict or by throttling, or failed. Callers insist until
// they have an outcome.
//
// It holds if every answer was right, every posting has one outcome and the rows
// of it, every hold at most one end, the users have what they began with and what
// was brought in, counting what is held, the books are right, and no process died or grew: its memory, threads and
// open files are no more in the last quarter than in the second. The numbers of
// a process are read from /proc: it runs on Linux.
//
// It ends with status 1 if the function did not hold.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/cli"
)

const (
	environments = 4 // of Lambda, one process each
	callers      = 8
	steps        = 20 // of the progress

	leastMinutes = 0.01
	mostMinutes  = 1e6
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
	if !(*minutes >= leastMinutes && *minutes <= mostMinutes) { // NaN is neither
		return cli.Usagef("-minutes must be from %g to %g", leastMinutes, mostMinutes)
	}
	lasting := time.Duration(*minutes * float64(time.Minute))
	database, err := infratest.OpenDatabase(ctx, log)
	if err != nil {
		return err
	}
	defer database.Close()
	books, err := infratest.Open(ctx, database.Endpoint)
	if err != nil {
		return err
	}
	defer books.Close(ctx)
	fmt.Fprintf(out, "seed %d\n", *seed)
	if err := soak(ctx, books, *seed, lasting, out, log); err != nil {
		return err
	}
	fmt.Fprintln(out, "it held")
	return nil
}

// soak returns an error if the function does not hold.
func soak(ctx context.Context, books *infratest.Books, seed uint64, lasting time.Duration, out, log io.Writer) error {
	proxy, address, err := startProxy(books.Config.Endpoint, seed)
	if err != nil {
		return err
	}
	defer proxy.server.Close()
	behind := *books
	behind.Config.Endpoint = address
	fleet, err := startFleet(ctx, behind.Env(), environments)
	if err != nil {
		return err
	}
	defer fleet.close()

	tr := &traffic{seed: seed, fleet: fleet}
	second, last, replays, err := tr.runAndCheck(ctx, books, proxy, lasting, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d calls, %d of them hostile, %d answered 503; %d faults of DynamoDB and its network\n",
		tr.calls.Load(), tr.hostile.Load(), tr.again.Load(), proxy.faults.Load())
	fmt.Fprintf(out, "%d postings, each with one outcome and its rows; %d replays, then %d more of all of them\n",
		tr.postings(), replays, tr.replays.Load()-replays)
	fmt.Fprintln(out, tr.holds())
	fmt.Fprintf(out, "the worst process in the second quarter: %s; in the last: %s\n", second, last)
	return tr.err()
}

// runAndCheck lets callers call for a time, and then checks everything. It returns the
// health of the worst process in the second quarter of that time and in the last, and
// how many replays there were in it.
func (tr *traffic) runAndCheck(ctx context.Context, books *infratest.Books, proxy *proxy, lasting time.Duration, log io.Writer) (second, last health, replays int64, err error) {
	progress := cli.ShowProgress(log)
	defer progress.Stop()
	if second, last, err = tr.runWatched(ctx, lasting, proxy, progress); err != nil {
		return second, last, 0, err
	}
	tr.expect(second.flat(last), "a process grew from %s to %s", second, last)
	replays = tr.replays.Load()
	tr.settle(ctx, progress)
	tr.expect(tr.cut.Load() == 0, "%d calls were cut off: a process died", tr.cut.Load())
	progress.Begin("audit", 0)
	return second, last, replays, tr.checkBooks(ctx, books)
}

// runWatched lets callers call for a time, and returns the most that any process
// used in its second quarter and in its last.
func (tr *traffic) runWatched(ctx context.Context, lasting time.Duration, proxy *proxy, progress *cli.Progress) (second, last health, err error) {
	callersCtx, end := context.WithTimeout(ctx, lasting)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tr.run(callersCtx, callers)
	}()
	defer func() { end(); <-ended }()
	progress.Begin("soak", steps)
	step := time.NewTicker(lasting / steps)
	defer step.Stop()
	var quarters [4]health
	for i := range steps {
		select {
		case <-step.C:
		case <-ctx.Done():
			return second, last, ctx.Err()
		}
		now, err := tr.health()
		if err != nil {
			return second, last, fmt.Errorf("it did not hold: %w", err)
		}
		quarter := &quarters[i*len(quarters)/steps]
		*quarter = quarter.worst(now)
		progress.Add(1)
		progress.Note("%d calls, %d faults; the worst process: %s", tr.calls.Load(), proxy.faults.Load(), now)
	}
	return quarters[1], quarters[3], nil
}
