// Command bench prints the tables of what calls cost, and of what callers of one
// user do to each other:
//
//	go run -C infra/proof ./bench [-quick] [-prices FILE] cost|hotaccount|hotentries
//
// What a call takes next to its floor, the bare requests of the SDK, is measured
// by the benchmarks of this package.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"text/tabwriter"
	"time"

	"onewrite/infra/infratest"
)

// effort is how often and how long the hot accounts are measured.
type effort struct {
	holds      []time.Duration
	hotCallers []int
	hotFor     time.Duration
	hotRounds  int // so that a bad second of the machine falls on no row alone
}

var (
	full = effort{
		holds:      []time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond},
		hotCallers: []int{1, 2, 4, 8, 16, 32, 64}, hotFor: 10 * time.Second, hotRounds: 2,
	}
	quick = effort{
		holds:      []time.Duration{10 * time.Millisecond},
		hotCallers: []int{1, 4}, hotFor: 200 * time.Millisecond, hotRounds: 1,
	}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures one part, and prints its table to out.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	short := flags.Bool("quick", false, "a short look, with times that mean little")
	priceFile := flags.String("prices", "", "read the prices from this `file`, such as prices.json")
	if err := flags.Parse(args); err != nil {
		return err
	}
	prices, err := readPrices(*priceFile)
	if err != nil {
		return fmt.Errorf("-prices: %w", err)
	}
	much := full
	if *short {
		much = quick
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	part, ok := map[string]func(context.Context, *subject) error{
		"cost":       func(ctx context.Context, sub *subject) error { return sub.printCost(ctx, w, prices) },
		"hotaccount": func(ctx context.Context, sub *subject) error { return sub.printHotAccount(ctx, w, much) },
		"hotentries": func(ctx context.Context, sub *subject) error { return sub.printHotEntries(ctx, w, much) },
	}[flags.Arg(0)]
	if !ok || flags.NArg() != 1 {
		return fmt.Errorf("want one of cost, hotaccount and hotentries, and not %q", flags.Args())
	}
	fmt.Fprintf(w, "%s/%s, %d cores, %s\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	if err := onNewSubject(ctx, log, func(sub *subject) error { return part(ctx, sub) }); err != nil {
		return err
	}
	return w.Flush()
}

// onNewSubject measures on a DynamoDB Local of its own, and checks the books.
func onNewSubject(ctx context.Context, log io.Writer, measure func(*subject) error) error {
	database, err := infratest.OpenDatabase(ctx, log)
	if err != nil {
		return err
	}
	defer database.Close() //nolint:errcheck // the measurement has failed or is done
	books, err := infratest.Open(ctx, database.Endpoint)
	if err != nil {
		return err
	}
	defer books.Close(ctx) //nolint:errcheck // likewise
	dir, err := os.MkdirTemp("", "onewrite-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	sub, err := newSubject(ctx, books, dir)
	if err != nil {
		return err
	}
	defer sub.end()
	return errors.Join(measure(sub), books.Check(ctx))
}

func (sub *subject) printCost(ctx context.Context, w io.Writer, p prices) error {
	bills, err := sub.measureCost(ctx, p)
	fmt.Fprintf(w, "Dollars a million calls (%s, %s, %g ms at %g MB)\n", p.Region, p.Date, p.BilledMs, p.MemoryMB)
	fmt.Fprintln(w, "outcome\trequests\twrite units\tread units\tDynamoDB\tLambda\tHTTP API\tlogs, traces\ttotal\t")
	for _, b := range bills {
		fmt.Fprintf(w, "%s\t%d\t%g\t%g\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", b.Outcome, b.Requests, b.Writes, b.Reads, b.DynamoDB, b.Lambda, b.HTTPAPI, b.Logs, b.Total)
	}
	return err
}

func (sub *subject) printHotAccount(ctx context.Context, w io.Writer, much effort) error {
	all, err := sub.measureHotAccount(ctx, hotSettings(much.holds, much.hotCallers, much.hotFor), func() {})
	fmt.Fprintln(w, "Callers of one user, by how long a write holds its items")
	fmt.Fprintln(w, "hold ms\tcallers\tposted/s\tof 1/hold\tattempts a posting\tp50 ms\tp99 ms\tmax ms\t503\t")
	for _, h := range all {
		share, attempts := fmt.Sprintf("%.0f %%", 100*h.HoldShare), fmt.Sprintf("%.1f", h.Attempts)
		if h.HoldMs == 0 {
			share, attempts = "", ""
		}
		fmt.Fprintf(w, "%g\t%s\t%.0f\t%s\t%s\t%.0f\t%.0f\t%.0f\t%d\t\n",
			h.HoldMs, h.callersText(), h.PerSecond, share, attempts, h.Took.P50, h.Took.P99, h.MaxMs, h.Unavailable)
	}
	return err
}

func (sub *subject) printHotEntries(ctx context.Context, w io.Writer, much effort) error {
	all, err := sub.measureHotEntries(ctx, much, func() {})
	fmt.Fprintf(w, "Entries a second into one user, by %d processes\n", environments)
	fmt.Fprintln(w, "entries a write\twrites/s\tentries/s\tof single ones\tp50 ms\tp99 ms\t503\t")
	for _, h := range all {
		fmt.Fprintf(w, "%d\t%.0f\t%.0f\t%.1f\t%.0f\t%.0f\t%d\t\n", h.Entries, h.PerSecond, h.EntriesPerSecond, h.OfSingle, h.Took.P50, h.Took.P99, h.Unavailable)
	}
	return err
}
