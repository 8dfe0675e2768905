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

	"onewrite/infra/internal/books"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// collectAt is the GOGC value. Most memory is the users' tallies, which stay until the end. With
// 30, an audit of 3,000,000 users needs half the memory that it needs with Go's default of 100.
const collectAt = 30

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		lambda.Start(func(ctx context.Context) error { return invoke(ctx, os.Getenv, os.Stdout, os.Stderr) })
	}
	cli.Main("audit", func(ctx context.Context, args []string, out, log io.Writer) error {
		return execute(ctx, args, os.Getenv, out, log)
	})
}

// reportWithin is how long before Lambda's deadline the audit stops reading, so that it can still
// report.
const reportWithin = 10 * time.Second

var errTimeIsUp = errors.New("this invocation is about to end; read faster (-rate), or run the audit elsewhere")

// invoke runs one invocation as a Lambda function, with the flags in AUDIT_FLAGS, separated by
// spaces. It fails if the flags or the environment are wrong, or if it can't write the report.
// Findings are not an error.
func invoke(ctx context.Context, getenv func(string) string, out, log io.Writer) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-reportWithin), errTimeIsUp)
		defer cancel()
	}
	err := execute(ctx, strings.Fields(getenv("AUDIT_FLAGS")), getenv, out, log)
	if exit, ok := errors.AsType[*cli.ExitError](err); ok && exit.Err == nil {
		return nil
	}
	return err
}

// execute runs the command. It writes the result to out, and everything else to log. If the exit
// status is not exitRight, it returns an error that contains the status.
func execute(ctx context.Context, args []string, getenv func(string) string, out, log io.Writer) error {
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
		stop(err) // the report gives err as the reason
	}
	if err := b.readSettings(ctx); err != nil {
		stop(err)
	}
	status, err := do(ctx, b, o, out, log)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // report the signal, not the request that it interrupted
	}
	if err != nil {
		return &cli.ExitError{Status: cmp.Or(status, exitUnfinished), Err: err}
	}
	if status != exitRight {
		return &cli.ExitError{Status: status} // the report shows why
	}
	return nil
}

func do(ctx context.Context, b *reader, o options, out, log io.Writer) (status int, err error) {
	b.progress = cli.ShowProgress(log)
	a := &audit{reader: b, settle: o.settle, maxWaiting: maxWaiting}
	a.find(b.faults...)
	switch {
	case o.export != "":
		return exportTable(ctx, a, o, out, log)
	case o.rebuild && o.write && b.faults != nil:
		return exitWrong, fmt.Errorf("%s; no balance can be rebuilt without the settings: restore the settings row first", b.faults[0])
	case o.rebuild:
		return rebuildAll(ctx, a, o, out)
	case o.user != ledger.UserID{}:
		return stateUser(ctx, a, o, out, log)
	default:
		return auditAll(ctx, a, o, out, log)
	}
}

// auditAll audits all users and writes the report, even if the audit could not finish.
func auditAll(ctx context.Context, a *audit, o options, out, log io.Writer) (status int, err error) {
	found := a.run(ctx)
	a.progress.Stop()
	switch o.format {
	case formatJSON:
		err = json.NewEncoder(out).Encode(found)
	case formatEMF:
		err = errors.Join(found.writeText(log), found.writeMetrics(out, o.service, time.Now()))
	case formatText, formatCSV: // the flags allow CSV only for other tasks
		err = found.writeText(out)
	}
	return found.status(), err
}

// run audits all users. If reading fails or ctx ends, the report has the findings so far and the
// reason.
func (a *audit) run(ctx context.Context) report {
	a.recent = time.Now().Add(-inFlight)
	a.fold = books.NewFold(a.config.Settings, a.recent)
	a.suspects, a.ruled = map[ledger.UserID]*books.Tally{}, map[ledger.UserID]bool{}
	err := inOrder(ctx, a.foldTransactions, a.foldBalances, a.rereadSuspects, a.scanAgain, a.compareEntries, a.compareRefunds, a.checkMovers)
	if err != nil {
		a.report.Unfinished = err.Error()
	} else {
		a.report.Totals = &a.totals
	}
	return a.report.sorted()
}
