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

// sheet writes lines one by one, as CSV, as JSON or as a table for a person. The
// error of writing is told by each later call, too.
type sheet struct {
	out    io.Writer
	format format
	layout string // of a table's line
	csv    *csv.Writer
	err    error
}

// line is a line of a sheet. Its JSON has the names of its fields.
type line interface{ fields() []string }

// newSheet writes the head, which names the fields. layout is for [fmt.Sprintf].
func newSheet(out io.Writer, f format, layout string, head ...string) *sheet {
	s := &sheet{out: out, format: f, layout: layout, csv: csv.NewWriter(out)}
	if f != formatJSON {
		s.writeFields(head)
	}
	return s
}

// write writes a line.
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

// end writes what was kept back.
func (s *sheet) end() error {
	s.csv.Flush()
	if s.err == nil {
		s.err = s.csv.Error()
	}
	return s.err
}

// printable returns a text that plays no tricks on a terminal: as it is, or quoted.
func printable(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// inert returns a text that no spreadsheet takes for a formula: as it is, or
// after an apostrophe. A text that begins with an apostrophe gets one more, so
// that without the first it is what it was.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) && !number.MatchString(s) {
		return "'" + s
	}
	return s
}
