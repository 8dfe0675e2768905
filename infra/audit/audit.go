package main

import (
	"context"
	"errors"
	"io"
	"time"

	"onewrite/infra/internal/books"
)

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

// run reads everything and returns the report. What it found is in it also if
// it can't finish, because reading fails or ctx ends, and then it says so.
func (a *audit) run(ctx context.Context) report {
	if err := a.readAll(ctx); err != nil {
		a.report.Unfinished = err.Error()
	} else {
		a.report.Totals = a.totals.trialBalance()
	}
	return a.report.sorted()
}

// readAll notes in the report what it finds. Its error is a failure to read,
// never a finding.
func (a *audit) readAll(ctx context.Context) error {
	recent := time.Now().Add(-inFlight)
	a.fold = books.NewFold(recent)
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
	return a.checkMovers(ctx)
}
