package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// The exit statuses.
const (
	exitRight  = 0 // every balance is what its history says
	exitWrong  = 1 // something is not as it must be
	exitFailed = 2 // it could not be told, of all or of unsettled users
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// options are what the flags say.
type options struct {
	unitsPerSecond float64
	segments       int
	settle         time.Duration
	asJSON, asEMF  bool
	user           string
	asCSV          bool
}

// run writes what was asked for to out, and everything else to log.
func run(ctx context.Context, args []string, getenv func(string) string, out, log io.Writer) (status int) {
	o, err := parseOptions(args, log)
	if errors.Is(err, flag.ErrHelp) {
		return exitRight
	}
	var config infra.Config
	if err == nil {
		config, err = infra.ConfigFromEnv(getenv)
	}
	if err == nil {
		b := &books{infra.NewClient(config, patient), config, &pace{unitsPerSecond: o.unitsPerSecond}, o.segments}
		if o.user != "" {
			err = writeStatement(ctx, b, o, out)
		} else {
			status, err = auditAll(ctx, b, o, out, log)
		}
	}
	if err != nil {
		fmt.Fprintln(log, "audit:", err)
		return exitFailed
	}
	return status
}

func parseOptions(args []string, log io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("audit", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.Float64Var(&o.unitsPerSecond, "rate", 1000, "read at most this many `units` a second of the tables' throughput; 0 is no limit")
	flags.IntVar(&o.segments, "segments", 8, "read this many `parts` of a table at once")
	flags.DurationVar(&o.settle, "settle", 5*time.Second, "give a posting this `time` to be in both tables before a row counts as missing")
	flags.BoolVar(&o.asJSON, "json", false, "write the report as JSON")
	flags.BoolVar(&o.asEMF, "emf", false, "write the counts as a CloudWatch metric, and what is wrong to standard error")
	flags.StringVar(&o.user, "user", "", "write the statement of the user with this `id`, and audit nothing")
	flags.BoolVar(&o.asCSV, "csv", false, "with -user: write it as CSV")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected %q", flags.Arg(0))
	case o.unitsPerSecond < 0:
		return o, errors.New("-rate must not be negative")
	case o.segments < 1:
		return o, errors.New("-segments must be at least 1")
	case o.asJSON && o.asEMF:
		return o, errors.New("-json and -emf both write to standard output; choose one")
	case o.asCSV && o.user == "":
		return o, errors.New("-csv is for the statement of a -user")
	}
	return o, nil
}

func writeStatement(ctx context.Context, b *books, o options, out io.Writer) error {
	user, err := ledger.ParseUserID(o.user)
	if err != nil {
		return err
	}
	return b.statement(ctx, user, o.asCSV, out)
}

func auditAll(ctx context.Context, b *books, o options, out, log io.Writer) (status int, err error) {
	progress, stop := showProgress(log)
	found, err := (&audit{books: b, settle: o.settle, progress: progress}).run(ctx)
	stop()
	if err != nil {
		return exitFailed, err
	}
	switch {
	case o.asJSON:
		err = found.writeJSON(out)
	case o.asEMF:
		found.writeText(log)
		err = found.writeMetric(out, time.Now())
	default:
		found.writeText(out)
	}
	return found.status(), err
}
