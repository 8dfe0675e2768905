// Package books adds up the ledger's rows, for the audit, the rebuild and the tests'
// kit. It takes rows in any order, and returns each user's tally, the open holds, the
// transactions that lack rows, and each row's faults. It reads and writes nothing. The
// audit's TestDamage has a case for each fault.
package books

import (
	"time"

	"onewrite/ledger"
)

// Fold is one reading through the transactions table: each user's tally, each user's
// rules, and the signs that a transaction lacks rows. It takes each row once, in any
// order.
type Fold struct {
	Tallies Tallies
	Rules   RuleTallies
	Refunds []ledger.Transaction // first rows, for the caller to take and to compare with their originals

	settings ledger.Settings
	before   time.Time
	entries  sums            // 0 where every transaction has its rows and no others
	refunds  sums            // 0 where the refund accounts agree with the refunds' rows
	young    map[uint32]bool // buckets of refunds that may be in flight

	pending map[ledger.TransactionID]pendingRow // by the hold, until its end is read
	ends    map[ledger.TransactionID]endRow     // by the hold, until its pending row is read
}

// NewFold returns an empty fold for tables with these settings. It compares rows from
// before that time with their transactions' other rows. A reading may miss some rows of
// a younger transaction.
func NewFold(s ledger.Settings, before time.Time) *Fold {
	return &Fold{
		Tallies: Tallies{}, Rules: RuleTallies{}, settings: s, before: before,
		young:   map[uint32]bool{},
		pending: map[ledger.TransactionID]pendingRow{}, ends: map[ledger.TransactionID]endRow{},
	}
}

// Everything is later than every row's time.
var Everything = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)

// Add takes a row. Its results are those of [ExamineTransaction], with the faults of its
// hold.
func (f *Fold) Add(r Row) (t ledger.Transaction, found []Finding, ok bool) {
	t, found, ok = ExamineTransaction(f.settings, r)
	if !ok {
		return t, found, false
	}
	if t.Kind() == ledger.RulesRow {
		f.Rules.Add(t)
		return t, found, true
	}
	f.Tallies.Of(t.UserID).Add(t)
	if t.CreatedAt.Before(f.before) {
		f.entries.addEntries(t)
	}
	if isPostedRefund(t) {
		f.addRefund(t)
	}
	return t, append(found, f.match(t)...), true
}

// pendingRow has the parts of a pending row that its end must fit. A capture credits
// the receiver, if there is one.
type pendingRow struct {
	user, receiver ledger.UserID
	ledger.Hold
}

// endRow has the parts of an end that must fit its pending row.
type endRow struct {
	user         ledger.UserID
	end          ledger.End
	held, amount ledger.Amount
	created      time.Time
}

// match compares a hold with its end when it has both, and forgets them. Until then a
// row waits. The rows may have any times: two clocks dated them.
func (f *Fold) match(t ledger.Transaction) []Finding {
	hold := t.FirstID()
	switch {
	case t.Status == ledger.Pending:
		f.pending[hold] = pendingRow{t.UserID, t.Receiver(), ledger.Hold{TransactionID: hold, Amount: t.Amount, ExpiresAt: t.ExpiresAt}}
	case t.End == ledger.Capture:
		f.ends[hold] = endRow{t.UserID, t.End, t.Held, t.Amount, t.CreatedAt}
	case t.End != "":
		f.ends[hold] = endRow{t.UserID, t.End, t.Amount, t.Amount, t.CreatedAt}
	default:
		return nil
	}
	begun, isBegun := f.pending[hold]
	end, isEnded := f.ends[hold]
	if !isBegun || !isEnded {
		return nil
	}
	delete(f.pending, hold)
	delete(f.ends, hold)
	if end.created.Before(f.before) && end.end == ledger.Capture && begun.receiver != (ledger.UserID{}) {
		*f.entries.of(hold) += hashOf(ledger.Transaction{
			ID: hold.Entry(1), UserID: begun.receiver, Type: ledger.Credit, Amount: end.amount, CreatedAt: end.created, TransactionID: hold,
		})
	}
	if problem := begun.misfit(end); problem != "" {
		return []Finding{{UserID: end.user.String(), TransactionID: hold.End().String(), Kind: KindHold, Detail: problem}}
	}
	return nil
}

