package books

import (
	"time"

	"onewrite/ledger"
)

// Line is a row in a user's history, with its place there.
type Line struct {
	Row         Row
	Transaction ledger.Transaction
	OK          bool // whether the row could be read
	Found       []Finding
	At          time.Time // the time from which it counts: its own, or a later row's that made it possible; zero if unreadable

	Balance Sum  // after it
	Unknown bool // no order of the rows at about its time keeps the balance in its range
}

// Timeline puts one user's rows into an order that the balances allow. A row's time is
// when its call began, and the call may have waited for a write whose row has a later
// time. So a row that the balance does not allow waits for the rows up to a limit
// later.
type Timeline struct {
	lent    Sum // the most that the user may have borrowed
	limit   time.Duration
	yield   func(Line)
	balance Sum
	moment  []Line                        // the rows with the latest time
	waiting []write                       // writes that the balance does not allow
	holds   map[ledger.TransactionID]bool // holds that are waiting
}

// write has the rows from one write, which count together.
type write []Line

// NewTimeline returns a timeline that calls yield with each row, in order. The balance
// may be below zero by the lent sum.
func NewTimeline(s ledger.Settings, lent Sum, limit time.Duration, yield func(Line)) *Timeline {
	return &Timeline{lent: lent, limit: limit, yield: yield, balance: SumOf(s.Opening), holds: map[ledger.TransactionID]bool{}}
}

// Add takes the next row by time. Rows with one time may come in any order.
func (t *Timeline) Add(l Line) {
	if len(t.moment) > 0 && !l.At.Equal(t.moment[0].At) {
		t.endMoment()
		t.giveUp(l.At.Add(-t.limit))
	}
	t.moment = append(t.moment, l)
}

// End ends the history.
func (t *Timeline) End() {
	t.endMoment()
	t.giveUp(time.Time{})
}

// endMoment sorts the rows with one time, and posts their writes.
func (t *Timeline) endMoment() {
	byID := map[ledger.TransactionID]Line{}
	var rows []ledger.Transaction
	for _, l := range t.moment {
		if !l.OK {
			l.Balance = t.balance
			t.yield(l)
			continue
		}
		byID[l.Transaction.ID] = l
		rows = append(rows, l.Transaction)
	}
	t.moment = nil
	ledger.SortRows(rows)
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[0].End == "" && rows[n].End == "" && rows[n].FirstID() == rows[0].FirstID() {
			n++
		}
		var w write
		for _, row := range rows[:n] {
			w = append(w, byID[row.ID])
		}
		rows = rows[n:]
		t.post(w)
	}
}

// post counts a write, and then each waiting one that the balance allows, or lets
// it wait.
func (t *Timeline) post(w write) {
	if !t.allows(w) {
		t.waiting = append(t.waiting, w)
		for _, l := range w {
			if l.Transaction.Status == ledger.Pending {
				t.holds[l.Transaction.ID] = true
			}
		}
		return
	}
	at := w[0].At
	t.count(w, at, false)
	for i := 0; i < len(t.waiting); i++ {
		if next := t.waiting[i]; t.allows(next) {
			t.waiting = append(t.waiting[:i:i], t.waiting[i+1:]...)
			t.count(next, at, false)
			i = -1 // it may have made an earlier one possible
		}
	}
}

// allows reports whether the balance stays in its range after each row in a write. A
// release may lift it over the ceiling.
func (t *Timeline) allows(w write) bool {
	balance := t.balance
	for _, l := range w {
		row := l.Transaction
		if row.End != "" && t.holds[row.TransactionID] {
			return false
		}
		if !counts(row) {
			continue
		}
		credit, debit, _ := effect(row)
		balance = balance.Plus(credit).Minus(debit)
		if balance.Plus(t.lent).IsNegative() || row.Type == ledger.Credit && balance.Exceeds(SumOf(ledger.MaxBalance())) {
			return false
		}
	}
	return true
}

func (t *Timeline) count(w write, at time.Time, unknown bool) {
	for _, l := range w {
		if counts(l.Transaction) {
			credit, debit, _ := effect(l.Transaction)
			t.balance = t.balance.Plus(credit).Minus(debit)
		}
		delete(t.holds, l.Transaction.ID)
		l.Balance, l.Unknown = t.balance, unknown
		if at.After(l.At) {
			l.At = at
		}
		t.yield(l)
	}
}

// giveUp counts the writes that have waited since before the moment, or all if it
// is zero.
func (t *Timeline) giveUp(moment time.Time) {
	for len(t.waiting) > 0 && (moment.IsZero() || t.waiting[0][0].At.Before(moment)) {
		w := t.waiting[0]
		t.waiting = t.waiting[1:]
		t.count(w, time.Time{}, true)
	}
}
