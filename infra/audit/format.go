package main

import (
	"slices"

	"onewrite/infra/internal/cli"
)

// format is how standard output is written: by the name of the flag, and
// otherwise as a text for a person.
type format string

const (
	formatText format = ""
	formatJSON format = "json"
	formatCSV  format = "csv"
	formatEMF  format = "emf"
)

// formats are those that have a flag, and what -h says of it.
var formats = []struct {
	format format
	about  string
}{
	{formatJSON, "write JSON: the report, or a line for each transaction or row"},
	{formatCSV, "with -user, -export: write CSV"},
	{formatEMF, "write the counts as CloudWatch metrics, and what is wrong to standard error"},
}

// chosenFormat returns the format that was asked for, which is one at most.
func chosenFormat(given []string) (chosen format, err error) {
	for _, f := range formats {
		if !slices.Contains(given, string(f.format)) {
			continue
		}
		if chosen != formatText {
			return "", cli.Usagef("-%s and -%s are both a format of standard output; choose one", chosen, f.format)
		}
		chosen = f.format
	}
	return chosen, nil
}
