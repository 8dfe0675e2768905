package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// change is a change that a rebuild shows or makes, to a transaction, a balance or a refund
// account. Written is true if it was made. If the rows must stay as they are, Kept is the reason.
type change struct {
	TransactionID string   `json:"transactionId,omitempty"`
	Wrote         []string `json:"missing,omitempty"` // row ids
	Removed       []string `json:"orphans,omitempty"` // row ids
	UserID        string   `json:"userId,omitempty"`
	RefundsOf     string   `json:"refundsOf,omitempty"` // for a refund account: the refunded transaction's id
	From          string   `json:"from,omitempty"`
	To            string   `json:"to,omitempty"`
	Kept          string   `json:"kept,omitempty"`
	Written       bool     `json:"written"`
}

// String returns the output line for the change.
func (c change) String() string {
	verb := "planned"
	switch {
	case c.Kept != "":
		verb = "kept"
	case c.Written:
		verb = "rebuilt"
	}
	of, did := fmt.Sprintf("user %q", c.UserID), fmt.Sprintf("from %s to %s", c.From, c.To)
	if c.RefundsOf != "" {
		of = "the refund account of transaction " + c.RefundsOf
	}
	if c.Kept != "" {
		of, did = of+" with "+c.From, ""
	}
	if c.TransactionID != "" {
		var parts []string
		if c.Wrote != nil {
			parts = append(parts, "write "+books.Count(len(c.Wrote), "missing row"))
		}
		if c.Removed != nil {
			parts = append(parts, "remove "+books.Count(len(c.Removed), "orphan"))
		}
		of, did = "transaction "+c.TransactionID, strings.Join(parts, ", ")
	}
	text := fmt.Sprintf("%-11s%s", verb, of)
	for _, more := range []string{did, c.Kept} {
		if more != "" {
			text += ": " + more
		}
	}
	return text
}

// changeLog writes each change immediately, so that none stays in memory.
type changeLog struct {
	out  io.Writer
	json bool

	mu      sync.Mutex
	summary rebuildSummary
	err     error
}

// rebuildSummary is the last line of a rebuild's output.
type rebuildSummary struct {
	Users        int       `json:"users"`
	Transactions int       `json:"transactions"` // rows read
	Torn         int       `json:"transactionsRebuilt"`
	Balances     int       `json:"balancesRebuilt"`
	Kept         int       `json:"kept"`
	Written      bool      `json:"written"` // whether the run had -write
	Mismatches   []finding `json:"mismatches"`
	Unfinished   string    `json:"unfinished"`
}

func (l *changeLog) add(c change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.Kept != "":
		l.summary.Kept++
	case c.TransactionID != "":
		l.summary.Torn++
	default:
		l.summary.Balances++
	}
	if l.err == nil {
		l.err = l.write(c)
	}
	return l.err
}

func (l *changeLog) write(line fmt.Stringer) (err error) {
	if l.json {
		return json.NewEncoder(l.out).Encode(line)
	}
	_, err = fmt.Fprintln(l.out, line)
	return err
}

// end writes the summary, and returns the exit status.
func (l *changeLog) end(found report) (status int, err error) {
	s := &l.summary
	s.Users, s.Transactions, s.Mismatches, s.Unfinished = found.Users, found.Transactions, found.Mismatches, found.Unfinished
	if l.err != nil {
		return exitUnfinished, l.err
	}
	err = l.write(s)
	left := s.Kept + len(s.Mismatches)
	if !s.Written {
		left += s.Torn + s.Balances
	}
	switch {
	case left > 0:
		return exitWrong, err
	case s.Unfinished != "":
		return exitUnfinished, err
	default:
		return exitRight, err
	}
}

// String returns a line for each finding, and the summary line.
func (s *rebuildSummary) String() string {
	did := "would be rebuilt"
	if s.Written {
		did = "rebuilt"
	}
	read := books.Count(s.Users, "user") + ", " + books.Count(s.Transactions, "row")
	text := fmt.Sprintf("%s: %s and %s %s, %d kept, %d wrong", read,
		books.Count(s.Torn, "transaction"), books.Count(s.Balances, "balance"), did, s.Kept, len(s.Mismatches))
	switch {
	case s.Unfinished != "":
		text += "; the rest was not done: run it again"
	case s.Torn+s.Balances+s.Kept+len(s.Mismatches) == 0:
		text = read + ": nothing to rebuild"
	case !s.Written && s.Torn+s.Balances > 0:
		text += "; use -write to make these changes"
	}
	return report{Mismatches: s.Mismatches, Unfinished: s.Unfinished}.findings() + text
}

func describe(stored row) string {
	if stored == nil {
		return "no balance"
	}
	a, err := infra.DecodeAggregate(stored)
	if err != nil {
		return "a damaged balance (" + strings.ReplaceAll(books.ReasonOf(err), "\n", " ") + ")"
	}
	return describeAggregate(a)
}

func describeAggregate(a infra.Aggregate) string {
	if a.IsNone() {
		return "no balance"
	}
	text := fmt.Sprintf("%s at version %d", a.Balance, a.Version)
	if a.Changes > 0 {
		text += " with " + books.DescribeRules(a.Rules)
	}
	if len(a.Holds) > 0 {
		text += fmt.Sprintf(" and %s held by %s", ledger.Held(a.Holds), books.Count(len(a.Holds), "hold"))
	}
	return text
}