// misfit returns why an end does not fit the pending row, or "". One server's clock
// decides whether a hold has expired, and dates its end.
func (p pendingRow) misfit(end endRow) string {
	switch expired := !end.created.Before(p.ExpiresAt); {
	case p.user != end.user || !p.Amount.Equal(end.held):
		return "the end of a hold is not of the user and the sum of its pending row"
	case expired && end.end != ledger.Expiry:
		return "the end of a hold is a " + string(end.end) + " of after it expired"
	case !expired && end.end == ledger.Expiry:
		return "the end of a hold is an expiry of before it expired"
	}
	return ""
}

// Waiting returns how many hold rows wait for their other row.
func (f *Fold) Waiting() int { return len(f.pending) + len(f.ends) }

// Missing returns the ids of the rows for which rows wait. The caller may look them up,
// and call Found with each that exists, so that few wait.
func (f *Fold) Missing() (ids []ledger.TransactionID) {
	for hold := range f.pending {
		ids = append(ids, hold.End())
	}
	for hold := range f.ends {
		ids = append(ids, hold)
	}
	return ids
}

// Found takes a row that was looked up, and returns its hold's faults. A hold is
// compared once, with its end. So Found only forgets the pending row of an end: Add has
// taken the end or will take it.
func (f *Fold) Found(t ledger.Transaction) []Finding {
	if t.End != "" {
		delete(f.pending, t.TransactionID)
		return nil
	}
	if _, isEnded := f.ends[t.ID]; !isEnded {
		return nil
	}
	return f.match(t)
}

// CompareHolds compares a balance's open holds, whose sum equals the rows' sum, with
// the pending rows without an end. If each is one of those, none is missing.
func (f *Fold) CompareHolds(user ledger.UserID, holds []ledger.Hold) (found []Finding) {
	for _, h := range holds {
		row := f.pending[h.TransactionID]
		if row.user != user || !row.Amount.Equal(h.Amount) || !row.ExpiresAt.Equal(h.ExpiresAt) {
			found = append(found, Finding{UserID: user.String(), TransactionID: h.TransactionID.String(), Kind: KindHold,
				Detail: "the balance has it as an open hold, and the rows have none of this id, amount and expiry"})
		}
	}
	return found
}

// Orphans returns the ends without a pending row.
func (f *Fold) Orphans() (found []Finding) {
	for hold, end := range f.ends {
		if end.created.Before(f.before) {
			found = append(found, Finding{UserID: end.user.String(), TransactionID: hold.End().String(), Kind: KindHold, Detail: "it ends a hold that has no pending row"})
		}
	}
	return found
}

// TakeOpen returns each user's open holds, the pending rows without an end, and forgets
// them.
func (f *Fold) TakeOpen() map[ledger.UserID][]ledger.Hold {
	open := map[ledger.UserID][]ledger.Hold{}
	for _, row := range f.pending {
		open[row.user] = append(open[row.user], row.Hold)
	}
	f.pending = nil
	return open
}

// EntriesFit reports whether the further entries' rows fit their first rows.
func (f *Fold) EntriesFit() bool { return f.entries.fit(nil) }

// IsWhole reports whether every transaction has all its rows.
func (f *Fold) IsWhole() bool { return f.EntriesFit() && len(f.ends) == 0 }

// MayBeTorn reports whether the row's transaction, or one that shares its sum, lacks
// further entries' rows or has too many.
func (f *Fold) MayBeTorn(t ledger.Transaction) bool {
	return (t.CreatedAt.Before(f.before) || t.Status == ledger.Pending) && !f.entries.fits(t.FirstID())
}

// IsOrphan reports whether the row's hold has an end and no pending row.
func (f *Fold) IsOrphan(t ledger.Transaction) bool {
	_, ok := f.ends[t.FirstID()]
	return ok
}
