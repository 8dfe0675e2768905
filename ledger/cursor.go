package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// Cursor is a place in one user's history, just after the row that it names. The zero
// Cursor is the beginning.
type Cursor struct {
	CreatedAt time.Time
	ID        TransactionID

	// Within is true if rows with the same time follow on the next page. ID then names the
	// last row on the page. Otherwise it names the last row with that time in the [Store]'s
	// own order.
	Within bool
}

const (
	cursorPlaceBytes    = 8 + 16 // Unix time in milliseconds, then the row's id
	cursorChecksumBytes = 8
)

// Text encodes the cursor as text that [ParseCursor] accepts only for the same user.
func (c Cursor) Text(user UserID) string {
	place := binary.BigEndian.AppendUint64(nil, uint64(c.CreatedAt.UnixMilli()))
	place = append(place, c.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(append(place, c.checksum(user, place)...))
}

// ParseCursor parses text that [Cursor.Text] returned for the same user. Anything else,
// such as another user's cursor, is an [*InvalidError].
func ParseCursor(user UserID, s string) (Cursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(raw) == cursorPlaceBytes+cursorChecksumBytes {
		c := Cursor{
			CreatedAt: time.UnixMilli(int64(binary.BigEndian.Uint64(raw))).UTC(),
			ID:        TransactionID(raw[8:cursorPlaceBytes]),
		}
		for _, c.Within = range []bool{false, true} {
			if c.Text(user) == s {
				return c, nil
			}
		}
	}
	return Cursor{}, &InvalidError{"cursor", `must be the "next" of an answer for the same user`}
}

// checksum binds a place to its user and to Within. It detects mistakes and is not secret:
// a user who forges a checksum only reaches another place in the same history.
func (c Cursor) checksum(user UserID, place []byte) []byte {
	bound := append([]byte(user.text+"\x00"), place...)
	if c.Within {
		bound = append(bound, "within"...)
	}
	sum := sha256.Sum256(bound)
	return sum[:cursorChecksumBytes]
}
