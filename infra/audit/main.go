package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// The exit statuses besides 2, which is a flag or an environment that is wrong.
// What is wrong counts for more than what is not known.
const (
	exitRight      = 0 // every balance is what its history says
	exitWrong      = 1 // something is not as it must be
	exitUnsettled  = 3 // nothing wrong was found; some users moved all the time
	exitUnfinished = 4 // nothing wrong was found; not everything could be read
)

// collectAt is the garbage, in percent of the memory in use, at which it is collected.
// Most memory in use is the users' tallies, which stay to the end: with Go's own 100
// an audit of 3,000,000 users took 1,424 MB at most, and with 30 it takes 726 MB.
const collectAt = 30

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		lambda.Start(func(ctx context.Context) error { return invoke(ctx, os.Getenv, os.Stdout, os.Stderr) })
	}
	cli.Main("audit", func(ctx context.Context, args []string, out, log io.Writer) error {
		return run(ctx, args, os.Getenv, out, log)
	})
}

// run writes what was asked for to out, and everything else to log. The error
// has the exit status, if that is not exitRight.
func run(ctx context.Context, args []string, getenv func(string) string, out, log io.Writer) error {
	o, err := parseOptions(args, out)
	if err != nil {
		return err
	}
	client, config, err := connect(ctx, getenv)
	if err != nil {
		return err
	}
	b := &reader{client: client, config: config, pace: &pace{unitsPerSecond: o.unitsPerSecond}, segments: o.segments}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if err := b.open(ctx); err != nil {
		if _, ok := errors.AsType[*cli.ExitError](err); ok {
			return err
		}
		stop(err) // every report says that this ended it
	}
	status, err := do(ctx, b, o, out, log)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // the signal, and not the request that it ended
	}
	if err != nil {
		return &cli.ExitError{Status: cmp.Or(status, exitUnfinished), Err: err}
	}
	if status != exitRight {
		return &cli.ExitError{Status: status} // the report has said why
	}
	return nil
}

// do does what the flags ask for. The error is that of writing.
func do(ctx context.Context, b *reader, o options, out, log io.Writer) (status int, err error) {
	a := &audit{tables: b, settle: o.settle, progress: cli.ShowProgress(log)}
	switch {
	case o.export != "":
		return exportTable(ctx, a, o, out, log)
	case o.rebuild:
		return rebuildAll(ctx, a, o, out)
	case o.user != ledger.UserID{}:
		return stateUser(ctx, a, o, out, log)
	default:
		return auditAll(ctx, a, o, out, log)
	}
}

// auditAll writes the report, whether or not the audit could finish.
func auditAll(ctx context.Context, a *audit, o options, out, log io.Writer) (status int, err error) {
	found := a.run(ctx)
	a.progress.Stop()
	switch o.format {
	case formatJSON:
		err = found.writeJSON(out)
	case formatEMF:
		err = errors.Join(found.writeText(log), found.writeMetrics(out, o.service, time.Now()))
	case formatText, formatCSV: // CSV is of a statement or an export
		err = found.writeText(out)
	}
	return found.status(), err
}

// stateUser writes a statement and, after it, the report of that user: to log where
// the statement is for programs.
func stateUser(ctx context.Context, a *audit, o options, out, log io.Writer) (status int, err error) {
	found, err := a.statement(ctx, o, out)
	a.progress.Stop()
	if o.format == formatText {
		log = out
	}
	return found.status(), errors.Join(err, found.writeText(log))
}
