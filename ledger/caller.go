package ledger

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCallerBytes keeps a row that names an ARN under 1 KB.
const maxCallerBytes = 256

// Caller names a call's sender for operators. The rows that the call writes store it.
// No answer has it, and no code compares it. The zero Caller is unknown.
type Caller struct{ name string }

// NewCaller returns the caller with that name. Control characters become "?". A name
// longer than 256 bytes loses its middle: an ARN begins with the account and ends with
// the user.
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

// ParseCaller parses a known caller's [Caller.String]. Anything else is an
// [*InvalidError].
func ParseCaller(s string) (Caller, error) {
	if s == "" || len(s) > maxCallerBytes || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return Caller{}, &InvalidError{"caller", "must be 1 to 256 bytes of UTF-8 without control characters"}
	}
	return Caller{s}, nil
}

// String returns the name, or "" for an unknown caller.
func (c Caller) String() string { return c.name }
