// Package books adds up the ledger's rows, for the audit, the rebuild and the test kit.
// From rows in any order it computes each user's tally, the open holds, the transactions
// with missing rows, and each row's faults. It does no I/O. The audit's TestDamage has a
// case for each fault.
package books

import (
	"maps"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// Fold adds up the rows of the transactions table: a tally and the rule changes for each
// user, and checksums that show whether a transaction lacks rows. Each row must be added
// once, in any order.
type Fold struct {
	Tallies Tallies
	Rules   RuleTallies
	Refunds []ledger.Transaction // first rows of refunds; the caller compares them with their originals and clears the slice

	settings ledger.Settings
	before   time.Time
	entries  sums            // zero if every transaction has all its rows and no others
	refunds  sums            // zero if the refund accounts agree with the refunds' rows
	recent   map[uint32]bool // buckets with refunds that may still be in progress

	pending map[ledger.TransactionID]pendingRow // by hold id, until the end is read
	ends    map[ledger.TransactionID]endRow     // by hold id, until the pending row is read
}

// NewFold returns an empty fold for tables with these settings. It looks for missing rows
// only in transactions from before the given time, because a scan can miss rows of a later
// one.
func NewFold(s ledger.Settings, before time.Time) *Fold {
	return &Fold{
		Tallies: Tallies{}, Rules: RuleTallies{}, settings: s, before: before,
		recent:  map[uint32]bool{},
		pending: map[ledger.TransactionID]pendingRow{}, ends: map[ledger.TransactionID]endRow{},
	}
}

// Everything is a time after any row. Passed to [NewFold], it excludes no transaction.
var Everything = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)

// Add counts a row. It returns the results of [ExamineTransaction]. If the row is the
// second of a hold's two rows, found includes the hold's faults.
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

func (f *Fold) addRefund(t ledger.Transaction) {
	a := refundOf(t)
	f.noteRecent(a)
	*f.refunds.of(a.Of) += numberOf(a)
	f.Refunds = append(f.Refunds, t)
}

func (f *Fold) noteRecent(a infra.RefundAccount) {
	if !a.RefundedAt.Before(f.before) {
		f.recent[bucketOf(a.Of)] = true
	}
}

// pendingRow holds the fields of a pending row that its end must match. A capture credits
// the receiver, if there is one.
type pendingRow struct {
	user, receiver ledger.UserID
	ledger.Hold
}

func pendingRowOf(t ledger.Transaction) pendingRow {
	return pendingRow{t.UserID, t.Receiver(), ledger.Hold{TransactionID: t.ID, Amount: t.Amount, ExpiresAt: t.ExpiresAt}}
}

// endRow holds the fields of a hold's end that must match the pending row.
type endRow struct {
	user         ledger.UserID
	end          ledger.End
	held, amount ledger.Amount
	created      time.Time
}

