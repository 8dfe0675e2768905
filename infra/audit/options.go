package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

const (
	// maxSegments is far more than one machine can read at once.
	maxSegments = 1000
	// leastRate is so slow that reading one page takes hours.
	leastRate = 0.001
)

type options struct {
	unitsPerSecond float64
	segments       int
	settle         time.Duration
	format         format
	service        string
	user           ledger.UserID // zero: all users
	export         string        // the table to export; "": none
	period         period
	rebuild, write bool
}

const about = `Audits the ledger while it is used: whether every user's balance is what the
history says. Or writes a user's statement (-user), or a whole table (-export).
Or rebuilds the tables from their rows, after a restore (-rebuild): it makes torn
transactions whole, and the balances what the rows say. It writes nothing to the
tables, unless -rebuild -write says so.

Environment:
  TRANSACTIONS_TABLE, TRANSACTIONS_AGGREGATE_TABLE  the names of the tables
  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
                             or what the SDK reads in their place: AWS_PROFILE,
                             a sign-in, the role of a container or a machine
  AWS_ENDPOINT_URL_DYNAMODB  another DynamoDB; if it is on this machine, what
                             else is not set is as for go run ./infra/local

It ends with status 0 if all is right, 1 if something is wrong, 2 if a flag or
the environment is, 3 if nothing wrong was found but some users moved all the
time, and 4 if nothing wrong was found but not everything could be read. With
-rebuild, 0 if nothing was to be rebuilt or all of it was, 1 if something is left,
and 4 if nothing is left but not everything could be read.`

// parseOptions parses the flags. With -h, it writes the help to out.
func parseOptions(args []string, out io.Writer) (o options, err error) {
	flags := cli.NewFlags("audit", about)
	flags.Float64Var(&o.unitsPerSecond, "rate", 1000, "read, and with -rebuild write, at most this many `units` a second of the tables' throughput; 0 is no limit")
	flags.IntVar(&o.segments, "segments", 8, "read this many `parts` of a table at once")
	flags.DurationVar(&o.settle, "settle", 5*time.Second, "give a posting this `time` to be in both tables before a row counts as missing")
	for _, f := range formats {
		flags.Bool(string(f.format), false, f.about)
	}
	flags.StringVar(&o.service, "service", "", "with -emf: count the metrics by this `name`, which is the ledger's function's in its own metrics")
	flags.Func("user", "write the statement of the user with this `id`, and audit this user alone; with -rebuild: rebuild this user alone", func(s string) (err error) {
		o.user, err = ledger.ParseUserID(s)
		return err
	})
	flags.Func("export", "write all rows of a `table`, transactions or balances, as CSV or -json, and compare nothing", o.chooseExport)
	flags.Func("from", "with -user, -export: from this `time` on, in RFC 3339, or from this day on (UTC)", o.period.parseFrom)
	flags.Func("to", "with -user, -export: until before this `time`, or until this day has ended (UTC)", o.period.parseTo)
	flags.BoolVar(&o.rebuild, "rebuild", false, "show the rows and balances that are missing or wrong, going by the rows that there are, as after a restore of the tables")
	flags.BoolVar(&o.write, "write", false, "with -rebuild: write them; nobody else may write meanwhile")
	if err := flags.Parse(args, out); err != nil {
		return o, err
	}
	if o.format, err = chosenFormat(flags.Given()); err != nil {
		return o, err
	}
	if err := checkTogether(flags.Given()); err != nil {
		return o, err
	}
	return o, o.check()
}

// check returns an error if a value is out of range or needs another flag.
func (o *options) check() error {
	switch {
	case !(o.unitsPerSecond == 0 || o.unitsPerSecond >= leastRate): // also rejects NaN
		return cli.Usagef("-rate must be at least %g, or 0, which is no limit", leastRate)
	case o.segments < 1 || o.segments > maxSegments:
		return cli.Usagef("-segments must be from 1 to %d", maxSegments)
	case o.settle < 0:
		return cli.Usagef("-settle must not be negative")
	case o.period.isEmpty():
		return cli.Usagef("-from must be before -to")
	case o.period != period{} && o.export == exportBalances:
		return cli.Usagef("-from and -to choose transactions, and -export balances writes what there is now")
	case o.service != "" && o.format != formatEMF:
		return cli.Usagef("-service is a dimension of the metrics of -emf")
	}
	return nil
}

