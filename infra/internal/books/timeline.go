package books

import (
	"time"

	"onewrite/ledger"
)

// Line is a row in a user's history, with the balance after it.
type Line struct {
	Row         Row
	Transaction ledger.Transaction
	OK          bool // whether the row could be read
	Found       []Finding
	At          time.Time // the row's time, or that of a later row that it waited for; zero if unreadable

	Balance Sum  // after the row
	Unknown bool // Balance is not known, because no order of the rows around At keeps it within the limits
}

// Timeline orders one user's rows so that the balance stays within its limits. A row's time
// is when its call began, so a row with a later time may have been written first. A row
// that the balance does not allow yet therefore waits for later rows, up to a time limit.
type Timeline struct {
	lent    Sum // how far below zero the balance may be
	limit   time.Duration
	yield   func(Line)
	balance Sum
	moment  []Line                        // the added rows that share the latest time
	waiting []write                       // writes that the balance does not allow yet
	holds   map[ledger.TransactionID]bool // holds in waiting writes
}

// write holds the rows of one write, which the timeline counts together.
type write []Line

// NewTimeline returns a timeline that calls yield with each row, in order. The balance may
// be as low as -lent. A row waits for rows that are at most limit later.
func NewTimeline(s ledger.Settings, lent Sum, limit time.Duration, yield func(Line)) *Timeline {
	return &Timeline{lent: lent, limit: limit, yield: yield, balance: SumOf(s.Opening), holds: map[ledger.TransactionID]bool{}}
}

// Add adds a row, in order of time. Rows with the same time may be added in any order.
func (t *Timeline) Add(l Line) {
	if len(t.moment) > 0 && !l.At.Equal(t.moment[0].At) {
		t.endMoment()
		t.giveUp(l.At.Add(-t.limit))
	}
	t.moment = append(t.moment, l)
}

// End yields all remaining rows.
func (t *Timeline) End() {
	t.endMoment()
	t.giveUp(time.Time{})
}

// endMoment yields the moment's unreadable rows, sorts the others, and applies
// the rows of each write together.
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
		for n < len(rows) && rows[0].Kind() != ledger.EndRow && rows[n].Kind() != ledger.EndRow && rows[n].FirstID() == rows[0].FirstID() {
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

// post counts a write and then each waiting write that the balance now allows. If the
// balance does not allow the write itself, the write waits.
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
			i = -1 // start again, because an earlier waiting write may be allowed now
		}
	}
}

// allows reports whether a write can be counted now: the balance stays within its limits
// after each row, and no row ends a hold that is still waiting. A release may lift the
// balance above the highest one.
func (t *Timeline) allows(w write) bool {
	balance := t.balance
	for _, l := range w {
		row := l.Transaction
		if row.Kind() == ledger.EndRow && t.holds[row.TransactionID] {
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

// giveUp counts the waiting writes from before the moment although the balance does not
// allow them, and marks their rows as Unknown. If moment is zero, it counts all.
func (t *Timeline) giveUp(moment time.Time) {
	for len(t.waiting) > 0 && (moment.IsZero() || t.waiting[0][0].At.Before(moment)) {
		w := t.waiting[0]
		t.waiting = t.waiting[1:]
		t.count(w, time.Time{}, true)
	}
}
