package ledger

const maxIdempotencyKeyBytes = 255

// IdempotencyKey is the caller's name for one of a user's transactions. It never
// expires. The zero IdempotencyKey is not valid; make one with [ParseIdempotencyKey].
type IdempotencyKey struct{ text string }

// ParseIdempotencyKey parses 1 to 255 printable ASCII characters, spaces included.
// Anything else is an [*InvalidError].
func ParseIdempotencyKey(s string) (IdempotencyKey, error) {
	if len(s) < 1 || len(s) > maxIdempotencyKeyBytes {
		return IdempotencyKey{}, &InvalidError{"idempotency key", "must have 1 to 255 characters"}
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return IdempotencyKey{}, &InvalidError{"idempotency key", "must be printable ASCII"}
		}
	}
	return IdempotencyKey{s}, nil
}

func (k IdempotencyKey) String() string { return k.text }
