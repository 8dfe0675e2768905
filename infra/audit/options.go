package main

import (
	"io"
	"time"

	"onewrite/infra/internal/cli"
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
	service        string
	user           ledger.UserID // none: everybody
	asCSV          bool
	repair, write  bool
}

const about = `Tells for every user whether the balance is what the history says, while the
ledger goes on being used. It reads the tables that the environment names, as
the function does, and writes nothing to them, unless -repair -write says so.

It ends with status 0 if all is right, 1 if something is wrong, 2 if a flag or
the environment is, 3 if nothing wrong was found but some users moved all the
time, and 4 if nothing wrong was found but not everything could be read.`

// parseOptions reads the flags. If they ask for help, it is written to out.
func parseOptions(args []string, out io.Writer) (o options, err error) {
	flags := cli.NewFlags("audit", "", about)
	flags.Float64Var(&o.unitsPerSecond, "rate", 1000, "read at most this many `units` a second of the tables' throughput; 0 is no limit")
	flags.IntVar(&o.segments, "segments", 8, "read this many `parts` of a table at once")
	flags.DurationVar(&o.settle, "settle", 5*time.Second, "give a posting this `time` to be in both tables before a row counts as missing")
	flags.BoolVar(&o.asJSON, "json", false, "write the report as JSON")
	flags.BoolVar(&o.asEMF, "emf", false, "write the counts as CloudWatch metrics, and what is wrong to standard error")
	flags.StringVar(&o.service, "service", "", "with -emf: count the metrics by this `name`, which is the ledger's function's in its own metrics")
	flags.Func("user", "write the statement of the user with this `id`, and audit nothing", func(s string) (err error) {
		o.user, err = ledger.ParseUserID(s)
		return err
	})
	flags.BoolVar(&o.asCSV, "csv", false, "with -user: write it as CSV")
	flags.BoolVar(&o.repair, "repair", false, "say what the balances would be that the history determines, as after a restore of the tables")
	flags.BoolVar(&o.write, "write", false, "with -repair: write them; nobody else may write meanwhile")
	if err := flags.Parse(args, out); err != nil {
		return o, err
	}
	statement := o.user != ledger.UserID{}
	switch {
	case !(o.unitsPerSecond >= 0): // NaN is neither
		return o, cli.Usagef("-rate must not be negative")
	case o.segments < 1 || o.segments > maxSegments:
		return o, cli.Usagef("-segments must be from 1 to %d", maxSegments)
	case o.settle < 0:
		return o, cli.Usagef("-settle must not be negative")
	case o.asJSON && o.asEMF:
		return o, cli.Usagef("-json and -emf both write to standard output; choose one")
	case o.service != "" && !o.asEMF:
		return o, cli.Usagef("-service is a dimension of the metrics of -emf")
	case statement && (o.asJSON || o.asEMF):
		return o, cli.Usagef("-json and -emf are for the audit of everybody, and -user writes one statement")
	case o.repair && (statement || o.asEMF):
		return o, cli.Usagef("-repair is for everybody, and reports as text or as -json")
	case o.write && !o.repair:
		return o, cli.Usagef("-write is for -repair; an audit writes nothing")
	case o.asCSV && !statement:
		return o, cli.Usagef("-csv is for the statement of a -user")
	}
	return o, nil
}
