package main

import (
	"encoding/json"
	"io"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The columns after those of the table.
const (
	columnOthers  = "others"  // the attributes that are no columns, as JSON
	columnProblem = "problem" // what is wrong with the row
)

// exportLine is a row as it is stored. Its numbers are texts, so that nobody
// rounds them.
type exportLine struct {
	columns []string
	values  map[string]any
}

// newExport returns the sheet of an export. It has no form for a person.
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

// MarshalJSON returns an object of all attributes, and what is wrong with them.
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

// fieldOf returns a value as a text: a text as it is, and what is not one as JSON.
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

// valueOf returns the text of an attribute that is a text or a number, or "".
func valueOf(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}
