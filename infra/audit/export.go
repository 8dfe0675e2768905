package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

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

// exportTable writes a table to out, and its findings and row count to log.
func exportTable(ctx context.Context, a *audit, o options, out, log io.Writer) (status int, err error) {
	rows, err := a.writeTable(ctx, o, out)
	a.progress.Stop()
	found := a.report.sorted()
	fmt.Fprintf(log, "%s%s of %s written, %d wrong\n", found.findings(), books.Count(rows, "row"), o.export, len(found.Mismatches))
	return found.status(), err
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

// sheet writes lines as CSV, as JSON or as a text table. After a write error, every later call
// returns the same error.
type sheet struct {
	out    io.Writer
	format format
	layout string // the format of a line in a text table
	csv    *csv.Writer
	err    error
}

// line is one line of a sheet. CSV and text show its fields, and JSON encodes the line itself.
type line interface{ fields() []string }

// newSheet returns a sheet and, unless the format is JSON, writes a header with the field names.
// layout is a [fmt.Sprintf] format for the text table.
func newSheet(out io.Writer, f format, layout string, head ...string) *sheet {
	s := &sheet{out: out, format: f, layout: layout, csv: csv.NewWriter(out)}
	if f != formatJSON {
		s.writeFields(head)
	}
	return s
}

func (s *sheet) write(l line) error {
	if s.err == nil && s.format == formatJSON {
		s.err = json.NewEncoder(s.out).Encode(l)
	} else if s.err == nil {
		s.writeFields(l.fields())
	}
	return s.err
}

func (s *sheet) writeFields(fields []string) {
	if s.format == formatText {
		var cells []any
		for _, field := range fields {
			cells = append(cells, printable(field))
		}
		_, s.err = fmt.Fprintln(s.out, strings.TrimRight(fmt.Sprintf(s.layout, cells...), " "))
		return
	}
	for i, field := range fields {
		fields[i] = inert(field)
	}
	s.err = s.csv.Write(fields)
}

func (s *sheet) end() error {
	s.csv.Flush()
	if s.err == nil {
		s.err = s.csv.Error()
	}
	return s.err
}

// printable returns s, quoted if it has invalid UTF-8 or unprintable characters.
func printable(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// beginsFormula lists the characters that can begin a formula in a spreadsheet, including their
// East Asian and small forms.
const beginsFormula = "=+-@＝＋－＠−﹢﹣﹦﹫"

// separators lists the characters at which some spreadsheets begin a new cell, even inside quotes.
// For example, a spreadsheet that splits lines at semicolons takes quotes after a comma as text.
const separators = ";|\t\r\n"

// inert returns s with apostrophes inserted, so that no spreadsheet treats any of it as a formula.
// It inserts one wherever a cell could begin with a formula or an apostrophe. To restore s, remove
// one apostrophe at each of these places.
func inert(s string) string {
	if number.MatchString(s) {
		return s
	}
	var safe strings.Builder
	begins := true
	for i, r := range s {
		if begins && mayBeFormula(s[i:]) {
			safe.WriteByte('\'')
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		safe.WriteString(s[i : i+size]) // keeps invalid UTF-8 as it is
		begins = strings.ContainsRune(separators, r)
	}
	return safe.String()
}

// mayBeFormula reports whether a spreadsheet could treat the cell as a formula. The first character
// decides, after any spaces, quotes and invisible characters. It is also true if the cell begins
// with an apostrophe, a tab or a line break.
func mayBeFormula(cell string) bool {
	if strings.HasPrefix(cell, "'") || strings.ContainsRune("\t\r\n", rune(cell[0])) {
		return true
	}
	cell = strings.TrimLeftFunc(cell, func(r rune) bool {
		return r == '"' || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	})
	first, _ := utf8.DecodeRuneInString(cell)
	return cell != "" && strings.ContainsRune(beginsFormula, first)
}

func valueOf(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}
