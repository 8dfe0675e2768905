// Command bench measures what the ledger adds to its DynamoDB requests:
//
//	go run ./infra/proof/bench [-quick] [-json] [-compare FILE] [-charts DIR] [part ...]
//
// The parts are latency, cpu, share, coldstart, memory, size, cost and scale;
// without any it is all of them. It
// runs each call next to its floor, which is the bare requests of the SDK, in
// turns, so that what else the machine does falls on both.
//
// Times are told and never judged. It fails where a bound is broken that does
// not depend on the machine's speed: allocations of our own, and size.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/cli"
)

func main() { cli.Main("bench", run) }

// effort is how often each part repeats.
type effort struct {
	pairs, calls, starts int
	memoryAfter          []int
	users                []int
	scaleFor             time.Duration
}

var (
	full  = effort{2_000, 20_000, 50, []int{1_000, 100_000}, []int{1, 10, 100, 1_000, 10_000}, 6 * time.Second}
	quick = effort{16, 2_000, 3, []int{100, 1_000}, []int{1, 100}, 400 * time.Millisecond}
)

var parts = []string{"latency", "cpu", "share", "coldstart", "memory", "size", "cost", "scale"}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := cli.NewFlags("bench", "[part ...]", "Measures what the ledger adds to its DynamoDB requests.\nThe parts are "+strings.Join(parts, ", ")+"; without any it is all of them.")
	short := flags.Bool("quick", false, "a short look at every part, with times that mean little")
	asJSON := flags.Bool("json", false, "write JSON in place of tables")
	earlier := flags.String("compare", "", "compare with the JSON in this `file`")
	charts := flags.String("charts", "", "draw charts into this `folder`")
	priceFile := flags.String("prices", "", "read the prices from this `file`, such as prices.json")
	if err := flags.Parse(args, out); err != nil {
		return err
	}
	chosen := flags.Args()
	if len(chosen) == 0 {
		chosen = parts
	}
	for _, part := range chosen {
		if !slices.Contains(parts, part) {
			return cli.Usagef("no part %q; the parts are %s", part, strings.Join(parts, ", "))
		}
	}
	much := full
	if *short {
		much = quick
	}
	p, err := readPrices(*priceFile)
	if err != nil {
		return err
	}
	r := &report{Machine: machine(), Prices: p}
	if err := r.measure(ctx, chosen, much, log); err != nil {
		return err
	}
	if err := r.write(out, *asJSON); err != nil {
		return err
	}
	if *earlier != "" {
		if err := r.compare(log, *earlier); err != nil {
			return err
		}
	}
	if *charts != "" {
		if err := r.draw(*charts); err != nil {
			return err
		}
	}
	if broken := r.broken(); broken != nil {
		return errors.New(strings.Join(broken, "; "))
	}
	return nil
}

// measure fills in the chosen parts.
func (r *report) measure(ctx context.Context, chosen []string, much effort, log io.Writer) error {
	dir, err := os.MkdirTemp("", "onewrite-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return infratest.Command(ctx, log, func(t testing.TB) {
		w, err := newWorld(ctx, infratest.New(t), dir)
		require.NoError(t, err)
		defer w.Close()
		progress := cli.ShowProgress(log)
		defer progress.Stop()
		for _, part := range chosen {
			require.NoError(t, r.measurePart(ctx, w, part, much, progress), part)
		}
	})
}

func (r *report) measurePart(ctx context.Context, w *world, part string, much effort, bar *cli.Progress) (err error) {
	tick := func() { bar.Add(1) }
	switch part {
	case "latency":
		plans := w.everySeries()
		bar.Begin(part, latencyRounds*len(plans))
		r.Latency, err = w.measureLatency(ctx, plans, much.pairs, tick)
	case "cpu":
		bar.Begin(part, len(outcomes))
		r.CPU, err = each(outcomes, bar, func(o outcome) (cpu, error) { return w.measureCPU(ctx, o, much.calls/10) })
	case "share":
		bar.Begin(part, len(outcomes))
		r.Share, err = each(outcomes, bar, func(o outcome) (ownShare, error) { return measureShare(ctx, o, much.calls) })
	case "coldstart":
		bar.Begin(part, much.starts)
		var s coldStart
		s, err = w.measureColdStart(ctx, much.starts, tick)
		r.Start = &s
	case "memory":
		bar.Begin(part, much.memoryAfter[len(much.memoryAfter)-1])
		r.Memory, err = w.measureMemory(ctx, much.memoryAfter, tick)
	case "size":
		bar.Begin(part, 0)
		var s size
		s, err = measureSize(ctx, w.dir)
		r.Size = &s
	case "cost":
		bar.Begin(part, 0)
		r.Cost, err = w.measureCost(ctx, r.Prices)
	case "scale":
		bar.Begin(part, len(much.users))
		r.Scale, err = each(much.users, bar, func(users int) (throughput, error) { return measureScale(ctx, users, much.scaleFor) })
	}
	return err
}

// each measures one after the other.
func each[T, R any](all []T, bar *cli.Progress, measure func(T) (R, error)) (results []R, err error) {
	for _, one := range all {
		result, err := measure(one)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
		bar.Add(1)
	}
	return results, nil
}

func (r *report) write(out io.Writer, asJSON bool) error {
	if !asJSON {
		return r.print(out)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func sortedKeys(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }
