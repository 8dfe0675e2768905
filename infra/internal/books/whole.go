package books

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"onewrite/ledger"
)

// Whole holds the existing rows of one transaction. A restore can bring back some rows of a
// transaction and lose others.
type Whole struct {
	ID      ledger.TransactionID
	First   *ledger.Transaction // nil if it is missing
	End     *ledger.Transaction // the end of the transaction's hold, if any
	Further []ledger.Transaction

	// Lacks is set by the caller if this is a refund of an original that lacks a row. It is
	// the id of the missing row.
	Lacks ledger.TransactionID
}

// Wholes collects rows by transaction.
type Wholes map[ledger.TransactionID]*Whole

// Add adds a row to its transaction.
func (w Wholes) Add(t ledger.Transaction) {
	id := t.FirstID()
	if w[id] == nil {
		w[id] = &Whole{ID: id}
	}
	switch one := w[id]; t.Kind() {
	case ledger.FirstRow:
		one.First = &t
	case ledger.EntryRow:
		one.Further = append(one.Further, t)
	case ledger.EndRow:
		if t.ID != id.End() {
			one.Further = append(one.Further, t) // a stray
			return
		}
		one.End = &t
	case ledger.RulesRow: // a rule change has no other rows
		one.First = &t
	}
}

// Findings returns a finding for each transaction whose rows differ from its entries.
func (w Wholes) Findings() (found []Finding) {
	for id, one := range w {
		detail := one.difference()
		if detail == "" {
			continue
		}
		user := ""
		if one.First != nil {
			user = one.First.UserID.String()
		}
		found = append(found, Finding{UserID: user, TransactionID: id.String(), Kind: KindEntries, Detail: detail})
	}
	return found
}

// expected returns the rows that the entries after the first must have, given the first row
// and the hold's end.
func (w *Whole) expected() (rows []ledger.Transaction) {
	switch {
	case w.First == nil || w.First.Entries == nil:
	case w.First.Status == ledger.Posted:
		for place, e := range w.First.Entries[1:] {
			rows = append(rows, w.further(place+1, e))
		}
	case w.First.Status == ledger.Pending && w.End != nil && w.End.End == ledger.Capture:
		row := w.further(1, w.First.Entries[1])
		row.Amount, row.CreatedAt = w.End.Amount, w.End.CreatedAt
		rows = append(rows, row)
	}
	return rows
}

// Strays returns the rows whose id is not derived from the transaction. The ledger never
// writes such a row.
func (w *Whole) Strays() (rows []ledger.Transaction) {
	if w.Further == nil {
		return nil // without deriving 99 ids
	}
	ids := map[ledger.TransactionID]bool{}
	for place := 1; place < ledger.MaxItems; place++ {
		ids[w.ID.Entry(place)] = true
	}
	for _, row := range w.Further {
		if !ids[row.ID] {
			rows = append(rows, row)
		}
	}
	return rows
}

func (w *Whole) further(place int, e ledger.Entry) ledger.Transaction {
	return ledger.Transaction{
		ID: w.ID.Entry(place), UserID: e.UserID, Type: e.Type, Amount: e.Amount,
		Status: ledger.Posted, CreatedAt: w.First.CreatedAt, TransactionID: w.ID, RefundOf: w.First.RefundOf,
	}
}

// Repair lists the changes that make a transaction whole, or remove it.
type Repair struct {
	Missing []ledger.Transaction // rows to write
	Orphans []ledger.Transaction // rows to remove, because the row with the id Absent is missing
	Absent  ledger.TransactionID
	Unclear string // how the rows contradict each other; if set, no row may be written or removed
}

// IsNone reports whether the transaction is whole.
func (r Repair) IsNone() bool { return r.Missing == nil && r.Orphans == nil && r.Unclear == "" }

// Rebuild returns the repair for the transaction. A transaction without its first row did
// not happen, so its other rows are orphans. So are the credit of a capture without the
// hold's end, and the rows of a refund without its original.
func (w *Whole) Rebuild() (r Repair) {
	switch {
	case w.First == nil:
		r.Orphans, r.Absent = w.Further, w.ID
		if w.End != nil {
			r.Orphans = append(r.Orphans, *w.End)
		}
		return r
	case w.Lacks != ledger.TransactionID{}:
		r.Orphans, r.Absent = append([]ledger.Transaction{*w.First}, w.Further...), w.Lacks
		return r
	case w.End != nil && w.First.Status != ledger.Pending:
		r.Unclear = "its first row is not pending, but a row ends its hold"
		return r
	case w.First.Status == ledger.Pending && w.End == nil && len(w.Further) == 1 && w.isCredit(w.Further[0]):
		r.Orphans, r.Absent = w.Further, w.ID.End()
		return r
	}
	missing, extra := w.compare()
	if extra > 0 {
		r.Unclear = w.difference()
		return r
	}
	r.Missing = missing
	return r
}

