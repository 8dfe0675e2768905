package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// TransactionID is a version 8 UUID (RFC 9562, section 5.8).
type TransactionID [16]byte

// namespace keeps this ledger's ids distinct from ids that other programs derive from the
// same names (RFC 9562, section 6.6). Changing it would change the id of every transaction.
var namespace = [16]byte{ // 5156f924-b490-4cdf-bc4f-a0dc99812313
	0x51, 0x56, 0xf9, 0x24, 0xb4, 0x90, 0x4c, 0xdf, 0xbc, 0x4f, 0xa0, 0xdc, 0x99, 0x81, 0x23, 0x13,
}

// NewTransactionID derives a transaction's id from its user and key, so that the same
// request always has the same id. It hashes the namespace, the user, a zero byte and the
// key with SHA-256, as in RFC 9562, appendix B.2. Neither user nor key can contain a zero
// byte, so different pairs never hash the same bytes.
func NewTransactionID(user UserID, key IdempotencyKey) TransactionID {
	return newID([]byte(user.text), []byte{0}, []byte(key.text))
}

// Entry returns the id for the row of the entry at the given place, from 0. The first
// entry's row has the transaction's own id. The other ids hash a zero byte after the
// namespace. No user id begins with a zero byte, so no transaction has such an id.
func (id TransactionID) Entry(place int) TransactionID {
	if place == 0 {
		return id
	}
	return newID([]byte{0}, id[:], []byte(strconv.Itoa(place)))
}

// End returns the id of the row that ends the transaction's hold. No entry has that id.
func (id TransactionID) End() TransactionID {
	return newID([]byte{0}, id[:], []byte("end"))
}

// newID derives an id from the concatenated parts. The buffer has room for the longest user
// and key, which saves an allocation.
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

// ParseTransactionID parses a UUID of 36 characters, in upper or lower case. Anything else
// is an [*InvalidError].
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
