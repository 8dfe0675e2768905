package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// Cursor is a place in one user's history: after the transaction that it
// names. The zero Cursor is the beginning.
type Cursor struct {
	CreatedAt time.Time
	ID        TransactionID
}

const (
	cursorPlaceBytes    = 8 + 16 // milliseconds since 1970, the transaction's id
	cursorChecksumBytes = 8
)

// Text returns the cursor as the user sends it back.
func (c Cursor) Text(user UserID) string {
	place := binary.BigEndian.AppendUint64(nil, uint64(c.CreatedAt.UnixMilli()))
	place = append(place, c.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(append(place, cursorChecksum(user, place)...))
}

// ParseCursor parses a text that [Cursor.Text] returned for the same user.
// Anything else is an [*InvalidError] that unwraps to [ErrInvalidCursor], such
// as another user's cursor or another spelling of the same bytes.
func ParseCursor(user UserID, s string) (Cursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(raw) == cursorPlaceBytes+cursorChecksumBytes {
		c := Cursor{
			CreatedAt: time.UnixMilli(int64(binary.BigEndian.Uint64(raw))).UTC(),
			ID:        TransactionID(raw[8:cursorPlaceBytes]),
		}
		if c.Text(user) == s {
			return c, nil
		}
	}
	return Cursor{}, &InvalidError{ErrInvalidCursor, `must be the "next" of an answer for the same user`}
}

// cursorChecksum returns what binds a place to its user. It finds mistakes and is
// no secret: whoever makes one up gets a place in the same user's history.
func cursorChecksum(user UserID, place []byte) []byte {
	sum := sha256.Sum256(append([]byte(user.text+"\x00"), place...))
	return sum[:cursorChecksumBytes]
}
