// Package books adds up the ledger's rows, for the audit, the rebuild and the tests'
// kit. It takes rows in any order, and returns each user's tally, the open holds, the
// transactions that lack rows, and each row's faults. It reads and writes nothing. The
// audit's TestDamage has a case for each fault.
package books

import (
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// Fold is one reading through the transactions table: each user's tally, each user's
// rules, and the signs that a transaction lacks rows. It takes each row once, in any
// order.
type Fold struct {
	Tallies *Tallies
	Rules   RuleTallies

	settings ledger.Settings
	before   time.Time
	entries  *entrySums
	pairs    *pairs
	refunds  *refundSums // nil before the first

	waitingRefunds []ledger.Transaction
}

// NewFold returns an empty fold for tables with these settings. It compares rows from
// before that time with their transactions' other rows. A reading may miss some rows of
// a younger transaction.
func NewFold(s ledger.Settings, before time.Time) *Fold {
	return &Fold{Tallies: NewTallies(), Rules: RuleTallies{}, settings: s, before: before, entries: new(entrySums), pairs: newPairs()}
}

// Everything is later than every row's time.
var Everything = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)

// Add takes a row, and returns its faults.
func (f *Fold) Add(r Row) []Finding {
	t, found, ok := ExamineTransaction(f.settings, r)
	if !ok {
		return found
	}
	if t.Kind() == ledger.RulesRow {
		f.Rules.Add(t)
		return found
	}
	f.Tallies.Of(t.UserID).Add(t)
	if t.CreatedAt.Before(f.before) {
		f.entries.add(t)
	}
	if isPostedRefund(t) {
		f.addRefund(t)
	}
	if p, ok := f.pairs.add(t); ok {
		found = append(found, f.compare(p)...)
	}
	return found
}

// OfBalances returns a fold with the parts that balances are compared with, so that the
// rest takes no more memory.
func (f *Fold) OfBalances() *Fold {
	return &Fold{Tallies: f.Tallies, Rules: f.Rules, settings: f.settings, before: f.before, refunds: f.refunds}
}

// compare takes a hold and its end whenever they meet: two clocks dated them.
func (f *Fold) compare(p pair) []Finding {
	if p.endedAt.Before(f.before) {
		f.entries.addCredit(p)
	}
	if p.problem == "" {
		return nil
	}
	return []Finding{{UserID: p.user.String(), TransactionID: p.hold.End().String(), Kind: KindHold, Detail: p.problem}}
}

// Waiting returns how many hold rows wait for their other row.
func (f *Fold) Waiting() int { return len(f.pairs.pending) + len(f.pairs.ends) }

// Missing returns the ids of the rows for which rows wait. The caller may look them up,
// call Found with each that exists, and then Settle, so that few wait.
func (f *Fold) Missing() []ledger.TransactionID { return f.pairs.missing() }

// Found takes a row that was looked up, and returns its hold's faults.
func (f *Fold) Found(r Row) []Finding {
	t, err := infra.DecodeTransaction(r)
	if err != nil {
		return nil // Add finds it
	}
	if p, ok := f.pairs.found(t); ok {
		return f.compare(p)
	}
	return nil
}

// Settle assumes that the [Fold.Missing] rows do not exist.
func (f *Fold) Settle() { f.pairs.settle() }

// Open returns each user's open holds, which are the settled pending rows without an
// end.
func (f *Fold) Open() map[ledger.UserID][]ledger.Hold { return f.pairs.openHolds() }

// CompareHolds compares a balance's open holds, whose sum equals the rows' sum, with
// the settled pending rows without an end. If each is one of those, none is missing.
func (f *Fold) CompareHolds(user ledger.UserID, holds []ledger.Hold) (found []Finding) {
	for _, h := range holds {
		row, ok := f.pairs.open[h.TransactionID]
		if !ok || row.user != user || row.amount != SumOf(h.Amount) || row.expires != h.ExpiresAt.UnixMilli() {
			found = append(found, Finding{UserID: user.String(), TransactionID: h.TransactionID.String(), Kind: KindHold,
				Detail: "the balance has it as an open hold, and the rows have none of this id, amount and expiry"})
		}
	}
	return found
}

// Orphans returns the settled ends without a pending row.
func (f *Fold) Orphans() (found []Finding) {
	for hold, end := range f.pairs.orphans {
		if time.UnixMilli(end.created).Before(f.before) {
			found = append(found, Finding{UserID: end.user.String(), TransactionID: hold.End().String(), Kind: KindHold, Detail: "it ends a hold that has no pending row"})
		}
	}
	return found
}

// EntriesFit reports whether the further entries' rows fit their first rows.
func (f *Fold) EntriesFit() bool { return f.entries.balanced() }

// IsWhole reports whether every transaction has all its rows.
func (f *Fold) IsWhole() bool { return f.EntriesFit() && len(f.pairs.orphans) == 0 }

// MayBeTorn reports whether the row's transaction, or one that shares its sum, lacks
// further entries' rows or has too many.
func (f *Fold) MayBeTorn(t ledger.Transaction) bool {
	return (t.CreatedAt.Before(f.before) || t.Status == ledger.Pending) && f.entries.wrong(t.FirstID())
}

// IsOrphan reports whether the row's hold has an end and no pending row.
func (f *Fold) IsOrphan(t ledger.Transaction) bool {
	_, ok := f.pairs.orphans[t.FirstID()]
	return ok
}
