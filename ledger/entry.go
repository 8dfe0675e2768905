package ledger

import (
	"fmt"
	"slices"
)

// MaxItems bounds a transaction's entries plus different users: a [Store] writes a row
// for each entry and a move for each user in one write.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const MaxItems = 100

// Entry is one movement of one user's balance.
type Entry struct {
	UserID UserID
	Type   Type
	Amount Amount
}

// Equal reports whether e and f have the same user, type and amount.
func (e Entry) Equal(f Entry) bool {
	return e.UserID == f.UserID && e.Type == f.Type && e.Amount.Equal(f.Amount)
}

// CheckEntries checks the number of entries. None, or more than [MaxItems] together
// with their different users, is an [*InvalidError].
func CheckEntries(entries []Entry) error {
	if len(entries) == 0 {
		return &InvalidError{"entries", "must have at least one entry"}
	}
	if items(entries) > MaxItems {
		return &InvalidError{"entries", fmt.Sprintf("must have at most %d entries and different users together", MaxItems)}
	}
	return nil
}

// items returns the number of items in a write of the entries.
func items(entries []Entry) int { return len(entries) + len(usersOf(entries)) }

// usersOf returns the different users, in the order of their first entries.
func usersOf(entries []Entry) (users []UserID) {
	for _, e := range entries {
		if !slices.Contains(users, e.UserID) {
			users = append(users, e.UserID)
		}
	}
	return users
}

// Mints reports whether the entries credit more than they debit: such a
// transaction brings in money from outside.
func Mints(entries []Entry) bool {
	sum := net(entries)
	return sum.d.Sign() > 0
}

// Balanced reports whether the entries credit as much as they debit.
func Balanced(entries []Entry) bool { return net(entries).IsZero() }

func net(entries []Entry) (sum Sum) {
	for _, e := range entries {
		sum.move(e.Type, e.Amount)
	}
	return sum
}
