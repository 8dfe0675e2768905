package ledger

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxUserIDCharacters    = 128 // at most 512 bytes; DynamoDB allows 2,048 in a partition key
	maxIdempotencyKeyBytes = 255
	maxCallerBytes         = 256 // keeps a row with a caller's ARN under 1 KB
)

// UserID identifies a user. Users need not be created, because every UserID has a balance.
// The zero UserID is invalid; use [ParseUserID].
type UserID struct{ text string }

// ParseUserID parses a user id: 1 to 128 characters of UTF-8, without control characters
// and without spaces at either end. Anything else is an [*InvalidError].
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

// IdempotencyKey is a key that a caller chooses for one of a user's transactions. It never
// expires. The zero IdempotencyKey is invalid; use [ParseIdempotencyKey].
type IdempotencyKey struct{ text string }

// ParseIdempotencyKey parses 1 to 255 printable ASCII characters, including spaces.
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

// Caller names the sender of a call. The rows that the call writes contain it, for
// operators. No answer contains it, and no code compares it. The zero Caller means unknown.
type Caller struct{ name string }

// NewCaller returns a caller with the given name. It replaces control characters with "?".
// It cuts the middle out of a name longer than 256 bytes, because an ARN begins with the
// account and ends with the user.
func NewCaller(name string) Caller {
	name = strings.Map(func(r rune) rune { // also replaces invalid UTF-8
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

// ParseCaller parses a non-empty string that [Caller.String] returned. Anything else is an
// [*InvalidError].
func ParseCaller(s string) (Caller, error) {
	if s == "" || len(s) > maxCallerBytes || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return Caller{}, &InvalidError{"caller", "must be 1 to 256 bytes of UTF-8 without control characters"}
	}
	return Caller{s}, nil
}

// String returns the name, or "" for an unknown caller.
func (c Caller) String() string { return c.name }

// oneOf parses s, which must be one of the words. Anything else is an [*InvalidError].
func oneOf[T ~string](kind, reason, s string, words ...T) (T, error) {
	if word := T(s); slices.Contains(words, word) {
		return word, nil
	}
	return "", &InvalidError{kind, reason}
}
