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
	// maxSegments is the limit for -segments, far more than one machine can read at once.
	maxSegments = 1000
	// leastRate is the lowest -rate. At that rate, reading one page takes hours.
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

const about = `Checks that every user's balance matches the user's history, while the ledger is
in use. With -user, it writes a user's statement and checks only this user. With
-export, it writes all rows of a table. With -rebuild, for use after a restore, it
completes or removes torn transactions and recomputes the balances from the rows.
It changes the tables only with -rebuild -write; -rebuild alone shows the changes.

Environment:
  TRANSACTIONS_TABLE, TRANSACTIONS_AGGREGATE_TABLE  the names of the tables
  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
                             if not set, the SDK's other sources: AWS_PROFILE, a
                             sign-in, or the role of a container or a machine
  AWS_ENDPOINT_URL_DYNAMODB  another DynamoDB. If it is on this machine, unset
                             variables default to those of go run ./infra/local

Exit status:
  0  everything is right; with -rebuild, nothing is left to rebuild
  1  something is wrong; with -rebuild, something is left to rebuild or repair
  2  a flag or the environment is wrong
  3  nothing wrong was found, but some users could not be compared
  4  nothing wrong was found, but some rows could not be read`

// parseOptions parses the flags. With -h, it writes the help to out.
func parseOptions(args []string, out io.Writer) (o options, err error) {
	flags := cli.NewFlags("audit", about)
	flags.Float64Var(&o.unitsPerSecond, "rate", 1000, "use at most this many read and write `units` per second of the tables' throughput; 0 means no limit")
	flags.IntVar(&o.segments, "segments", 8, "read this many `parts` of a table at once")
	flags.DurationVar(&o.settle, "settle", 5*time.Second, "wait this `time` for a posting to appear in both tables before reporting a row as missing")
	for _, f := range formats {
		flags.Bool(string(f.format), false, f.about)
	}
	flags.StringVar(&o.service, "service", "", "with -emf: give the metrics the dimension service with this `name`; use the name of the ledger's function")
	flags.Func("user", "write the statement of the user with this `id`, and audit only this user; with -rebuild: rebuild only this user", func(s string) (err error) {
		o.user, err = ledger.ParseUserID(s)
		return err
	})
	flags.Func("export", "write all rows of this `table`, transactions or balances, as CSV or -json, without comparing balances", o.chooseExport)
	flags.Func("from", "with -user or -export: start at this `time` (RFC 3339) or on this day (UTC)", o.period.parseFrom)
	flags.Func("to", "with -user or -export: stop before this `time` (RFC 3339), or at the end of this day (UTC)", o.period.parseTo)
	flags.BoolVar(&o.rebuild, "rebuild", false, "show which rows and balances are missing or wrong according to the existing rows; for use after a restore")
	flags.BoolVar(&o.write, "write", false, "with -rebuild: also repair the tables; stop all other writers first")
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
		return cli.Usagef("-rate must be at least %g, or 0 for no limit", leastRate)
	case o.segments < 1 || o.segments > maxSegments:
		return cli.Usagef("-segments must be from 1 to %d", maxSegments)
	case o.settle < 0:
		return cli.Usagef("-settle must not be negative")
	case o.period.isEmpty():
		return cli.Usagef("-from must be before -to")
	case o.period != period{} && o.export == exportBalances:
		return cli.Usagef("-from and -to select transactions; -export balances always writes the current balances")
	case o.service != "" && o.format != formatEMF:
		return cli.Usagef("-service needs -emf; it is a dimension of the metrics")
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
	with       []string // the flags that the task accepts besides its own
}

// tasks lists the command's tasks. The last one runs if no flag chooses another.
var tasks = []task{
	{"rebuild", "-rebuild", []string{"rate", "segments", "settle", "json", "write", "user"}},
	{"user", "-user", []string{"rate", "settle", "json", "csv", "from", "to"}},
	{"export", "-export", []string{"rate", "segments", "json", "csv", "from", "to"}},
	{"", "the audit of all users", []string{"rate", "segments", "settle", "json", "emf", "service"}},
}

// checkTogether returns an error if the chosen task does not accept a given flag. The error names
// the tasks that accept it.
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
			but = "; use it with " + strings.Join(others, " or ")
		}
		return cli.Usagef("-%s cannot be used with %s%s", flag, chosen.name, but)
	}
	return nil
}

// formats lists the formats that have a flag, with the flag's help.
var formats = []struct {
	format format
	about  string
}{
	{formatJSON, "write JSON: the report, or a line for each transaction or row"},
	{formatCSV, "with -user or -export: write CSV"},
	{formatEMF, "write the counts as CloudWatch metrics, and the findings to standard error"},
}

// chosenFormat returns the format whose flag is given, or formatText. Two such flags are an error.
func chosenFormat(given []string) (chosen format, err error) {
	for _, f := range formats {
		if !slices.Contains(given, string(f.format)) {
			continue
		}
		if chosen != formatText {
			return "", cli.Usagef("-%s and -%s are both output formats; choose one", chosen, f.format)
		}
		chosen = f.format
	}
	return chosen, nil
}

// period includes the time from and excludes the time to. A zero time is no bound.
type period struct{ from, to time.Time }

func (p *period) isEmpty() bool {
	return !p.from.IsZero() && !p.to.IsZero() && !p.from.Before(p.to)
}

func (p *period) parseFrom(s string) (err error) {
	p.from, _, err = parseMoment(s)
	return err
}

// parseTo parses the end of the period. If s is a day, the period includes that whole day.
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
