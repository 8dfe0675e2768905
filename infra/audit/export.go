package main

import (
	"bytes"
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

// writeTable writes a table's rows as they are stored, in no order, each with its faults, and
// returns their number. They are from no single moment: a posting meanwhile may be among them or
// not.
func (a *audit) writeTable(ctx context.Context, o options, out io.Writer) (rows int, err error) {
	table, columns, examine := a.tables.config.TransactionsTable, books.TransactionAttributes, a.findInTransaction
	total := a.tables.transactions
	if o.export == exportBalances {
		table, columns, examine = a.tables.config.AggregateTable, books.AggregateAttributes, a.findInAggregate
		total = 0
	}
	a.progress.Begin("rows", total)
	s := newExport(out, o.format, columns)
	for r, readErr := range a.tables.scan(ctx, table) {
		if readErr != nil {
			a.report.Unfinished = readErr.Error()
			break
		}
		a.progress.Add(1)
		if !o.period.covers(r) {
			continue
		}
		found := examine(r)
		a.find(found...)
		if s.write(newExportLine(r, columns, details(found))) != nil {
			break
		}
		rows++
	}
	return rows, s.end()
}

// covers reports whether a transaction's row is in the period. A row without a readable time is.
func (p *period) covers(r row) bool {
	at, err := ledger.ParseTime(books.TextOf(r, "created_at"))
	return err != nil || !p.isBefore(at) && !p.isAfter(at)
}

func (a *audit) findInTransaction(r row) []finding {
	_, found, _ := books.ExamineTransaction(a.tables.config.Settings, r)
	return found
}

func (a *audit) findInAggregate(r row) []finding {
	if infra.IsRefundAccount(r) {
		_, found, _ := books.ExamineRefundAccount(a.tables.config.Settings, r)
		return found
	}
	_, _, found, _ := books.ExamineAggregate(a.tables.config.Settings, r)
	return found
}

// exportTable exports, and writes the result to log.
func exportTable(ctx context.Context, a *audit, o options, out, log io.Writer) (status int, err error) {
	rows, err := a.writeTable(ctx, o, out)
	a.progress.Stop()
	found := a.report.sorted()
	var text bytes.Buffer
	found.writeFindings(&text)
	fmt.Fprintf(&text, "%s of %s written, %d wrong\n", books.Count(rows, "row"), o.export, len(found.Mismatches))
	_, _ = text.WriteTo(log)
	return found.status(), err
}

// These columns follow those of the table.
const (
	columnOthers  = "others"  // the attributes without a column, as JSON
	columnProblem = "problem" // the row's faults
)

// exportLine is a row as it is stored. Its numbers are texts, so that no program rounds
// them.
type exportLine struct {
	columns []string
	values  map[string]any
}

// newExport returns an export's sheet. It has no form for a person.
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

// MarshalJSON returns an object with all attributes and the problem.
func (l exportLine) MarshalJSON() ([]byte, error) { return json.Marshal(l.values) }

func (l exportLine) fields() (fields []string) {
	others := maps.Clone(l.values)
	for _, name := range append(slices.Clone(l.columns), columnProblem) {
		delete(others, name)
	}
	for _, name := range l.columns {
		fields = append(fields, fieldOf(l.values[name]))
	}
	rest := ""
	if len(others) > 0 {
		rest = fieldOf(others)
	}
	return append(fields, rest, fieldOf(l.values[columnProblem]))
}

// fieldOf returns a text as it is, and any other value as JSON.
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
