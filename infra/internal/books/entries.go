package books

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"onewrite/ledger"
)

// hash is a hash, or a sum of hashes, modulo 2^64 in each half. A sum of other than
// equal hashes is zero by a chance of one in 2^128.
type hash [2]uint64

func (s *hash) add(h hash)      { s[0], s[1] = s[0]+h[0], s[1]+h[1] }
func (s *hash) subtract(h hash) { s[0], s[1] = s[0]-h[0], s[1]-h[1] }

// EntrySums compare the entries that first rows have with the rows of further
// entries, in any order and without keeping either: what a first row says of each
// of its further entries is added, and what such a row says is subtracted. The
// sums are many, by the first bytes of the transaction's id, so that one that is
// not zero leads to few transactions.
type EntrySums [1 << 16]hash

// Balanced reports whether no transaction has a row too many or too few. The
// comparison with the zero EntrySums would put that into the binary: 1 MB.
func (s *EntrySums) Balanced() bool {
	return !slices.ContainsFunc(s[:], func(one hash) bool { return one != hash{} })
}

func bucketOf(transaction ledger.TransactionID) uint16 {
	return binary.BigEndian.Uint16(transaction[:])
}

// Add counts a row.
func (s *EntrySums) Add(t ledger.Transaction) {
	transaction, expected, isThere := entriesOf(t)
	at := &s[bucketOf(transaction)]
	for _, h := range expected {
		at.add(h)
	}
	if isThere != (hash{}) {
		at.subtract(isThere)
	}
}

// AddPair counts the credit that a capture says there must be.
func (s *EntrySums) AddPair(p Pair) {
	if p.credit != (hash{}) {
		s[bucketOf(p.ID)].add(p.credit)
	}
}

// Wrong reports whether the sum of a transaction, with those that share it, is
// not zero.
func (s *EntrySums) Wrong(transaction ledger.TransactionID) bool {
	return s[bucketOf(transaction)] != hash{}
}

// entriesOf returns of which transaction a row is, and either the rows that it
// says there must be or, of a further entry, the row that it is.
func entriesOf(t ledger.Transaction) (transaction ledger.TransactionID, expected []hash, isThere hash) {
	switch {
	case t.End != "":
		return t.TransactionID, nil, hash{}
	case t.TransactionID != ledger.TransactionID{}:
		return t.TransactionID, nil, hashRow(t)
	case t.Status == ledger.Posted && t.Entries != nil:
		for place, e := range t.Entries[1:] {
			expected = append(expected, hashEntry(t.ID, t.ID.Entry(place+1), e.UserID, e.Type, e.Amount, t.CreatedAt))
		}
	}
	return t.ID, expected, hash{}
}

func hashRow(t ledger.Transaction) hash {
	return hashEntry(t.TransactionID, t.ID, t.UserID, t.Type, t.Amount, t.CreatedAt)
}

// hashEntry hashes a row of a further entry. Its id stands for its place.
func hashEntry(transaction, id ledger.TransactionID, user ledger.UserID, kind ledger.Type, amount fmt.Stringer, createdAt time.Time) hash {
	text := fmt.Appendf(nil, "%s %s %s %s %s %s", transaction, id, kind, amount, ledger.FormatTime(createdAt), user)
	h := sha256.Sum256(text)
	return hash{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
}
