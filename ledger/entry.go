package ledger

import (
	"fmt"
	"slices"
)

// MaxItems is how many entries and different users a transaction has at most,
// together: a [Store] posts as many rows and moves in one write.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const MaxItems = 100

// Entry is one movement of one user's balance.
type Entry struct {
	UserID UserID
	Type   Type
	Amount Amount
}

// Equal reports whether e and f move the same sum of the same user in the same
// direction.
func (e Entry) Equal(f Entry) bool {
	return e.UserID == f.UserID && e.Type == f.Type && e.Amount.Equal(f.Amount)
}

// CheckEntries checks how many entries a transaction has. If they are none, or
// with their different users more than [MaxItems], the error is an
// [*InvalidError] that unwraps to [ErrInvalidEntries].
func CheckEntries(entries []Entry) error {
	if len(entries) == 0 {
		return &InvalidError{ErrInvalidEntries, "must have at least one entry"}
	}
	if len(entries)+countUsers(entries) > MaxItems {
		return &InvalidError{ErrInvalidEntries, fmt.Sprintf("must have at most %d entries and different users together", MaxItems)}
	}
	return nil
}

// countUsers returns how many different users the entries have.
func countUsers(entries []Entry) (users int) {
	for i, e := range entries {
		if !slices.ContainsFunc(entries[:i], func(before Entry) bool { return before.UserID == e.UserID }) {
			users++
		}
	}
	return users
}

// Mints reports whether the entries credit more than they debit: such a
// transaction brings in money from outside.
func Mints(entries []Entry) bool {
	var net Sum
	for _, e := range entries {
		net.move(e.Type, e.Amount)
	}
	return net.d.Sign() > 0
}

// Balanced reports whether the entries credit as much as they debit.
func Balanced(entries []Entry) bool {
	var net Sum
	for _, e := range entries {
		net.move(e.Type, e.Amount)
	}
	return net.d.IsZero()
}
