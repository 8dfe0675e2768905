package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"onewrite/infra/internal/books"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

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
	a := &audit{tables: b, settle: o.settle, progress: cli.ShowProgress(log), maxWaiting: maxWaiting}
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
		err = found.writeJSON(out)
	case formatEMF:
		err = errors.Join(found.writeText(log), found.writeMetrics(out, o.service, time.Now()))
	case formatText, formatCSV: // CSV is for a statement or an export
		err = found.writeText(out)
	}
	return found.status(), err
}

// run reads everything and returns the report. If it can't finish, because reading fails
// or ctx ends, the report has the findings so far and the reason.
func (a *audit) run(ctx context.Context) report {
	if err := a.readAll(ctx); err != nil {
		a.report.Unfinished = err.Error()
	} else {
		a.report.Totals = a.totals.trialBalance()
	}
	return a.report.sorted()
}

// readAll notes its findings in the report. Its error is a failure to read, never a
// finding.
func (a *audit) readAll(ctx context.Context) error {
	recent := time.Now().Add(-inFlight)
	a.fold = books.NewFold(a.tables.config.Settings, recent)
	if err := a.foldTransactions(ctx); err != nil {
		return err
	}
	suspects, err := a.foldBalances(ctx, recent)
	if err != nil {
		return err
	}
	undecided, err := a.rereadAll(ctx, suspects)
	if err != nil {
		return err
	}
	if len(undecided) > 0 {
		if err := a.scanAgain(ctx, undecided); err != nil {
			return err
		}
	}
	if err := a.compareEntries(ctx); err != nil {
		return err
	}
	if err := a.compareRefunds(ctx, recent); err != nil {
		return err
	}
	if err := a.checkRules(ctx); err != nil {
		return err
	}
	return a.checkMovers(ctx)
}
