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

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

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

// separators begin a new cell in one spreadsheet or another, also inside quotes: a sheet
// that splits at semicolons ignores quotes that begin earlier.
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
