package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// stateUser writes a user's statement to out, and then the report: to out if the statement is text,
// and to log otherwise.
func stateUser(ctx context.Context, a *audit, o options, out, log io.Writer) (status int, err error) {
	found, err := a.statement(ctx, o, out)
	a.progress.Stop()
	if o.format == formatText {
		log = out
	}
	return found.status(), errors.Join(err, found.writeText(log))
}

// statement writes a user's transactions in a period, oldest first, with the balance after each,
// and audits the user. An unreadable row has a line without a balance.
//
// The order is one that keeps the balance in its range: see [books.Timeline]. A row can take effect
// later than its created_at. Then the later time decides whether the row is in the period.
func (a *audit) statement(ctx context.Context, o options, out io.Writer) (report, error) {
	s := newStatement(out, o.format, o.period, a.config.Settings)
	a.report.Users, a.report.ofOne = 1, true
	balance, _, err := a.readBalance(ctx, o.user, a.aggregate)
	s.limit = books.SumOf(balance.CreditLimit)
	s.lent = s.limit
	if balance.Changes > 0 && err == nil { // the limit may have been higher before
		exceeded := false
		err = a.order(ctx, o.user, s.lent, func(l books.Line) { exceeded = exceeded || l.Unknown })
		if exceeded {
			s.lent = books.SumOf(ledger.MaxCreditLimit())
		}
	}
	if err == nil {
		err = a.order(ctx, o.user, s.lent, func(l books.Line) {
			a.report.Transactions++
			a.find(l.Found...)
			s.all.Add(l.Transaction)
			s.add(l)
		})
	}
	if err == nil {
		err = a.auditUser(ctx, o.user, &s.all)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx) // report the signal, not the request that it interrupted
	}
	if s.unknown && err == nil {
		a.unsettled(o.user, unknownOrder)
	}
	if err != nil {
		a.report.Unfinished = err.Error()
	} else {
		s.writeClosing(a.problemOf())
	}
	return a.report.sorted(), s.sheet.end()
}

// order reads a user's rows, and calls yield with each, in an order that keeps the balance in its
// range. The range begins at -lent.
func (a *audit) order(ctx context.Context, user ledger.UserID, lent books.Sum, yield func(books.Line)) error {
	timeline := books.NewTimeline(a.config.Settings, lent, inFlight, yield)
	defer timeline.End()
	for r, err := range a.reader.history(ctx, user, time.Time{}) {
		if err != nil {
			return err
		}
		t, found, ok := books.ExamineTransaction(a.config.Settings, r)
		at, _ := ledger.ParseTime(books.TextOf(r, "created_at"))
		timeline.Add(books.Line{Row: r, Transaction: t, OK: ok, Found: found, At: at})
	}
	return nil
}

// unknownOrder is the problem reported for rows that have no possible order.
const unknownOrder = "no order of the rows around this time keeps the balance within its limits: a row is missing or damaged, or a clock was wrong"

// auditUser compares a user's rows with the balance. If rows are missing, it reads them again after
// -settle, because the index may lag.
func (a *audit) auditUser(ctx context.Context, user ledger.UserID, seen *books.Tally) error {
	decided, last, err := a.reread(ctx, user, seen)
	if err == nil && !decided {
		if err := a.rest(ctx); err != nil {
			return err
		}
		decided, last, err = a.reread(ctx, user, seen)
	}
	if busy(err) {
		last, err = err.Error(), nil
	}
	if err == nil && decided {
		err = a.checkMovers(ctx)
	}
	if err == nil && !decided {
		a.unsettled(user, last+"; rows are damaged, or missing from the index or the table: audit all users to find out")
	}
	return err
}

// problemOf returns the report's first finding about the balance, or "".
func (a *audit) problemOf() string {
	for _, f := range append(a.report.Mismatches, a.report.Unsettled...) {
		if f.TransactionID == "" {
			return f.Detail
		}
	}
	return ""
}

type statement struct {
	sheet    *sheet
	period   period
	settings ledger.Settings

	opened  bool
	limit   books.Sum                                   // the credit limit now
	lent    books.Sum                                   // the highest limit to assume for the past
	unknown bool                                        // whether some rows have no possible order
	all     books.Tally                                 // the whole history
	until   books.Tally                                 // all rows before the period's end
	within  books.Tally                                 // the rows in the period
	holds   map[ledger.TransactionID]ledger.Transaction // the holds that are open at the period's end
}

