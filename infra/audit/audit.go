package main

import (
	"context"
	"sync"
	"time"

	"onewrite/infra"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// inFlight is more than the time from a row's created_at to its place in the
// tables: a call of the function ends after 10 seconds.
const inFlight = time.Minute

// audit compares the balances with the history, once.
type audit struct {
	books    *books
	settle   time.Duration // see the package comment
	progress *cli.Progress

	mu      sync.Mutex
	report  report
	totals  totals
	entries *entrySums
	holds   holdPairs
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
func (a *audit) decide(user ledger.UserID, seen *tally, floor int, balance infra.Aggregate) verdict {
	v := seen.judge(floor, balance)
	if v == wrong {
		a.find(mismatch(user, seen, balance))
	}
	if v != open {
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
	a.report.Unsettled = append(a.report.Unsettled, finding{UserID: user.String(), Kind: kindBalance, Detail: detail})
}
