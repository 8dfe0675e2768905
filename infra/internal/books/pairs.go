package books

import (
	"maps"
	"time"

	"onewrite/ledger"
)

// pairs match each pending row with the row that ends its hold, in whatever order
// they are read, and forget both. A row waits for its other row.
type pairs struct {
	pending, open map[ledger.TransactionID]pendingRow // waiting, and without an end
	ends, orphans map[ledger.TransactionID]endRow     // waiting, and without a pending row
}

func newPairs() *pairs {
	return &pairs{
		map[ledger.TransactionID]pendingRow{}, map[ledger.TransactionID]pendingRow{},
		map[ledger.TransactionID]endRow{}, map[ledger.TransactionID]endRow{},
	}
}

// pendingRow has the parts of a pending row that its end must fit. A capture credits
// the receiver, if there is one.
type pendingRow struct {
	user, receiver ledger.UserID
	amount         Sum
	expires        int64 // milliseconds since 1970
}

// endRow has the parts of an end that must fit its pending row.
type endRow struct {
	user           ledger.UserID
	end            ledger.End
	held, captured Sum
	created        int64 // milliseconds since 1970
}

// pair is a hold and its end.
type pair struct {
	hold    ledger.TransactionID
	user    ledger.UserID // the end's
	problem string        // why the two do not fit; "" if they do
	endedAt time.Time     // the end's time
	credit  hash          // the row of the credit that a capture wrote
}

// add takes a row, and returns the pair that it completes, if it does.
func (p *pairs) add(t ledger.Transaction) (done pair, ok bool) {
	switch {
	case t.Status == ledger.Pending:
		row := pendingRow{user: t.UserID, amount: SumOf(t.Amount), expires: t.ExpiresAt.UnixMilli()}
		if t.Entries != nil {
			row.receiver = t.Entries[1].UserID
		}
		p.pending[t.ID] = row
		return p.match(t.ID)
	case t.Kind() == ledger.EndRow:
		row := endRow{t.UserID, t.End, SumOf(t.Amount), SumOf(t.Amount), t.CreatedAt.UnixMilli()}
		if t.End == ledger.Capture {
			row.held = SumOf(t.Held)
		}
		p.ends[t.TransactionID] = row
		return p.match(t.TransactionID)
	}
	return done, false
}

// match returns a hold's pair, if both rows are known, and forgets them.
func (p *pairs) match(hold ledger.TransactionID) (done pair, ok bool) {
	begun, isBegun := either(p.pending, p.open, hold)
	end, isEnded := either(p.ends, p.orphans, hold)
	if !isBegun || !isEnded {
		return done, false
	}
	delete(p.pending, hold)
	delete(p.open, hold)
	delete(p.ends, hold)
	delete(p.orphans, hold)
	done = pair{hold: hold, user: end.user, problem: begun.misfit(end), endedAt: time.UnixMilli(end.created)}
	if end.end == ledger.Capture && begun.receiver != (ledger.UserID{}) {
		done.credit = hashEntry(hold, hold.Entry(1), begun.receiver, ledger.Credit, end.captured, done.endedAt, ledger.TransactionID{})
	}
	return done, true
}

func either[V any](waiting, rest map[ledger.TransactionID]V, hold ledger.TransactionID) (row V, ok bool) {
	if row, ok = waiting[hold]; !ok {
		row, ok = rest[hold]
	}
	return row, ok
}

// misfit returns why an end does not fit the pending row, or "". One server's clock
// decides whether a hold has expired, and dates its end.
func (p pendingRow) misfit(end endRow) string {
	switch expired := end.created >= p.expires; {
	case p.user != end.user || p.amount != end.held:
		return "the end of a hold is not of the user and the sum of its pending row"
	case expired && end.end != ledger.Expiry:
		return "the end of a hold is a " + string(end.end) + " of after it expired"
	case !expired && end.end == ledger.Expiry:
		return "the end of a hold is an expiry of before it expired"
	}
	return ""
}

// missing returns the ids of the rows for which rows wait.
func (p *pairs) missing() (ids []ledger.TransactionID) {
	for hold := range p.pending {
		ids = append(ids, hold.End())
	}
	for hold := range p.ends {
		ids = append(ids, hold)
	}
	return ids
}

// found takes a row that was looked up, and returns the pair that it completes. Each
// pair is returned once: with its end. So found forgets the pending row of an end that
// it is given, because add has taken the end or will take it.
func (p *pairs) found(t ledger.Transaction) (done pair, ok bool) {
	if t.Kind() == ledger.EndRow {
		delete(p.pending, t.TransactionID)
		return done, false
	}
	if _, isEnded := p.ends[t.ID]; !isEnded {
		return done, false
	}
	return p.add(t)
}

// settle assumes that the missing rows do not exist.
func (p *pairs) settle() {
	maps.Copy(p.open, p.pending)
	maps.Copy(p.orphans, p.ends)
	clear(p.pending)
	clear(p.ends)
}

func (p *pairs) openHolds() map[ledger.UserID][]ledger.Hold {
	open := map[ledger.UserID][]ledger.Hold{}
	for id, row := range p.open {
		amount, err := ledger.ParseAmount(row.amount.String())
		if err != nil {
			panic("books: a pending row had another amount") // it was read from one
		}
		open[row.user] = append(open[row.user], ledger.Hold{TransactionID: id, Amount: amount, ExpiresAt: time.UnixMilli(row.expires).UTC()})
	}
	return open
}
