package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// format is the format of standard output. Text is the default, and each other format has a flag.
type format string

const (
	formatText format = ""
	formatJSON format = "json"
	formatCSV  format = "csv"
	formatEMF  format = "emf"
)

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
