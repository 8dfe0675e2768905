package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"onewrite/infra"
	"onewrite/ledger"
)

// report is what an audit found. Its JSON is for programs.
type report struct {
	Users        int       `json:"users"`
	Transactions int       `json:"transactions"`
	Mismatches   []finding `json:"mismatches"` // damage, each once
	Unsettled    []finding `json:"unsettled"`  // users who moved all the time: neither right nor wrong
	Unfinished   string    `json:"unfinished"` // why not everything was read; "" if it was

	Totals *trialBalance `json:"totals,omitempty"` // of an audit that read everything

	// Of a repair only, and there of the mismatches of kind balance.
	Repairs []repair  `json:"repairs,omitzero"` // those that the history determines
	Kept    []finding `json:"kept,omitzero"`    // the others, and why
}

// clean reports whether everything was read and is right.
func (r report) clean() bool {
	return len(r.wrong()) == 0 && len(r.Unsettled) == 0 && r.Unfinished == ""
}

// wrong returns the mismatches that have not been repaired.
func (r report) wrong() []finding {
	repaired := map[string]bool{}
	for _, one := range r.Repairs {
		repaired[one.UserID] = one.Written
	}
	return slices.DeleteFunc(slices.Clone(r.Mismatches), func(f finding) bool {
		return f.Kind == kindBalance && repaired[f.UserID]
	})
}

// The kinds of finding.
const (
	kindBalance        = "balance"         // the balance is not what the history comes to
	kindBalanceRow     = "balance-row"     // a row of balances that no posting has written
	kindTransactionRow = "transaction-row" // a row of transactions that can't be read
	kindTransactionID  = "transaction-id"  // an id that is not that of its user and key
	kindDecline        = "decline"         // declined although the balance allowed it
	kindHold           = "hold"            // an end that is not that of a pending row
	kindEntries        = "entries"         // rows that are not those of a transaction's entries
	kindTime           = "time"            // a time that is still to come
	kindAttributes     = "attributes"      // a row with attributes that this program never writes
)

// finding is one thing that is not as it must be. The ids are as stored, and
// "" where they can't be read.
type finding struct {
	UserID        string `json:"userId"`
	TransactionID string `json:"transactionId,omitempty"`
	Kind          string `json:"kind"`
	Detail        string `json:"detail"`
}

// mismatch returns the finding that a user's balance is not what the history says.
func mismatch(user ledger.UserID, seen *tally, balance infra.Aggregate) finding {
	return finding{UserID: user.String(), Kind: kindBalance, Detail: compared(seen, balance)}
}

// compared says what was seen of a user, in both tables.
func compared(seen *tally, balance infra.Aggregate) string {
	stored := fmt.Sprintf("the balance is %s at version %d", balance.Balance, balance.Version)
	if balance.Version == 0 {
		stored = "there is no balance"
	}
	made := fmt.Sprintf("%s at version %d", text(seen.balance()), seen.posted)
	if held := ledger.Held(balance.Holds); balance.Holds != nil || !seen.held.IsZero() {
		stored, made = fmt.Sprintf("%s, with %s held", stored, held), fmt.Sprintf("%s, with %s held", made, text(&seen.held))
	}
	return fmt.Sprintf("%s, and the history makes it %s", stored, made)
}

// sorted returns the report in an order that does not change from run to run. What
// was found twice, because a row was read twice, is in it once.
func (r report) sorted() report {
	slices.SortFunc(r.Repairs, func(one, other repair) int { return cmp.Compare(one.UserID, other.UserID) })
	if r.Repairs != nil && r.Kept == nil {
		r.Kept = []finding{}
	}
	slices.SortFunc(r.Kept, func(f, g finding) int { return cmp.Compare(f.UserID, g.UserID) })
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
	fmt.Fprintf(&text, "%s, %s%s: %s\n", count(r.Users, "user"), count(r.Transactions, "transaction"), read, r.sentence())
	_, err := text.WriteTo(w)
	return err
}

// writeFindings writes a line for each finding, and for what keeps the report from
// being whole. Texts from the tables are quoted, so that none of them can play
// tricks on a terminal.
func (r report) writeFindings(text *bytes.Buffer) {
	decided := map[string]bool{} // by a repair: these have a line of their own
	for _, one := range r.Repairs {
		decided[one.UserID] = true
	}
	for _, f := range r.Kept {
		decided[f.UserID] = true
	}
	for _, f := range r.Mismatches {
		if f.Kind != kindBalance || !decided[f.UserID] {
			fmt.Fprintf(text, "wrong      %s\n", f)
		}
	}
	for _, one := range r.Repairs {
		fmt.Fprintln(text, one)
	}
	for _, f := range r.Kept {
		fmt.Fprintf(text, "kept       %s\n", f)
	}
	for _, f := range r.Unsettled {
		fmt.Fprintf(text, "unsettled  %s\n", f)
	}
	if r.Unfinished != "" {
		fmt.Fprintf(text, "unfinished %s\n", r.Unfinished)
	}
}

// count returns how many there are of something, in words.
func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func (f finding) String() string {
	of := fmt.Sprintf("user %q", f.UserID)
	if f.TransactionID != "" {
		of += fmt.Sprintf(", transaction %q", f.TransactionID)
	}
	return fmt.Sprintf("%s: %s: %s", of, f.Kind, f.Detail)
}

func (r report) sentence() string {
	wrong := len(r.wrong())
	counts := fmt.Sprintf("%d wrong, %d unsettled", wrong, len(r.Unsettled))
	if repaired := len(r.Mismatches) - wrong; repaired > 0 {
		counts = fmt.Sprintf("%d repaired, %s", repaired, counts)
	} else if len(r.Repairs) > 0 {
		counts = fmt.Sprintf("%s; %d can be repaired, and -write does it", counts, len(r.Repairs))
	}
	switch {
	case r.Unfinished != "":
		return counts + "; the rest was not read"
	case len(r.Mismatches) > 0:
		return counts
	case len(r.Unsettled) > 0:
		return fmt.Sprintf("nothing wrong, %d unsettled: they moved all the time, audit again", len(r.Unsettled))
	default:
		return "every balance is what its history says"
	}
}

// writeJSON writes the report for programs, as one line.
func (r report) writeJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// status returns the command's exit status.
func (r report) status() int {
	switch {
	case len(r.wrong()) > 0:
		return exitWrong
	case r.Unfinished != "":
		return exitUnfinished
	case len(r.Unsettled) > 0:
		return exitUnsettled
	default:
		return exitRight
	}
}
