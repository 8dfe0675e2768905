package main

import (
	"io"
	"strings"
	"time"

	"onewrite/ledger"
)

// statement is a statement that is being written.
type statement struct {
	sheet  *sheet
	period period

	opened bool
	all    tally // of the whole history
	until  tally // of that before the end of the period, as far as it is written
	within tally // of the period
}

// statementLine is a transaction of a statement, or one of the lines around them,
// by its type: the balance at the opening, the sums of the credits and of the
// debits that were posted in the period, and the balance at the closing.
type statementLine struct {
	Date    string `json:"date,omitempty"`
	Type    string `json:"type"`
	Amount  string `json:"amount,omitempty"`
	Balance string `json:"balance,omitempty"` // after it
	Status  string `json:"status,omitempty"`
	ID      string `json:"id,omitempty"`
	Key     string `json:"key,omitempty"`
	Whole   string `json:"transaction,omitempty"` // the id of the transaction of which this is a further entry
	Problem string `json:"problem,omitempty"`     // of this row or, at the closing, of the balance
}

func (l statementLine) fields() []string {
	return []string{l.Date, l.Type, l.Amount, l.Balance, l.Status, l.ID, l.Key, l.Whole, l.Problem}
}

func newStatement(out io.Writer, f format, p period) *statement {
	const layout = "%-24s  %-7s  %18s  %18s  %-8s  %-36s  %s  %s  %s"
	return &statement{period: p, sheet: newSheet(out, f, layout, "date", "type", "amount", "balance", "status", "id", "key", "transaction", "problem")}
}

// add takes the next row of the history. One that can't be read counts nothing.
func (s *statement) add(r row, t ledger.Transaction, found []finding, ok bool) {
	s.all.add(t)
	at, err := ledger.ParseTime(textOf(r, "created_at"))
	switch {
	case err != nil: // it is in every period
	case s.period.isAfter(at):
		return
	case s.period.isBefore(at):
		s.until.add(t)
		return
	}
	s.open()
	s.until.add(t)
	s.within.add(t)
	l := statementLine{
		Date: textOf(r, "created_at"), Type: textOf(r, "type"), Amount: valueOf(r["ammount"]), Status: textOf(r, "status"),
		ID: textOf(r, "id"), Key: textOf(r, "idempotency_key"), Whole: textOf(r, "transaction_id"), Problem: details(found),
	}
	if ok {
		l.Balance = text(s.until.balance())
	}
	s.write(l)
}

// open writes the first line, once.
func (s *statement) open() {
	if !s.opened {
		s.opened = true
		s.write(statementLine{Date: dateOf(s.period.from), Type: "opening", Balance: text(s.until.balance())})
	}
}

// close writes the last lines, with what is wrong with the balance.
func (s *statement) close(problem string) {
	s.open()
	s.write(statementLine{Type: "credits", Amount: text(&s.within.credits)})
	s.write(statementLine{Type: "debits", Amount: text(&s.within.debits)})
	s.write(statementLine{Date: dateOf(s.period.to), Type: "closing", Balance: text(s.until.balance()), Problem: problem})
}

// write writes a line. The sheet tells at its end if that fails.
func (s *statement) write(l statementLine) { _ = s.sheet.write(l) }

// dateOf returns a bound of a period, "" for none.
func dateOf(bound time.Time) string {
	if bound.IsZero() {
		return ""
	}
	return ledger.FormatTime(bound)
}

// details returns what was found, in one text.
func details(found []finding) string {
	var all []string
	for _, f := range found {
		all = append(all, f.Detail)
	}
	return strings.Join(all, "; ")
}
