package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"onewrite/ledger"
)

// The tables that can be exported.
const (
	exportTransactions = "transactions"
	exportBalances     = "balances"
)

func (o *options) chooseExport(table string) error {
	if table != exportTransactions && table != exportBalances {
		return fmt.Errorf("must be %s or %s", exportTransactions, exportBalances)
	}
	o.export = table
	return nil
}

// export writes all rows of a table as they are stored, in no order, each with
// what is wrong with the row itself. It returns how many it wrote. They are of no
// one moment: a posting meanwhile may be among them or not.
func (a *audit) export(ctx context.Context, o options, out io.Writer) (rows int, err error) {
	table, columns, examine := a.books.config.TransactionsTable, transactionAttributes, findInTransaction
	total := a.books.transactions
	if o.export == exportBalances {
		table, columns, examine = a.books.config.AggregateTable, aggregateAttributes, findInAggregate
		total = 0
	}
	a.progress.Begin("rows", total)
	s := newExport(out, o.format, columns)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err = a.books.scan(ctx, table, func(page []row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.progress.Add(len(page))
		for _, r := range page {
			if !o.period.holds(r) {
				continue
			}
			found := examine(r)
			a.find(found...)
			if err := s.write(newExportLine(r, columns, details(found))); err != nil {
				stop(err)
				return
			}
			rows++
		}
	})
	if err != nil {
		a.report.Unfinished = err.Error()
	}
	return rows, s.end()
}

// holds reports whether a transaction's row is of the period. It is if its time
// can't be read.
func (p *period) holds(r row) bool {
	at, err := ledger.ParseTime(textOf(r, "created_at"))
	return err != nil || !p.isBefore(at) && !p.isAfter(at)
}

func findInTransaction(r row) []finding {
	_, found, _ := examineTransaction(r)
	return found
}

func findInAggregate(r row) []finding {
	_, _, found, _ := examineAggregate(r)
	return found
}

// exportTable exports, and says to log what came of it.
func exportTable(ctx context.Context, a *audit, o options, out, log io.Writer) (status int, err error) {
	rows, err := a.export(ctx, o, out)
	a.progress.Stop()
	found := a.report.sorted()
	var text bytes.Buffer
	found.writeFindings(&text)
	fmt.Fprintf(&text, "%s of %s written, %d wrong\n", count(rows, "row"), o.export, len(found.Mismatches))
	_, _ = text.WriteTo(log)
	return found.status(), err
}
