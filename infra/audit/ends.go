package main

import (
	"time"

	"onewrite/ledger"
)

// holdPairs bring each pending row together with the row that ends it, in whatever
// order they are read. What has met is forgotten.
type holdPairs struct {
	pending map[ledger.TransactionID]pendingRow
	ends    map[ledger.TransactionID]endRow
}

// pendingRow is what must be known of a pending row until its end is read. The
// receiver is the user who is credited by a capture, if there is one.
type pendingRow struct {
	user, receiver ledger.UserID
	amount         ledger.Amount
}

// endRow is what must be known of an end until its pending row is read.
type endRow struct {
	user           ledger.UserID
	end            ledger.End
	held, captured ledger.Amount
	createdAt      time.Time
}

// add takes a row. If it makes a pair that is a capture with a credit, it returns
// the row of that credit. It is not ok if a pair does not fit.
func (p *holdPairs) add(t ledger.Transaction) (credit sum, ok bool) {
	var id ledger.TransactionID
	switch {
	case t.Status == ledger.Pending:
		id = t.ID
		row := pendingRow{user: t.UserID, amount: t.Amount}
		if t.Entries != nil {
			row.receiver = t.Entries[1].UserID
		}
		p.pending[id] = row
	case t.End != "":
		id = t.TransactionID
		row := endRow{t.UserID, t.End, t.Amount, t.Amount, t.CreatedAt}
		if t.End == ledger.Capture {
			row.held = t.Held
		}
		p.ends[id] = row
	default:
		return sum{}, true
	}
	begun, isBegun := p.pending[id]
	end, isEnded := p.ends[id]
	if !isBegun || !isEnded {
		return sum{}, true
	}
	delete(p.pending, id)
	delete(p.ends, id)
	if end.end == ledger.Capture && begun.receiver != (ledger.UserID{}) {
		credit = hashEntry(id, id.Entry(1), ledger.Entry{UserID: begun.receiver, Type: ledger.Credit, Amount: end.captured}, end.createdAt)
	}
	return credit, begun.user == end.user && begun.amount.Equal(end.held)
}
