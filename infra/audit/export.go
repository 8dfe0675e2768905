package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// exportTable writes a table to out, and its findings and row count to log.
func exportTable(ctx context.Context, a *audit, o options, out, log io.Writer) (status int, err error) {
	rows, err := a.writeTable(ctx, o, out)
	a.progress.Stop()
	found := a.report.sorted()
	fmt.Fprintf(log, "%s%s of %s written, %d wrong\n", found.findings(), books.Count(rows, "row"), o.export, len(found.Mismatches))
	return found.status(), err
}

// writeTable writes the table's rows in the period as they are stored, in no particular order, each
// with its faults. It returns how many it wrote. The rows are not from one moment: a posting made
// meanwhile may be in the output in full, in part or not at all.
func (a *audit) writeTable(ctx context.Context, o options, out io.Writer) (rows int, err error) {
	table, columns, total := a.config.TransactionsTable, books.TransactionAttributes, a.transactions
	if o.export == exportBalances {
		table, columns, total = a.config.AggregateTable, books.AggregateAttributes, 0
	}
	s := newExport(out, o.format, columns)
	readErr := a.scan(ctx, table, "rows", total, func(r row) error {
		if !o.period.covers(r) {
			return nil
		}
		found := a.examine(r, o.export)
		err := s.write(newExportLine(r, columns, details(found)))
		if err == nil {
			rows++
		}
		return err
	})
	if err := s.end(); err != nil {
		return rows, err
	}
	if readErr != nil {
		a.report.Unfinished = readErr.Error()
	}
	return rows, nil
}

// covers reports whether a row was created in the period. A row without a readable time is in every
// period.
func (p *period) covers(r row) bool {
	at, err := ledger.ParseTime(books.TextOf(r, "created_at"))
	return err != nil || !p.isBefore(at) && !p.isAfter(at)
}

// examine returns the faults of a row, and adds them to the report.
func (a *audit) examine(r row, table string) (found []finding) {
	switch {
	case table == exportTransactions:
		_, found, _ = books.ExamineTransaction(a.config.Settings, r)
	case infra.IsRefundAccount(r):
		_, found, _ = books.ExamineRefundAccount(a.config.Settings, r)
	default:
		_, _, found, _ = books.ExamineAggregate(a.config.Settings, r)
	}
	a.find(found...)
	return found
}

// An export adds these columns to those of the table.
const (
	columnOthers  = "others"  // all other attributes, as JSON
	columnProblem = "problem" // the row's faults
)

// exportLine is a row as it is stored. Its numbers are strings, so that no program rounds them.
type exportLine struct {
	columns []string
	values  map[string]any
}

// newExport returns the sheet for an export. An export has no text format, so its default is CSV.
func newExport(out io.Writer, f format, columns []string) *sheet {
	if f == formatText {
		f = formatCSV
	}
	return newSheet(out, f, "", append(slices.Clone(columns), columnOthers, columnProblem)...)
}

func newExportLine(r row, columns []string, problem string) exportLine {
	l := exportLine{columns, map[string]any{}}
	exactly := func(o *attributevalue.DecoderOptions) { o.UseNumber = true }
	if err := attributevalue.UnmarshalMapWithOptions(r, &l.values, exactly); err != nil && problem == "" {
		problem = err.Error()
	}
	if problem != "" {
		l.values[columnProblem] = problem
	}
	return l
}

// MarshalJSON returns an object with all attributes and, if there is one, the problem.
func (l exportLine) MarshalJSON() ([]byte, error) { return json.Marshal(l.values) }

func (l exportLine) fields() (fields []string) {
	others := maps.Clone(l.values)
	for _, name := range append(slices.Clone(l.columns), columnProblem) {
		fields = append(fields, fieldOf(l.values[name]))
		delete(others, name)
	}
	rest := ""
	if len(others) > 0 {
		rest = fieldOf(others)
	}
	return slices.Insert(fields, len(l.columns), rest)
}

// fieldOf returns a string or number as it is, and any other value as JSON.
func fieldOf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case attributevalue.Number:
		return v.String()
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}
