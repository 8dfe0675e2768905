package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"

	"onewrite/infra/internal/cli"
	"onewrite/ledger"
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
	a := &audit{tables: b, settle: o.settle, progress: cli.ShowProgress(log), maxWaiting: maxWaiting}
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
