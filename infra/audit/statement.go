package main

import (
	"context"
	"io"
	"time"

	"onewrite/ledger"
)

// statement writes a user's transactions of a period, oldest first, with the
// balance after each, and audits this user. Rows that can't be read are lines,
// too, without a balance.
//
// The order is that of created_at, the function's clock. Between transactions
// of the same moment the running balance may differ from the one that was
// there, even be below zero; the last is right.
func (a *audit) statement(ctx context.Context, o options, out io.Writer) (report, error) {
	s := newStatement(out, o.format, o.period)
	a.report.Users = 1
	err := a.books.history(ctx, o.user, time.Time{}, func(r row) {
		a.report.Transactions++
		t, found, ok := examineTransaction(r)
		a.find(found...)
		s.add(r, t, found, ok)
	})
	if err == nil {
		err = a.auditUser(ctx, o.user, &s.all)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx) // the signal, and not the request that it ended
	}
	if err != nil {
		a.report.Unfinished = err.Error()
	} else {
		s.close(a.problemOf())
	}
	return a.report.sorted(), s.sheet.end()
}

// auditUser compares the rows that were seen of a user with the balance. The index
// may lag, so it waits for rows that it does not have.
func (a *audit) auditUser(ctx context.Context, user ledger.UserID, seen *tally) error {
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
		a.leave(user, last+"; rows are damaged, or missing in the index or in the table, which the audit of everybody tells")
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
