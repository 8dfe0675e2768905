package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"onewrite/ledger"
)

// maxSegments is far more than one machine reads at once.
const maxSegments = 1000

// options are what the flags say.
type options struct {
	unitsPerSecond float64
	segments       int
	settle         time.Duration
	asJSON, asEMF  bool
	user           ledger.UserID // none: everybody
	asCSV          bool
}

// parseOptions reads the flags. It writes the help to log if they ask for it,
// which is [flag.ErrHelp].
func parseOptions(args []string, log io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("audit", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run tells what is wrong, once
	flags.Float64Var(&o.unitsPerSecond, "rate", 1000, "read at most this many `units` a second of the tables' throughput; 0 is no limit")
	flags.IntVar(&o.segments, "segments", 8, "read this many `parts` of a table at once")
	flags.DurationVar(&o.settle, "settle", 5*time.Second, "give a posting this `time` to be in both tables before a row counts as missing")
	flags.BoolVar(&o.asJSON, "json", false, "write the report as JSON")
	flags.BoolVar(&o.asEMF, "emf", false, "write the counts as CloudWatch metrics, and what is wrong to standard error")
	flags.Func("user", "write the statement of the user with this `id`, and audit nothing", func(s string) (err error) {
		o.user, err = ledger.ParseUserID(s)
		return err
	})
	flags.BoolVar(&o.asCSV, "csv", false, "with -user: write it as CSV")
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(log)
		fmt.Fprintln(log, "Audit tells for every user whether the balance is what the history says.")
		flags.PrintDefaults()
	}
	if err != nil {
		return o, err
	}
	statement := o.user != ledger.UserID{}
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected %q", flags.Arg(0))
	case !(o.unitsPerSecond >= 0): // NaN is neither
		err = errors.New("-rate must not be negative")
	case o.segments < 1 || o.segments > maxSegments:
		err = fmt.Errorf("-segments must be from 1 to %d", maxSegments)
	case o.settle < 0:
		err = errors.New("-settle must not be negative")
	case o.asJSON && o.asEMF:
		err = errors.New("-json and -emf both write to standard output; choose one")
	case statement && (o.asJSON || o.asEMF):
		err = errors.New("-json and -emf are for the audit of everybody, and -user writes one statement")
	case o.asCSV && !statement:
		err = errors.New("-csv is for the statement of a -user")
	}
	return o, err
}
