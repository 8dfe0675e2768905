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

// writeTable writes a table's rows as they are stored, in no order, each with its faults, and
// returns their number. They are from no single moment: a posting meanwhile may be among them or
// not.
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

// covers reports whether a transaction's row is in the period. A row without a readable time is.
func (p *period) covers(r row) bool {
	at, err := ledger.ParseTime(books.TextOf(r, "created_at"))
	return err != nil || !p.isBefore(at) && !p.isAfter(at)
}

// examine notes and returns the faults of a table's row.
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

// exportTable exports, and writes the result to log.
func exportTable(ctx context.Context, a *audit, o options, out, log io.Writer) (status int, err error) {
	rows, err := a.writeTable(ctx, o, out)
	a.progress.Stop()
	found := a.report.sorted()
	fmt.Fprintf(log, "%s%s of %s written, %d wrong\n", found.findings(), books.Count(rows, "row"), o.export, len(found.Mismatches))
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
		fields = append(fields, fieldOf(l.values[name]))
		delete(others, name)
	}
	rest := ""
	if len(others) > 0 {
		rest = fieldOf(others)
	}
	return slices.Insert(fields, len(l.columns), rest)
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

// sheet writes lines one by one, as CSV, as JSON or as a table for a person. After an error in
// writing, each later call returns it too.
type sheet struct {
	out    io.Writer
	format format
	layout string // for a table's line
	csv    *csv.Writer
	err    error
}

// line is a sheet's line. Its JSON has its fields' names.
type line interface{ fields() []string }

// newSheet writes the head, which names the fields. layout is for [fmt.Sprintf].
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

// end writes the buffered lines.
func (s *sheet) end() error {
	s.csv.Flush()
	if s.err == nil {
		s.err = s.csv.Error()
	}
	return s.err
}

// printable returns a text as it is, or quoted if it has control characters for a terminal.
func printable(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// beginsFormula are the characters that begin a formula in a spreadsheet, also as East
// Asian and small forms.
const beginsFormula = "=+-@＝＋－＠−﹢﹣﹦﹫"

// separators are the characters at which some spreadsheet begins a new cell, even inside
// quotes: one that splits at semicolons ignores a quote that began earlier.
const separators = ";|\t\r\n"

// inert returns a text in which no spreadsheet finds a formula. It inserts an apostrophe
// wherever a cell may begin with a formula, or with an apostrophe. To get the text back,
// remove one apostrophe at each such place.
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
		safe.WriteString(s[i : i+size]) // bytes that are not UTF-8 stay
		begins = strings.ContainsRune(separators, r)
	}
	return safe.String()
}

// mayBeFormula reports whether a spreadsheet may take a cell with this text for a formula: by its
// first character other than spaces, quotes and invisible characters. A leading control character
// counts, too.
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

// valueOf returns a text or number attribute as a text, or "".
func valueOf(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}
