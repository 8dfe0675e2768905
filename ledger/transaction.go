package ledger

import (
	"errors"
	"time"
)

// ErrInvalidType is what [ParseType] refuses with, in an [*InvalidError].
var ErrInvalidType = errors.New("invalid type")

// Type says which way a transaction moves money. Its text is what is stored
// and sent.
type Type string

// A Credit adds to the balance, a Debit takes from it.
const (
	Credit Type = "credit"
	Debit  Type = "debit"
)

// ParseType takes "credit" or "debit", in lower case. All else is an
// [*InvalidError] that unwraps to [ErrInvalidType].
func ParseType(s string) (Type, error) {
	switch t := Type(s); t {
	case Credit, Debit:
		return t, nil
	}
	return "", &InvalidError{ErrInvalidType, `must be "credit" or "debit"`}
}

// Status is the outcome of a transaction. Its text is what is stored and sent.
type Status string

// A Posted transaction has moved the balance. A Declined one has not and never
// will.
const (
	Posted   Status = "posted"
	Declined Status = "declined"
)

// CreatedAtLayout is RFC 3339 in UTC with milliseconds. It is of one width, so
// that texts sort as their times do.
const CreatedAtLayout = "2006-01-02T15:04:05.000Z"

// Transaction is one row of the ledger. It is never changed once stored.
type Transaction struct {
	ID             TransactionID // NewTransactionID(UserID, IdempotencyKey)
	UserID         UserID
	IdempotencyKey IdempotencyKey
	Type           Type
	Amount         Amount
	Status         Status
	CreatedAt      time.Time // UTC, to the millisecond; as text in CreatedAtLayout
	BalanceSeen    Balance   // of a Declined one: the balance that declined it; zero otherwise
}
