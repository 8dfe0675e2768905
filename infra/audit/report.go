package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"onewrite/handler/emf"
	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// The command exits with one of these statuses, or with 2 for a wrong flag or environment. Damage
// takes precedence over rows that could not be read.
const (
	exitRight      = 0 // every balance is the sum of its history
	exitWrong      = 1 // something is wrong
	exitUnsettled  = 3 // nothing wrong was found, but some users could not be compared with their rows
	exitUnfinished = 4 // nothing wrong was found, but some rows could not be read
)

// report is an audit's result. It can be written as text, JSON or metrics.
type report struct {
	Users        int       `json:"users"`
	Transactions int       `json:"transactions"`
	Mismatches   []finding `json:"mismatches"` // damage, without duplicates
	Unsettled    []finding `json:"unsettled"`  // users who could not be compared, mostly because of constant writes
	Unfinished   string    `json:"unfinished"` // why some rows were not read

	Totals *trialBalance `json:"totals,omitempty"` // only if the audit read everything

	ofOne bool // whether the report is about one user
}

// clean reports whether the audit read everything and found nothing.
func (r report) clean() bool {
	return len(r.Mismatches) == 0 && len(r.Unsettled) == 0 && r.Unfinished == ""
}

// sorted returns the report with its findings in a fixed order. It removes duplicates, which come
// from rows that were read twice.
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

func (r report) writeText(w io.Writer) error {
	totals, read := "", ""
	if r.Totals != nil {
		totals = r.Totals.String() + "\n"
	}
	if r.Unfinished != "" {
		read = " so far"
	}
	_, err := fmt.Fprintf(w, "%s%s%s, %s%s: %s\n", r.findings(), totals,
		books.Count(r.Users, "user"), books.Count(r.Transactions, "transaction"), read, r.sentence())
	return err
}

// findings returns a line for each finding, and one with the reason if the run is unfinished. It
// quotes strings from the tables, so that no control character reaches a terminal.
func (r report) findings() string {
	var text strings.Builder
	for _, f := range r.Mismatches {
		fmt.Fprintf(&text, "wrong      %s\n", f)
	}
	for _, f := range r.Unsettled {
		fmt.Fprintf(&text, "unsettled  %s\n", f)
	}
	if r.Unfinished != "" {
		fmt.Fprintf(&text, "unfinished %s\n", r.Unfinished)
	}
	return text.String()
}

func (r report) sentence() string {
	counts := fmt.Sprintf("%d wrong, %d unsettled", len(r.Mismatches), len(r.Unsettled))
	switch {
	case r.Unfinished != "":
		return counts + "; the rest was not read"
	case len(r.Mismatches) > 0:
		return counts
	case len(r.Unsettled) > 0 && r.ofOne:
		return "nothing wrong, 1 unsettled: audit all users to find out whether a row is missing"
	case len(r.Unsettled) > 0:
		return fmt.Sprintf("nothing wrong, %d unsettled: their rows could not be compared with their balances; audit again", len(r.Unsettled))
	default:
		return "every balance matches its history"
	}
}

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

// trialBalance adds up the users whose rows were compared with their balances, each user as of that
// comparison. If nothing is wrong, the difference is zero.
type trialBalance struct {
	Users      int       `json:"users"`
	Opening    books.Sum `json:"opening"` // the sum of the opening balances
	Credits    books.Sum `json:"credits"`
	Debits     books.Sum `json:"debits"`
	Lent       books.Sum `json:"lent,omitzero"` // credit limits, which the balances include
	History    books.Sum `json:"history"`       // opening + credits - debits + lent
	Balances   books.Sum `json:"balances"`      // the sum of the stored balances
	Difference books.Sum `json:"difference"`    // balances minus history
}

func (t *trialBalance) add(s ledger.Settings, seen *books.Tally, balance infra.Aggregate) {
	lent := books.SumOf(balance.CreditLimit)
	t.Users++
	t.Opening = t.Opening.Plus(books.SumOf(s.Opening))
	t.Credits = t.Credits.Plus(seen.Credits)
	t.Debits = t.Debits.Plus(seen.Debits)
	t.Lent = t.Lent.Plus(lent)
	t.History = t.History.Plus(seen.Balance(s)).Plus(lent)
	t.Balances = t.Balances.Plus(books.SumOf(balance.Balance))
	t.Difference = t.Balances.Minus(t.History)
}

// String returns the totals line of the text report.
func (t *trialBalance) String() string {
	lent := ""
	if t.Lent != (books.Sum{}) {
		lent = fmt.Sprintf(" + credit limits %s", t.Lent)
	}
	return fmt.Sprintf("totals     %s: opening %s + credits %s - debits %s%s = %s; balances %s, difference %s",
		books.Count(t.Users, "user"), t.Opening, t.Credits, t.Debits, lent, t.History, t.Balances, t.Difference)
}

// metrics is one line in CloudWatch's embedded metric format.
type metrics struct {
	AWS               emf.Metadata `json:"_aws"`
	Service           string       `json:"service,omitempty"` // the dimension of all metrics
	BalanceMismatches *int         `json:",omitempty"`        // nil: not reported
	AuditUnsettled    int
	AuditFailed       int // 1 if some rows were not read
	Users             int
	Transactions      int
}

// writeMetrics writes the report's counts as CloudWatch metrics, with the service as dimension if
// there is one. It reports zero mismatches only for a clean report: an alarm must not end just
// because a damaged user could not be read.
func (r report) writeMetrics(w io.Writer, service string, now time.Time) error {
	values := metrics{Service: service, AuditUnsettled: len(r.Unsettled), Users: r.Users, Transactions: r.Transactions}
	names := []string{"AuditUnsettled", "AuditFailed", "Users", "Transactions"}
	if r.Unfinished != "" {
		values.AuditFailed = 1
	}
	if mismatches := len(r.Mismatches); mismatches > 0 || r.clean() {
		values.BalanceMismatches = &mismatches
		names = append(names, "BalanceMismatches")
	}
	dimensions := []string{}
	if service != "" {
		dimensions = []string{"service"}
	}
	of := emf.Directive{Namespace: emf.Namespace, Dimensions: [][]string{dimensions}} // one set of dimensions
	for _, name := range names {
		of.Metrics = append(of.Metrics, emf.Metric{Name: name, Unit: "Count"})
	}
	values.AWS = emf.Metadata{Timestamp: now.UnixMilli(), CloudWatchMetrics: []emf.Directive{of}}
	return json.NewEncoder(w).Encode(values)
}

func details(found []finding) string {
	var all []string
	for _, f := range found {
		all = append(all, f.Detail)
	}
	return strings.Join(all, "; ")
}
