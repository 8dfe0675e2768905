package books

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"onewrite/ledger"
)

// hash is a hash, or a sum of hashes, modulo 2^64 in each half. Unequal hashes add up
// to zero with a chance of one in 2^128.
type hash [2]uint64

func (s *hash) add(h hash)      { s[0], s[1] = s[0]+h[0], s[1]+h[1] }
func (s *hash) subtract(h hash) { s[0], s[1] = s[0]-h[0], s[1]-h[1] }

// entrySums compare the entries in first rows with the further entries' rows, in any
// order and without keeping either. A first row adds a hash for each further entry, and
// that entry's row subtracts the same hash. There are many sums, by the first bits in
// the transaction's id, so that a sum other than zero leads to few transactions: to ten
// of ten million.
type entrySums [1 << bucketBits]hash

const bucketBits = 20

// balanced reports whether every transaction has its rows and no others. A comparison
// with the zero entrySums would put 16 MB into the binary.
func (s *entrySums) balanced() bool {
	return !slices.ContainsFunc(s[:], func(one hash) bool { return one != hash{} })
}

func bucketOf(transaction ledger.TransactionID) uint32 {
	return binary.BigEndian.Uint32(transaction[:]) >> (32 - bucketBits)
}

func (s *entrySums) add(t ledger.Transaction) {
	at := &s[bucketOf(t.FirstID())]
	switch {
	case t.Kind() == ledger.EntryRow:
		at.subtract(hashRow(t))
	case t.Status == ledger.Posted && t.Entries != nil:
		for place, e := range t.Entries[1:] {
			at.add(hashEntry(t.ID, t.ID.Entry(place+1), e.UserID, e.Type, e.Amount, t.CreatedAt, t.RefundOf))
		}
	}
}

// addCredit counts the credit that a capture must have.
func (s *entrySums) addCredit(p pair) { s[bucketOf(p.hold)].add(p.credit) }

// wrong reports whether the sum that a transaction shares with others is not zero.
func (s *entrySums) wrong(transaction ledger.TransactionID) bool {
	return s[bucketOf(transaction)] != hash{}
}

func hashRow(t ledger.Transaction) hash {
	return hashEntry(t.TransactionID, t.ID, t.UserID, t.Type, t.Amount, t.CreatedAt, t.RefundOf)
}

// hashEntry hashes a further entry's row. Its id stands for its place.
func hashEntry(transaction, id ledger.TransactionID, user ledger.UserID, kind ledger.Type, amount fmt.Stringer, createdAt time.Time, refundOf ledger.TransactionID) hash {
	text := fmt.Appendf(nil, "%s %s %s %s %s %s %s", transaction, id, kind, amount, ledger.FormatTime(createdAt), refundOf, user)
	h := sha256.Sum256(text)
	return hash{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
}
