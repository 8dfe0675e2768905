package ledger

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxUserIDCharacters    = 128 // at most 512 bytes; DynamoDB's partition keys hold 2,048
	maxIdempotencyKeyBytes = 255
	maxCallerBytes         = 256 // so that a row that names an ARN stays under 1 KB
)

// UserID names a user. Users need not be created: every UserID has a balance. The
// zero UserID is not valid; make one with [ParseUserID].
type UserID struct{ text string }

// ParseUserID parses 1 to 128 characters of UTF-8 without control characters and
// without space at either end. Anything else is an [*InvalidError].
func ParseUserID(s string) (UserID, error) {
	reason := ""
	switch {
	case strings.TrimSpace(s) == "":
		reason = "must not be blank"
	case !utf8.ValidString(s):
		reason = "must be valid UTF-8"
	case utf8.RuneCountInString(s) > maxUserIDCharacters:
		reason = "must have at most 128 characters"
	case strings.ContainsFunc(s, unicode.IsControl):
		reason = "must not contain control characters"
	case strings.TrimSpace(s) != s:
		reason = "must not begin or end with a space"
	default:
		return UserID{s}, nil
	}
	return UserID{}, &InvalidError{"user id", reason}
}

func (u UserID) String() string { return u.text }

// IdempotencyKey is the caller's name for one of a user's transactions. It never
// expires. The zero IdempotencyKey is not valid; make one with [ParseIdempotencyKey].
type IdempotencyKey struct{ text string }

// ParseIdempotencyKey parses 1 to 255 printable ASCII characters, spaces included.
// Anything else is an [*InvalidError].
func ParseIdempotencyKey(s string) (IdempotencyKey, error) {
	switch {
	case len(s) < 1 || len(s) > maxIdempotencyKeyBytes:
		return IdempotencyKey{}, &InvalidError{"idempotency key", "must have 1 to 255 characters"}
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }):
		return IdempotencyKey{}, &InvalidError{"idempotency key", "must be printable ASCII"}
	}
	return IdempotencyKey{s}, nil
}

func (k IdempotencyKey) String() string { return k.text }

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

// oneOf parses a word. Any other than these is an [*InvalidError].
func oneOf[T ~string](kind, reason, s string, words ...T) (T, error) {
	if word := T(s); slices.Contains(words, word) {
		return word, nil
	}
	return "", &InvalidError{kind, reason}
}
