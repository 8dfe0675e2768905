package main

import (
	"context"
	"io"
	"time"

	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// statement writes a user's transactions of a period, oldest first, with the
// balance after each, and audits this user. Rows that can't be read are lines,
// too, without a balance.
//
// The order is one that the balances allow: see [books.Timeline]. A row belongs to
// the period in which it counts.
func (a *audit) statement(ctx context.Context, o options, out io.Writer) (report, error) {
	s := newStatement(out, o.format, o.period)
	a.report.Users, a.report.ofOne = 1, true
	timeline := books.NewTimeline(inFlight, s.add)
	var err error
	for r, readErr := range a.tables.history(ctx, o.user, time.Time{}) {
		if readErr != nil {
			err = readErr
			break
		}
		a.report.Transactions++
		t, found, ok := books.ExamineTransaction(r)
		a.find(found...)
		s.all.Add(t)
		at, _ := ledger.ParseTime(books.TextOf(r, "created_at"))
		timeline.Add(books.Line{Row: r, Transaction: t, OK: ok, Found: found, At: at})
	}
	timeline.End()
	if err == nil {
		err = a.auditUser(ctx, o.user, &s.all)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx) // the signal, and not the request that it ended
	}
	if s.unknown && err == nil {
		a.leave(o.user, unknownOrder)
	}
	if err != nil {
		a.report.Unfinished = err.Error()
	} else {
		s.close(a.problemOf())
	}
	return a.report.sorted(), s.sheet.end()
}

// unknownOrder is the problem of rows whose order is not known.
const unknownOrder = "no order of the rows at about this time keeps the balance in its range: a row is missing or damaged, or a clock was wrong"

// auditUser compares the rows that were seen of a user with the balance. The index
// may lag, so it waits for rows that it does not have.
func (a *audit) auditUser(ctx context.Context, user ledger.UserID, seen *books.Tally) error {
	decided, last, err := a.reread(ctx, user, seen)
	if err == nil && !decided {
		if err := sleep(ctx, a.settle); err != nil {
			return err
		}
		decided, last, err = a.reread(ctx, user, seen)
	}
	if busy(err) {
		last, err = err.Error(), nil
	}
	if err == nil && !decided {
		a.leave(user, last+"; rows are damaged, or missing in the index or in the table: run the audit of everybody")
	}
	return err
}

// problemOf returns what is wrong with the balance of the one user of the report, or "".
func (a *audit) problemOf() string {
	for _, f := range append(a.report.Mismatches, a.report.Unsettled...) {
		if f.TransactionID == "" {
			return f.Detail
		}
	}
	return ""
}
