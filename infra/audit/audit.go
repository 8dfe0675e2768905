package main

import (
	"context"
	"sync"
	"time"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// inFlight is more than the time from a row's created_at to its place in the
// tables: a call of the function ends after 10 seconds.
const inFlight = time.Minute

// audit compares the balances with the history, once.
type audit struct {
	tables   *reader
	settle   time.Duration // see the package comment
	progress *cli.Progress

	mu      sync.Mutex
	report  report
	totals  totals
	entries *books.EntrySums
	holds   *books.Pairs
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
	tallies, err := a.scanTransactions(ctx, recent)
	if err != nil {
		return err
	}
	suspects, err := a.scanBalances(ctx, tallies, recent)
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
	return a.compareEntries(ctx, recent)
}

// decide compares what was seen of a user with the balance, and notes what comes
// of that. It is open if that can't be said yet. a.mu is held.
func (a *audit) decide(user ledger.UserID, seen *books.Tally, floor int, balance infra.Aggregate) books.Verdict {
	v := seen.Judge(floor, balance)
	if v == books.Wrong {
		a.find(finding{UserID: user.String(), Kind: books.KindBalance, Detail: seen.Compare(balance)})
	}
	if v != books.Open {
		a.totals.add(seen, balance)
	}
	return v
}

// find notes findings. a.mu is held.
func (a *audit) find(found ...finding) {
	a.report.Mismatches = append(a.report.Mismatches, found...)
}

// leave notes that a user could not be settled, and why. a.mu is held.
func (a *audit) leave(user ledger.UserID, detail string) {
	a.report.Unsettled = append(a.report.Unsettled, finding{UserID: user.String(), Kind: books.KindBalance, Detail: detail})
}

// examine decodes a row, and notes what is wrong with it.
func (a *audit) examine(r row) (t ledger.Transaction, ok bool) {
	t, found, ok := books.ExamineTransaction(r)
	a.find(found...)
	return t, ok
}