const (
	exportTransactions = "transactions"
	exportBalances     = "balances"
)

func (o *options) chooseExport(table string) error {
	if table != exportTransactions && table != exportBalances {
		return fmt.Errorf("must be %s or %s", exportTransactions, exportBalances)
	}
	o.export = table
	return nil
}

type task struct {
	flag, name string
	with       []string // the other flags that it accepts
}

// tasks lists the command's tasks. The last one runs if no flag chooses another.
var tasks = []task{
	{"rebuild", "-rebuild", []string{"rate", "segments", "settle", "json", "write", "user"}},
	{"user", "-user", []string{"rate", "settle", "json", "csv", "from", "to"}},
	{"export", "-export", []string{"rate", "segments", "json", "csv", "from", "to"}},
	{"", "the audit of everybody", []string{"rate", "segments", "settle", "json", "emf", "service"}},
}

// checkTogether returns an error if the task does not accept a flag. The error names the tasks that
// do.
func checkTogether(given []string) error {
	chosen := tasks[slices.IndexFunc(tasks, func(t task) bool { return t.flag == "" || slices.Contains(given, t.flag) })]
	for _, flag := range given {
		if flag == chosen.flag || slices.Contains(chosen.with, flag) {
			continue
		}
		var others []string
		for _, other := range tasks {
			if slices.Contains(other.with, flag) {
				others = append(others, other.name)
			}
		}
		but := ""
		if others != nil {
			but = ", but with " + strings.Join(others, " or ")
		}
		return cli.Usagef("-%s does not go with %s%s", flag, chosen.name, but)
	}
	return nil
}

// format is the format of standard output. Text is the default, and each other format has a flag.
type format string

const (
	formatText format = ""
	formatJSON format = "json"
	formatCSV  format = "csv"
	formatEMF  format = "emf"
)

// formats lists the formats that have a flag, with the flag's help.
var formats = []struct {
	format format
	about  string
}{
	{formatJSON, "write JSON: the report, or a line for each transaction or row"},
	{formatCSV, "with -user, -export: write CSV"},
	{formatEMF, "write the counts as CloudWatch metrics, and what is wrong to standard error"},
}

// chosenFormat returns the given flag's format. More than one is an error.
func chosenFormat(given []string) (chosen format, err error) {
	for _, f := range formats {
		if !slices.Contains(given, string(f.format)) {
			continue
		}
		if chosen != formatText {
			return "", cli.Usagef("-%s and -%s are both a format of standard output; choose one", chosen, f.format)
		}
		chosen = f.format
	}
	return chosen, nil
}

// period includes from and excludes to. A zero time is no bound.
type period struct{ from, to time.Time }

func (p *period) isEmpty() bool {
	return !p.from.IsZero() && !p.to.IsZero() && !p.from.Before(p.to)
}

func (p *period) parseFrom(s string) (err error) {
	p.from, _, err = parseMoment(s)
	return err
}

// parseTo parses the end of the period. If s is a day, the period includes all of it.
func (p *period) parseTo(s string) (err error) {
	moment, isDay, err := parseMoment(s)
	if isDay {
		moment = moment.AddDate(0, 0, 1)
	}
	p.to = moment
	return err
}

// parseMoment parses a time in RFC 3339, or a day, for which it returns the first moment in UTC.
func parseMoment(s string) (moment time.Time, isDay bool, err error) {
	if moment, err = time.Parse(time.DateOnly, s); err == nil {
		return moment, true, nil
	}
	if moment, err = time.Parse(time.RFC3339, s); err != nil {
		return moment, false, errors.New("must be a day, such as 2026-11-30, or a time, such as 2026-11-30T12:00:00Z")
	}
	return moment.UTC(), false, nil
}

func (p *period) isBefore(moment time.Time) bool { return moment.Before(p.from) }

func (p *period) isAfter(moment time.Time) bool { return !p.to.IsZero() && !moment.Before(p.to) }