// statementLine is a line of a statement. Its type is the type of a transaction, or one of
// "opening", "credits", "debits", "closing", "expired" and "limit". The last two add the expired
// holds and the credit limit to the closing balance.
type statementLine struct {
	Date    string `json:"date,omitempty"`
	Type    string `json:"type"`
	Amount  string `json:"ammount,omitempty"`
	Balance string `json:"balance,omitempty"` // after the transaction
	Status  string `json:"status,omitempty"`
	ID      string `json:"id,omitempty"`
	Key     string `json:"key,omitempty"`
	Whole   string `json:"transaction,omitempty"` // in a further entry: the id of its transaction
	By      string `json:"posted_by,omitempty"`
	Refunds string `json:"refund_of,omitempty"` // the refunded transaction
	Problem string `json:"problem,omitempty"`   // of the row or, in the closing line, of the balance
}

func (l statementLine) fields() []string {
	return []string{l.Date, l.Type, l.Amount, l.Balance, l.Status, l.ID, l.Key, l.Whole, l.By, l.Refunds, l.Problem}
}

func newStatement(out io.Writer, f format, p period, settings ledger.Settings) *statement {
	const layout = "%-24s  %-7s  %18s  %18s  %-8s  %-36s  %s  %s  %s  %s  %s"
	return &statement{period: p, settings: settings, holds: map[ledger.TransactionID]ledger.Transaction{}, sheet: newSheet(out, f, layout, "date", "type", "amount", "balance", "status", "id", "key", "transaction", "posted_by", "refund_of", "problem")}
}

// add adds the history's next row. An unreadable row does not change the sums.
func (s *statement) add(l books.Line) {
	t, r := l.Transaction, l.Row
	s.unknown = s.unknown || l.Unknown
	switch {
	case l.At.IsZero(): // a row without a readable time is in every period
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
		ID: books.TextOf(r, "id"), Key: books.TextOf(r, "idempotency_key"), Whole: books.TextOf(r, "transaction_id"), By: books.TextOf(r, "posted_by"), Refunds: books.TextOf(r, "refund_of"), Problem: details(l.Found),
	}
	if l.OK && !l.Unknown {
		line.Balance = l.Balance.String()
	}
	if l.Unknown {
		line.Problem = strings.TrimPrefix(line.Problem+"; "+unknownOrder, "; ")
	}
	s.write(line)
}

func valueOf(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}

// count adds a row to the sums, and keeps track of open holds.
func (s *statement) count(t ledger.Transaction) {
	s.until.Add(t)
	if t.Status == ledger.Pending {
		s.holds[t.ID] = t
	}
	if t.Kind() == ledger.EndRow {
		delete(s.holds, t.TransactionID)
	}
}

// expired returns the sum of the holds that had expired by the period's end but were not released.
func (s *statement) expired(now time.Time) (sum books.Sum) {
	if !s.period.to.IsZero() && s.period.to.Before(now) {
		now = s.period.to
	}
	for _, t := range s.holds {
		if !now.Before(t.ExpiresAt.Add(time.Second)) { // one second after its expiry, as in reads: see package ledger
			sum = sum.Plus(books.SumOf(t.Amount))
		}
	}
	return sum
}

func (s *statement) open() {
	if !s.opened {
		s.opened = true
		s.write(statementLine{Date: dateOf(s.period.from), Type: "opening", Balance: s.until.Balance(s.settings).String()})
	}
}

// writeClosing writes the closing lines. problem is the finding about the balance, or "". Expired
// holds and the credit limit are spendable, so lines for them follow, and the last line has the
// balance that GET /balance returns. A period with an end has no limit line, because earlier limits
// are unknown.
func (s *statement) writeClosing(problem string) {
	s.open()
	s.write(statementLine{Type: "credits", Amount: s.within.Credits.String()})
	s.write(statementLine{Type: "debits", Amount: s.within.Debits.String()})
	closing := s.until.Balance(s.settings)
	if closing.Plus(s.lent).IsNegative() && problem == "" {
		problem = unknownOrder
	}
	s.write(statementLine{Date: dateOf(s.period.to), Type: "closing", Balance: closing.String(), Problem: problem})
	if expired := s.expired(time.Now()); expired != (books.Sum{}) {
		closing = closing.Plus(expired)
		s.write(statementLine{Date: dateOf(s.period.to), Type: "expired", Amount: expired.String(), Balance: closing.String()})
	}
	if s.limit != (books.Sum{}) && s.period.to.IsZero() {
		s.write(statementLine{Type: "limit", Amount: s.limit.String(), Balance: closing.Plus(s.limit).String()})
	}
}

// write writes a line. [sheet.end] returns the error, if there was one.
func (s *statement) write(l statementLine) { _ = s.sheet.write(l) }

func dateOf(bound time.Time) string {
	if bound.IsZero() {
		return ""
	}
	return ledger.FormatTime(bound)
}
