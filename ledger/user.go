package ledger

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxUserIDCharacters = 128 // at most 512 bytes; DynamoDB's partition keys hold 2,048

// UserID names a user. Users need not be created: every UserID has a balance. The
// zero UserID is not valid; make one with [ParseUserID].
type UserID struct{ text string }

// ParseUserID parses 1 to 128 characters of UTF-8 without control characters and
// without space at either end. Anything else is an [*InvalidError].
func ParseUserID(s string) (UserID, error) {
	invalid := func(reason string) (UserID, error) {
		return UserID{}, &InvalidError{"user id", reason}
	}
	switch {
	case strings.TrimSpace(s) == "":
		return invalid("must not be blank")
	case !utf8.ValidString(s):
		return invalid("must be valid UTF-8")
	case utf8.RuneCountInString(s) > maxUserIDCharacters:
		return invalid("must have at most 128 characters")
	case strings.ContainsFunc(s, unicode.IsControl):
		return invalid("must not contain control characters")
	case strings.TrimSpace(s) != s:
		return invalid("must not begin or end with a space")
	}
	return UserID{s}, nil
}

func (u UserID) String() string { return u.text }