// match keeps a hold's pending row or its end until both were added, and then compares and
// forgets them. Their times may be in any order, because they can come from two clocks.
func (f *Fold) match(t ledger.Transaction) []Finding {
	hold := t.FirstID()
	switch {
	case t.Status == ledger.Pending:
		f.pending[hold] = pendingRowOf(t)
	case t.End == ledger.Capture:
		f.ends[hold] = endRow{t.UserID, t.End, t.Held, t.Amount, t.CreatedAt}
	case t.Kind() == ledger.EndRow:
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

// misfit returns the reason why an end does not match the pending row, or "". The clock
// that dates an end also decided whether the hold had expired, so the two must agree.
func (p pendingRow) misfit(end endRow) string {
	switch expired := !end.created.Before(p.ExpiresAt); {
	case p.user != end.user || !p.Amount.Equal(end.held):
		return "the hold's end differs from its pending row in user or held amount"
	case expired && end.end != ledger.Expiry:
		return "a " + string(end.end) + " ended the hold after it had expired"
	case !expired && end.end == ledger.Expiry:
		return "an expiry ended the hold before it had expired"
	}
	return ""
}

// Waiting returns the number of hold rows whose counterpart was not added yet.
func (f *Fold) Waiting() int { return len(f.pending) + len(f.ends) }

// Missing returns, for each row that Waiting counts, the id of its counterpart. To save
// memory, the caller can look these ids up and call Found with each row that exists.
func (f *Fold) Missing() (ids []ledger.TransactionID) {
	for hold := range f.pending {
		ids = append(ids, hold.End())
	}
	for hold := range f.ends {
		ids = append(ids, hold)
	}
	return ids
}

// Unbegun returns the ids of the pending rows that Waiting counts as missing. A scan can read
// an end but not the pending row if both were written meanwhile.
func (f *Fold) Unbegun() []ledger.TransactionID { return slices.Collect(maps.Keys(f.ends)) }

// Found adds a row that the caller looked up, and returns the faults of its hold. A hold is
// compared only with the end that Add receives. So if the row is an end, Found only forgets
// the pending row.
func (f *Fold) Found(t ledger.Transaction) []Finding {
	if t.Kind() == ledger.EndRow {
		delete(f.pending, t.TransactionID)
		return nil
	}
	if _, isEnded := f.ends[t.ID]; !isEnded {
		return nil
	}
	return f.match(t)
}

// CompareHolds compares the open holds in a user's balance with the pending rows without an
// end. Their sums must be equal, so if each hold has its row, each row has its hold.
func (f *Fold) CompareHolds(user ledger.UserID, holds []ledger.Hold) (found []Finding) {
	for _, h := range holds {
		found = append(found, f.pending[h.TransactionID].compare(user, h)...)
	}
	return found
}

// CompareHold compares an open hold in a user's balance with the row that has its id, which
// is nil if there is none.
func CompareHold(user ledger.UserID, h ledger.Hold, t *ledger.Transaction) []Finding {
	var row pendingRow
	if t != nil && t.Status == ledger.Pending {
		row = pendingRowOf(*t)
	}
	return row.compare(user, h)
}

func (p pendingRow) compare(user ledger.UserID, h ledger.Hold) []Finding {
	if p.user == user && p.Amount.Equal(h.Amount) && p.ExpiresAt.Equal(h.ExpiresAt) {
		return nil
	}
	return []Finding{{UserID: user.String(), TransactionID: h.TransactionID.String(), Kind: KindHold,
		Detail: "it is an open hold in the balance, but the rows have no open hold with this id, amount and expiry"}}
}

// Orphans returns a finding for each end without a pending row.
func (f *Fold) Orphans() (found []Finding) {
	for hold, end := range f.ends {
		if end.created.Before(f.before) {
			found = append(found, Finding{UserID: end.user.String(), TransactionID: hold.End().String(), Kind: KindHold, Detail: "it ends a hold that has no pending row"})
		}
	}
	return found
}

// TakeOpen returns each user's open holds, which are the pending rows without an end. The
// fold forgets them.
func (f *Fold) TakeOpen() map[ledger.UserID][]ledger.Hold {
	open := map[ledger.UserID][]ledger.Hold{}
	for _, row := range f.pending {
		open[row.user] = append(open[row.user], row.Hold)
	}
	f.pending = nil
	return open
}

// EntriesFit reports whether every first row has exactly the rows of its further entries.
func (f *Fold) EntriesFit() bool { return f.entries.fit(nil) }

// IsWhole reports whether every transaction has all its rows.
func (f *Fold) IsWhole() bool { return f.EntriesFit() && len(f.ends) == 0 }

// MayBeTorn reports whether the row's transaction may have missing or extra entry rows. A
// whole transaction may share its sum with a torn one, and is then reported too.
func (f *Fold) MayBeTorn(t ledger.Transaction) bool {
	return (t.CreatedAt.Before(f.before) || t.Status == ledger.Pending) && !f.entries.fits(t.FirstID())
}

// IsOrphan reports whether the row belongs to a hold with an end but no pending row.
func (f *Fold) IsOrphan(t ledger.Transaction) bool {
	_, ok := f.ends[t.FirstID()]
	return ok
}

// AddRefundAccount subtracts a refund account from the sums to which Add adds the refunds.
func (f *Fold) AddRefundAccount(a infra.RefundAccount) {
	f.noteRecent(a)
	*f.refunds.of(a.Of) -= numberOf(a)
}

// RemoveRefund subtracts a refund from the sums if t is a posted refund's first row.
func (f *Fold) RemoveRefund(t ledger.Transaction) {
	if isPostedRefund(t) {
		*f.refunds.of(t.RefundOf) -= numberOf(refundOf(t))
	}
}

// RefundsFit reports whether the refund accounts agree with the refunds' rows. It ignores
// accounts with a refund that may still be in progress, and accounts that share a sum with
// such an account.
func (f *Fold) RefundsFit() bool { return f.refunds.fit(f.recent) }

// MayMisrefund reports whether a transaction's refund account may be wrong. A correct
// account may share its sum with a wrong one, and is then reported too.
func (f *Fold) MayMisrefund(original ledger.TransactionID) bool {
	return !f.refunds.fits(original) && !f.recent[bucketOf(original)]
}
