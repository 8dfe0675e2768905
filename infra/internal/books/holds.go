package books

import (
	"time"

	"onewrite/ledger"
)

// Pairs bring each pending row together with the row that ends it, in whatever
// order they are read. Pairs are forgotten. So the open holds are left, and ends
// without a pending row.
type Pairs struct {
	pending map[ledger.TransactionID]pendingRow
	ends    map[ledger.TransactionID]endRow
}

// NewPairs returns empty pairs.
func NewPairs() *Pairs {
	return &Pairs{map[ledger.TransactionID]pendingRow{}, map[ledger.TransactionID]endRow{}}
}

// pendingRow is the part of a pending row that its end is compared with. A capture
// credits the receiver, if there is one.
type pendingRow struct {
	user, receiver ledger.UserID
	amount         Sum
	expires        int64 // milliseconds since 1970
}

// endRow is the part of an end that its pending row is compared with.
type endRow struct {
	user           ledger.UserID
	end            ledger.End
	held, captured Sum
	created        int64 // milliseconds since 1970
}

// Pair is a hold and its end.
type Pair struct {
	ID      ledger.TransactionID // the hold's
	Problem string               // why the two do not fit; "" if they do
	EndedAt time.Time            // when the end was written
	credit  hash                 // the row of the credit that came with a capture
}

// Add takes a row, and returns the pair that it completes, if it does.
func (p *Pairs) Add(t ledger.Transaction) (pair Pair, ok bool) {
	switch {
	case t.Status == ledger.Pending:
		pair.ID = t.ID
		row := pendingRow{user: t.UserID, amount: SumOf(t.Amount), expires: t.ExpiresAt.UnixMilli()}
		if t.Entries != nil {
			row.receiver = t.Entries[1].UserID
		}
		p.pending[pair.ID] = row
	case t.End != "":
		pair.ID = t.TransactionID
		row := endRow{t.UserID, t.End, SumOf(t.Amount), SumOf(t.Amount), t.CreatedAt.UnixMilli()}
		if t.End == ledger.Capture {
			row.held = SumOf(t.Held)
		}
		p.ends[pair.ID] = row
	default:
		return pair, false
	}
	begun, isBegun := p.pending[pair.ID]
	end, isEnded := p.ends[pair.ID]
	if !isBegun || !isEnded {
		return pair, false
	}
	delete(p.pending, pair.ID)
	delete(p.ends, pair.ID)
	if end.end == ledger.Capture && begun.receiver != (ledger.UserID{}) {
		pair.credit = hashEntry(pair.ID, pair.ID.Entry(1), begun.receiver, ledger.Credit, end.captured, time.UnixMilli(end.created))
	}
	pair.EndedAt = time.UnixMilli(end.created)
	pair.Problem = begun.misfit(end)
	return pair, true
}

// misfit returns why an end is not that of the pending row, or "". One server's
// clock decides whether a hold has expired and dates its end.
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

// IsOpen reports whether a hold is open by the rows read so far: of that user, with
// that amount and expiry.
func (p *Pairs) IsOpen(user ledger.UserID, h ledger.Hold) bool {
	row, ok := p.pending[h.TransactionID]
	return ok && row.user == user && row.amount == SumOf(h.Amount) && row.expires == h.ExpiresAt.UnixMilli()
}

// Orphans calls yield with each hold whose end was read, and no pending row, with
// the end's user and time.
func (p *Pairs) Orphans(yield func(hold ledger.TransactionID, user ledger.UserID, created time.Time)) {
	for id, end := range p.ends {
		yield(id, end.user, time.UnixMilli(end.created))
	}
}

// IsOrphan reports whether a hold has an end and no pending row.
func (p *Pairs) IsOrphan(hold ledger.TransactionID) bool {
	_, ok := p.ends[hold]
	return ok
}

// Open returns the open holds of each user, which are the pending rows without an
// end.
func (p *Pairs) Open() map[ledger.UserID][]ledger.Hold {
	open := map[ledger.UserID][]ledger.Hold{}
	for id, row := range p.pending {
		amount, err := ledger.ParseAmount(row.amount.String())
		if err != nil {
			panic("books: a pending row had another amount") // it was read from one
		}
		open[row.user] = append(open[row.user], ledger.Hold{TransactionID: id, Amount: amount, ExpiresAt: time.UnixMilli(row.expires).UTC()})
	}
	return open
}

// OpenCount returns the number of open holds.
func (p *Pairs) OpenCount() int { return len(p.pending) }
