package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// collectAt is the garbage, in percent of the memory in use, that starts a collection. Most memory
// is the users' tallies, which stay to the end: with 30 an audit of 3,000,000 users takes half the
// memory that it takes with Go's default, 100.
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

// reportWithin is the invocation time left for the report when the audit ends: Lambda keeps nothing
// if a function times out.
const reportWithin = 10 * time.Second

var errTimeIsUp = errors.New("the time that Lambda gives to an invocation is up; read faster (-rate), or audit elsewhere")

// invoke runs one invocation as a Lambda function, with the flags in AUDIT_FLAGS, separated by
// spaces. The function fails if it was called wrongly or could not report, and not because of what
// it reports.
func invoke(ctx context.Context, getenv func(string) string, out, log io.Writer) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-reportWithin), errTimeIsUp)
		defer cancel()
	}
	err := run(ctx, strings.Fields(getenv("AUDIT_FLAGS")), getenv, out, log)
	if exit, ok := errors.AsType[*cli.ExitError](err); ok && exit.Err == nil {
		return nil
	}
	return err
}

// run writes the result to out, and everything else to log. Its error carries the exit status,
// unless that is exitRight.
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
		stop(err) // every report has this as its reason
	}
	if err := b.readSettings(ctx); err != nil {
		stop(err)
	}
	status, err := do(ctx, b, o, out, log)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // the signal, and not the request that it ended
	}
	if err != nil {
		return &cli.ExitError{Status: cmp.Or(status, exitUnfinished), Err: err}
	}
	if status != exitRight {
		return &cli.ExitError{Status: status} // the report has the reason
	}
	return nil
}

// do runs the task that the flags choose.
func do(ctx context.Context, b *reader, o options, out, log io.Writer) (status int, err error) {
	b.progress = cli.ShowProgress(log)
	a := &audit{reader: b, settle: o.settle, maxWaiting: maxWaiting}
	a.find(b.doubts...)
	switch {
	case o.export != "":
		return exportTable(ctx, a, o, out, log)
	case o.rebuild && o.write && b.doubts != nil:
		return exitWrong, fmt.Errorf("%s; no balance can be rebuilt without the settings: put the row back first", b.doubts[0])
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
		err = json.NewEncoder(out).Encode(found) // one value
	case formatEMF:
		err = errors.Join(found.writeText(log), found.writeMetrics(out, o.service, time.Now()))
	case formatText, formatCSV: // CSV is for a statement or an export
		err = found.writeText(out)
	}
	return found.status(), err
}