// isCredit reports whether a row can be the credit from capturing this pending payment.
func (w *Whole) isCredit(row ledger.Transaction) bool {
	if len(w.First.Entries) != 2 {
		return false
	}
	e := w.First.Entries[1]
	return row.ID == w.ID.Entry(1) && row.UserID == e.UserID && row.Type == e.Type && !row.Amount.More(e.Amount)
}

// compare returns the missing rows, and the number of unexpected ones.
func (w *Whole) compare() (missing []ledger.Transaction, extra int) {
	further := map[uint64]bool{}
	for _, row := range w.Further {
		further[hashOf(row)] = true
	}
	for _, row := range w.expected() {
		h := hashOf(row)
		if !further[h] {
			missing = append(missing, row)
		}
		delete(further, h)
	}
	return missing, len(further)
}

// difference describes how a transaction's rows differ from its entries, or returns "".
func (w *Whole) difference() string {
	missing, extra := w.compare()
	expected := len(w.expected())
	switch {
	case len(missing) == 0 && extra == 0:
		return ""
	case expected == 0:
		return "it has " + Count(extra, "further row") + " that no first row lists"
	default:
		return fmt.Sprintf("%d of its %d further entries have no matching row; rows without a matching entry: %d", len(missing), expected, extra)
	}
}

// sums detects rows without a counterpart, such as an entry's row that no first row lists.
// It stores no rows, and accepts them in any order: one row adds a number, modulo 2^64, and
// its counterpart subtracts the same number. There is a sum for each value of the first 20
// bits of a transaction's id. So a nonzero sum narrows the search to about ten of ten
// million transactions. Pages are allocated when needed, because tests check many small
// tables.
type sums [1 << (bucketBits - pageBits)]*[1 << pageBits]uint64

const (
	bucketBits = 20
	pageBits   = 8
)

func (s *sums) of(transaction ledger.TransactionID) *uint64 {
	bucket := bucketOf(transaction)
	page := &s[bucket>>pageBits]
	if *page == nil {
		*page = new([1 << pageBits]uint64)
	}
	return &(*page)[bucket%(1<<pageBits)]
}

func (s *sums) fits(transaction ledger.TransactionID) bool {
	bucket := bucketOf(transaction)
	page := s[bucket>>pageBits]
	return page == nil || page[bucket%(1<<pageBits)] == 0
}

// fit reports whether all sums are zero, ignoring the buckets in except.
func (s *sums) fit(except map[uint32]bool) bool {
	for i, page := range s {
		if page == nil {
			continue
		}
		for at, sum := range page {
			if sum != 0 && !except[uint32(i<<pageBits+at)] {
				return false
			}
		}
	}
	return true
}

func bucketOf(transaction ledger.TransactionID) uint32 {
	return binary.BigEndian.Uint32(transaction[:]) >> (32 - bucketBits)
}

// addEntries adds a hash for each further entry that a first row lists. For the row of a
// further entry, it subtracts the same hash.
func (s *sums) addEntries(t ledger.Transaction) {
	sum := s.of(t.FirstID())
	if t.Kind() == ledger.EntryRow {
		*sum -= hashOf(t)
		return
	}
	for _, row := range (&Whole{ID: t.ID, First: &t}).expected() {
		*sum += hashOf(row)
	}
}

// hashOf hashes a further entry's row. The entry's place is part of the hash, because the
// row's id depends on it.
func hashOf(t ledger.Transaction) uint64 {
	return hash("%s %s %s %s %s %s %s", t.TransactionID, t.ID, t.Type, t.Amount, ledger.FormatTime(t.CreatedAt), t.RefundOf, t.UserID)
}

// hash hashes a formatted string. The hashes of two different strings cancel out with
// probability 2^-64.
func hash(format string, args ...any) uint64 {
	h := sha256.Sum256(fmt.Appendf(nil, format, args...))
	return binary.BigEndian.Uint64(h[:])
}
