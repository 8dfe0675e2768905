package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// TransactionID is a version 8 UUID (RFC 9562, section 5.8).
type TransactionID [16]byte

// namespace separates this ledger's names from all others (RFC 9562, section 6.6). It
// must never change, because every transaction would get another id.
var namespace = [16]byte{ // 5156f924-b490-4cdf-bc4f-a0dc99812313
	0x51, 0x56, 0xf9, 0x24, 0xb4, 0x90, 0x4c, 0xdf, 0xbc, 0x4f, 0xa0, 0xdc, 0x99, 0x81, 0x23, 0x13,
}

// NewTransactionID derives a transaction's id from its user and key, so that the same
// request always has the same row. It is SHA-256 over the namespace, the user, a zero
// byte and the key, as in RFC 9562, appendix B.2. Neither user nor key can contain a
// zero byte, so different pairs never hash the same bytes.
func NewTransactionID(user UserID, key IdempotencyKey) TransactionID {
	return newID([]byte(user.text), []byte{0}, []byte(key.text))
}

// Entry returns an entry's row id by its place, from 0. The first entry's row is the
// transaction's own. Every other name begins with a zero byte, which no user id does.
func (id TransactionID) Entry(place int) TransactionID {
	if place == 0 {
		return id
	}
	return newID([]byte{0}, id[:], []byte(strconv.Itoa(place)))
}

// End returns the id for the row that ends a hold. No entry has that id.
func (id TransactionID) End() TransactionID {
	return newID([]byte{0}, id[:], []byte("end"))
}

// newID returns the id for a name, the concatenated parts. The buffer fits the longest
// user and key, which saves an allocation.
func newID(parts ...[]byte) TransactionID {
	name := append(make([]byte, 0, 1024), namespace[:]...)
	for _, part := range parts {
		name = append(name, part...)
	}
	sum := sha256.Sum256(name)
	id := TransactionID(sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}

// ParseTransactionID parses a UUID's 36 characters, in either case. Anything else is an
// [*InvalidError].
func ParseTransactionID(s string) (TransactionID, error) {
	var id TransactionID
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		hexadecimal := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
		if _, err := hex.Decode(id[:], []byte(hexadecimal)); err == nil {
			return id, nil
		}
	}
	return TransactionID{}, &InvalidError{"transaction id", "must be a UUID"}
}

// String returns the UUID in lower case.
func (id TransactionID) String() string {
	s := hex.EncodeToString(id[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
