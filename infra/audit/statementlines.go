package main

import (
	"io"
	"strings"
	"time"

	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// statement is a statement that is being written.
type statement struct {
	sheet  *sheet
	period period

	opened  bool
	unknown bool                                        // whether the order of some rows is not known
	all     books.Tally                                 // of the whole history
	until   books.Tally                                 // of the rows before the end of the period
	within  books.Tally                                 // of the period
	holds   map[ledger.TransactionID]ledger.Transaction // open at the end of the period
}

// statementLine is a transaction of a statement, or one of the lines around them,
// by its type: the balance at the opening, the sums of the credits and of the
// debits that were posted in the period, the balance at the closing, and the
// balance with the holds that have expired by then.
type statementLine struct {
	Date    string `json:"date,omitempty"`
	Type    string `json:"type"`
	Amount  string `json:"ammount,omitempty"`
	Balance string `json:"balance,omitempty"` // after it
	Status  string `json:"status,omitempty"`
	ID      string `json:"id,omitempty"`
	Key     string `json:"key,omitempty"`
	Whole   string `json:"transaction,omitempty"` // the id of the transaction of which this is a further entry
	By      string `json:"posted_by,omitempty"`
	Problem string `json:"problem,omitempty"` // of this row or, at the closing, of the balance
}

func (l statementLine) fields() []string {
	return []string{l.Date, l.Type, l.Amount, l.Balance, l.Status, l.ID, l.Key, l.Whole, l.By, l.Problem}
}

func newStatement(out io.Writer, f format, p period) *statement {
	const layout = "%-24s  %-7s  %18s  %18s  %-8s  %-36s  %s  %s  %s  %s"
	return &statement{period: p, holds: map[ledger.TransactionID]ledger.Transaction{}, sheet: newSheet(out, f, layout, "date", "type", "amount", "balance", "status", "id", "key", "transaction", "posted_by", "problem")}
}

// add takes the next row of the history. One that can't be read counts nothing.
func (s *statement) add(l books.Line) {
	t, r := l.Transaction, l.Row
	s.unknown = s.unknown || l.Unknown
	switch {
	case l.At.IsZero(): // it is in every period
	case s.period.isAfter(l.At):
		return
	case s.period.isBefore(l.At):
		s.count(t)
		return
	}
	s.open()
	s.count(t)
	s.within.Add(t)
	line := statementLine{
		Date: books.TextOf(r, "created_at"), Type: books.TextOf(r, "type"), Amount: valueOf(r["ammount"]), Status: books.TextOf(r, "status"),
		ID: books.TextOf(r, "id"), Key: books.TextOf(r, "idempotency_key"), Whole: books.TextOf(r, "transaction_id"), By: books.TextOf(r, "posted_by"), Problem: details(l.Found),
	}
	if l.OK && !l.Unknown {
		line.Balance = l.Balance.String()
	}
	if l.Unknown {
		line.Problem = strings.TrimPrefix(line.Problem+"; "+unknownOrder, "; ")
	}
	s.write(line)
}

// count counts a row, and keeps its hold while that is open.
func (s *statement) count(t ledger.Transaction) {
	s.until.Add(t)
	if t.Status == ledger.Pending {
		s.holds[t.ID] = t
	}
	if t.End != "" {
		delete(s.holds, t.TransactionID)
	}
}

// expired returns the sum of the holds that have expired at the end of the period
// and were not released until then.
func (s *statement) expired(now time.Time) (sum books.Sum) {
	if !s.period.to.IsZero() && s.period.to.Before(now) {
		now = s.period.to
	}
	for _, t := range s.holds {
		if !now.Before(t.ExpiresAt.Add(time.Second)) { // as readings do, see the package ledger
			sum = sum.Plus(books.SumOf(t.Amount))
		}
	}
	return sum
}

// open writes the first line, once.
func (s *statement) open() {
	if !s.opened {
		s.opened = true
		s.write(statementLine{Date: dateOf(s.period.from), Type: "opening", Balance: s.until.Balance().String()})
	}
}

// close writes the last lines, with what is wrong with the balance. Holds that have
// expired and were not released can be spent: then a line has the balance that
// GET /balance answers.
func (s *statement) close(problem string) {
	s.open()
	s.write(statementLine{Type: "credits", Amount: s.within.Credits.String()})
	s.write(statementLine{Type: "debits", Amount: s.within.Debits.String()})
	closing := s.until.Balance()
	if closing.IsNegative() && problem == "" {
		problem = unknownOrder
	}
	s.write(statementLine{Date: dateOf(s.period.to), Type: "closing", Balance: closing.String(), Problem: problem})
	if expired := s.expired(time.Now()); expired != (books.Sum{}) {
		s.write(statementLine{Date: dateOf(s.period.to), Type: "expired", Amount: expired.String(), Balance: closing.Plus(expired).String()})
	}
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
