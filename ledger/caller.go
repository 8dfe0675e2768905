package ledger

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCallerBytes keeps a row that names an ARN under 1 KB.
const maxCallerBytes = 256

// Caller names the sender of a call for operators. It is stored with the rows that
// the call writes, in no answer, and never compared. The zero Caller is not known.
type Caller struct{ name string }

// NewCaller returns the caller of that name. Control characters become "?". A name
// of more than 256 bytes loses its middle: an ARN begins with the account and ends
// with the user.
func NewCaller(name string) Caller {
	name = strings.Map(func(r rune) rune { // which makes it valid UTF-8, too
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, name)
	if len(name) <= maxCallerBytes {
		return Caller{name}
	}
	const middle = "..."
	half := (maxCallerBytes - len(middle)) / 2
	head, tail := half, len(name)-half
	for !utf8.RuneStart(name[head]) {
		head--
	}
	for !utf8.RuneStart(name[tail]) {
		tail++
	}
	return Caller{name[:head] + middle + name[tail:]}
}

// ParseCaller parses a text that [Caller.String] returned, of a caller that is
// known.
func ParseCaller(s string) (Caller, error) {
	if s == "" || len(s) > maxCallerBytes || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return Caller{}, errors.New("must be 1 to 256 bytes of UTF-8 without control characters")
	}
	return Caller{s}, nil
}

// String returns the name, or "" of a caller that is not known.
func (c Caller) String() string { return c.name }
