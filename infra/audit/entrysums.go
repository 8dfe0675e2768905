package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"onewrite/ledger"
)

// sum is a sum of hashes, modulo 2^64 in each half. Other than of equal hashes, it
// is zero by a chance of one in 2^128.
type sum [2]uint64

func (s *sum) add(h sum)      { s[0], s[1] = s[0]+h[0], s[1]+h[1] }
func (s *sum) subtract(h sum) { s[0], s[1] = s[0]-h[0], s[1]-h[1] }

// entrySums compare the entries that first rows have with the rows of further
// entries, in any order and without keeping either: what a first row says of each
// of its further entries is added, and what such a row says is subtracted. The
// sums are many, by the first bytes of the transaction's id, so that one that is
// not zero leads to few transactions.
type entrySums [1 << 16]sum

// balanced reports whether no transaction has a row too many or too few. The
// comparison with the zero entrySums would put that into the binary: 1 MB.
func (s *entrySums) balanced() bool {
	return !slices.ContainsFunc(s[:], func(one sum) bool { return one != sum{} })
}

func bucketOf(transaction ledger.TransactionID) uint16 {
	return binary.BigEndian.Uint16(transaction[:])
}

// add counts a row.
func (s *entrySums) add(t ledger.Transaction) {
	transaction, expected, isThere := furtherEntries(t)
	at := &s[bucketOf(transaction)]
	for _, h := range expected {
		at.add(h)
	}
	if isThere != (sum{}) {
		at.subtract(isThere)
	}
}

// wrong reports whether the sum of a transaction, with those that share it, is
// not zero.
func (s *entrySums) wrong(transaction ledger.TransactionID) bool {
	return s[bucketOf(transaction)] != sum{}
}

// furtherEntries returns of which transaction a row is, and either the rows that it
// says there must be or, of a further entry, the row that it is.
func furtherEntries(t ledger.Transaction) (transaction ledger.TransactionID, expected []sum, isThere sum) {
	switch {
	case t.End != "":
		return t.TransactionID, nil, sum{}
	case t.TransactionID != ledger.TransactionID{}:
		return t.TransactionID, nil, hashEntry(t.TransactionID, t.ID, t.Entry(), t.CreatedAt)
	case t.Status == ledger.Posted && t.Entries != nil:
		for place, e := range t.Entries[1:] {
			expected = append(expected, hashEntry(t.ID, t.ID.Entry(place+1), e, t.CreatedAt))
		}
	}
	return t.ID, expected, sum{}
}

// hashEntry hashes a row of a further entry. Its id stands for its place.
func hashEntry(transaction, id ledger.TransactionID, e ledger.Entry, createdAt time.Time) sum {
	text := fmt.Appendf(nil, "%s %s %s %s %s %s", transaction, id, e.Type, e.Amount, ledger.FormatTime(createdAt), e.UserID)
	h := sha256.Sum256(text)
	return sum{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
}
