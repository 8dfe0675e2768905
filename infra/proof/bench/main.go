// Command bench measures what the ledger adds to its DynamoDB requests:
//
//	go run -C infra/proof ./bench [-quick] [-json] [-compare FILE] [part ...]
//
// The parts are latency, entries, holds, cpu, share, coldstart, memory, size, cost,
// scale, hotaccount and hotentries; without any it is all of them. It runs each call next to its
// floor, which is the bare requests of the SDK, in turns, so that what else the
// machine does falls on both.
//
// Times are reported and never judged. It fails where a bound is broken that
// does not depend on the machine's speed (allocations of our own, and size), and
// where the books are wrong afterwards.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/cli"
)

func main() { cli.Main("bench", run) }

// effort is how often each part repeats.
type effort struct {
	pairs, calls, starts int
	fewPairs             int // of calls that take many rows
	memoryAfter          []int
	users                []int
	scaleFor             time.Duration
	holds                []time.Duration
	hotCallers           []int
	hotFor               time.Duration
	hotRounds            int // so that a bad second of the machine falls on no row alone
}

var (
	full = effort{
		pairs: 2_000, calls: 20_000, starts: 50, fewPairs: 200,
		memoryAfter: []int{1_000, 100_000},
		users:       []int{1, 10, 100, 1_000, 10_000}, scaleFor: 6 * time.Second,
		holds:      []time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond},
		hotCallers: []int{1, 2, 4, 8, 16, 32, 64}, hotFor: 10 * time.Second, hotRounds: 2,
	}
	quick = effort{
		pairs: 6, calls: 2_000, starts: 3, fewPairs: 2,
		memoryAfter: []int{100, 1_000},
		users:       []int{1, 100}, scaleFor: 400 * time.Millisecond,
		holds:      []time.Duration{10 * time.Millisecond},
		hotCallers: []int{1, 4}, hotFor: 200 * time.Millisecond, hotRounds: 1,
	}
)

var parts = []string{
	"latency", "entries", "holds", "cpu", "share", "coldstart", "memory", "size", "cost", "scale", "hotaccount", "hotentries",
}

// options is what the flags and words say, with the files that they name read.
type options struct {
	parts   []string
	much    effort
	asJSON  bool
	earlier *report // nil: nothing to compare with
	from    string  // its file
	prices  prices
}

func parseOptions(args []string, out io.Writer) (o options, err error) {
	flags := cli.NewFlags("bench", "[part ...]", "Measures what the ledger adds to its DynamoDB requests.\n"+
		"The parts are "+strings.Join(parts, ", ")+"; without any it is all of them.")
	short := flags.Bool("quick", false, "a short look at every part, with times that mean little")
	flags.BoolVar(&o.asJSON, "json", false, "write JSON in place of tables")
	flags.StringVar(&o.from, "compare", "", "compare with the JSON in this `file`")
	priceFile := flags.String("prices", "", "read the prices from this `file`, such as prices.json")
	if err := flags.Parse(args, out); err != nil {
		return o, err
	}
	if o.parts = flags.Args(); len(o.parts) == 0 {
		o.parts = parts
	}
	for _, part := range o.parts {
		if !slices.Contains(parts, part) {
			return o, cli.Usagef("no part %q; the parts are %s", part, strings.Join(parts, ", "))
		}
	}
	if o.much = full; *short {
		o.much = quick
	}
	if o.prices, err = readPrices(*priceFile); err != nil {
		return o, fmt.Errorf("-prices: %w", err)
	}
	if o.from != "" {
		if o.earlier, err = readReport(o.from); err != nil {
			return o, fmt.Errorf("-compare: %w", err)
		}
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o, err := parseOptions(args, out)
	if err != nil {
		return err
	}
	r := &report{Machine: machine(), Prices: o.prices}
	if err := r.measure(ctx, o.parts, o.much, log); err != nil {
		return err
	}
	if err := r.write(out, o.asJSON); err != nil {
		return err
	}
	if o.earlier != nil {
		fmt.Fprintf(log, "\nAgainst %s\n", o.from)
		r.compare(log, o.earlier)
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
	sub, err := newSubject(ctx, books, dir)
	if err != nil {
		return err
	}
	defer sub.end()
	progress := cli.ShowProgress(log)
	defer progress.Stop()
	for _, part := range chosen {
		if err := r.measurePart(ctx, sub, part, much, progress); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return books.Check(ctx)
}

func (r *report) measurePart(ctx context.Context, sub *subject, part string, much effort, bar *cli.Progress) (err error) {
	tick := func() { bar.Add(1) }
	switch part {
	case "latency":
		plans := sub.everySeries()
		bar.Begin(part, latencyRounds*len(plans))
		r.Latency, err = sub.measureLatency(ctx, plans, much.pairs, tick)
	case "entries":
		plans := sub.fewSeries(several)
		bar.Begin(part, latencyRounds*len(plans))
		r.Entries, err = sub.measureLatency(ctx, plans, much.fewPairs, tick)
	case "holds":
		plans := sub.fewSeries(onHold)
		bar.Begin(part, latencyRounds*len(plans))
		r.Holds, err = sub.measureLatency(ctx, plans, much.fewPairs, tick)
	case "cpu":
		bar.Begin(part, len(outcomes))
		r.CPU, err = each(outcomes, bar, func(o outcome) (cpu, error) { return sub.measureCPU(ctx, o, much.calls/10) })
	case "share":
		bar.Begin(part, len(outcomes)+len(shareEntries))
		r.Share, err = each(outcomes, bar, func(o outcome) (ownShare, error) { return measureShare(ctx, o, much.calls) })
		if err == nil {
			r.EntryShare, err = each(shareEntries, bar, func(n int) (ownShare, error) { return measureEntryShare(ctx, n, much.calls) })
		}
	case "coldstart":
		bar.Begin(part, much.starts)
		var s coldStart
		s, err = sub.measureColdStart(ctx, much.starts, tick)
		r.Start = &s
	case "memory":
		bar.Begin(part, much.memoryAfter[len(much.memoryAfter)-1])
		r.Memory, err = sub.measureMemory(ctx, much.memoryAfter, tick)
	case "size":
		bar.Begin(part, 0)
		var s size
		s, err = measureSize(ctx, sub.dir)
		r.Size = &s
	case "cost":
		bar.Begin(part, 0)
		r.Cost, r.Month, err = sub.measureCost(ctx, r.Prices)
	case "hotaccount":
		rows := hotSettings(much.holds, much.hotCallers, much.hotFor)
		bar.Begin(part, len(rows)+1)
		r.HotAccount, err = sub.measureHotAccount(ctx, rows, tick)
	case "hotentries":
		bar.Begin(part, much.hotRounds*len(hotEntries))
		r.HotEntries, err = sub.measureHotEntries(ctx, much, tick)
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
