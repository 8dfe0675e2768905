package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"onewrite/infra/internal/books"
)

// report is what an audit found. Its JSON is for programs.
type report struct {
	Users        int       `json:"users"`
	Transactions int       `json:"transactions"`
	Mismatches   []finding `json:"mismatches"` // damage, each once
	Unsettled    []finding `json:"unsettled"`  // users without a verdict: mostly those who moved all the time
	Unfinished   string    `json:"unfinished"` // why not everything was read; "" if it was

	Totals *trialBalance `json:"totals,omitempty"` // of an audit that read everything

	ofOne bool // of one user's audit
}

// clean reports whether everything was read and is right.
func (r report) clean() bool {
	return len(r.Mismatches) == 0 && len(r.Unsettled) == 0 && r.Unfinished == ""
}

// finding is one thing that is not as it must be.
type finding = books.Finding

// sorted returns the report in an order that does not change from run to run. What
// was found twice, because a row was read twice, is in it once.
func (r report) sorted() report {
	for _, findings := range []*[]finding{&r.Mismatches, &r.Unsettled} {
		*findings = append([]finding{}, *findings...) // [] in JSON, not null
		slices.SortFunc(*findings, func(f, g finding) int {
			return cmp.Or(cmp.Compare(f.UserID, g.UserID), cmp.Compare(f.TransactionID, g.TransactionID),
				cmp.Compare(f.Kind, g.Kind), cmp.Compare(f.Detail, g.Detail))
		})
		*findings = slices.Compact(*findings)
	}
	return r
}

// writeText writes the report for a person.
func (r report) writeText(w io.Writer) error {
	var text bytes.Buffer
	r.writeFindings(&text)
	if r.Totals != nil {
		fmt.Fprintln(&text, r.Totals)
	}
	read := ""
	if r.Unfinished != "" {
		read = " so far"
	}
	fmt.Fprintf(&text, "%s, %s%s: %s\n", books.Count(r.Users, "user"), books.Count(r.Transactions, "transaction"), read, r.sentence())
	_, err := text.WriteTo(w)
	return err
}

// writeFindings writes a line for each finding, and for what keeps the report from
// being whole. Texts from the tables are quoted, so that none of them can play
// tricks on a terminal.
func (r report) writeFindings(text *bytes.Buffer) {
	for _, f := range r.Mismatches {
		fmt.Fprintf(text, "wrong      %s\n", f)
	}
	for _, f := range r.Unsettled {
		fmt.Fprintf(text, "unsettled  %s\n", f)
	}
	if r.Unfinished != "" {
		fmt.Fprintf(text, "unfinished %s\n", r.Unfinished)
	}
}

func (r report) sentence() string {
	counts := fmt.Sprintf("%d wrong, %d unsettled", len(r.Mismatches), len(r.Unsettled))
	switch {
	case r.Unfinished != "":
		return counts + "; the rest was not read"
	case len(r.Mismatches) > 0:
		return counts
	case len(r.Unsettled) > 0 && r.ofOne:
		return "nothing wrong, 1 unsettled: the audit of everybody decides whether a row is missing"
	case len(r.Unsettled) > 0:
		return fmt.Sprintf("nothing wrong, %d unsettled: no reading of their rows fitted their balances; audit again", len(r.Unsettled))
	default:
		return "every balance is what its history says"
	}
}

// writeJSON writes the report for programs, as one line.
func (r report) writeJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// status returns the command's exit status.
func (r report) status() int {
	switch {
	case len(r.Mismatches) > 0:
		return exitWrong
	case r.Unfinished != "":
		return exitUnfinished
	case len(r.Unsettled) > 0:
		return exitUnsettled
	default:
		return exitRight
	}
}
