package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// ErrInvalidCursor is what [ParseCursor] refuses with, in an [*InvalidError].
var ErrInvalidCursor = errors.New("invalid cursor")

// Cursor is a place in one user's history: after the transaction that it
// names. The zero Cursor is the beginning.
type Cursor struct {
	CreatedAt time.Time
	ID        TransactionID
}

const (
	cursorPlaceBytes = 8 + 16 // milliseconds since 1970, the transaction's id
	cursorCheckBytes = 8
)

// Text is the cursor for the caller to send back. It is bound to the user.
func (c Cursor) Text(user UserID) string {
	place := binary.BigEndian.AppendUint64(nil, uint64(c.CreatedAt.UnixMilli()))
	place = append(place, c.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(append(place, cursorCheck(user, place)...))
}

// ParseCursor reads a text that [Cursor.Text] made for this same user. All
// else is an [*InvalidError] that unwraps to [ErrInvalidCursor], another
// spelling of the same bytes too: a cursor of another user is a mistake worth
// telling, even though a place alone opens nothing.
func ParseCursor(user UserID, s string) (Cursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(raw) == cursorPlaceBytes+cursorCheckBytes {
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

func cursorCheck(user UserID, place []byte) []byte {
	sum := sha256.Sum256(append([]byte(user.text+"\x00"), place...))
	return sum[:cursorCheckBytes]
}
