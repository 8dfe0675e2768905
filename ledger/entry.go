package ledger

import (
	"fmt"
	"slices"
	"time"
)

// MaxItems is how many entries and different users a transaction has at most,
// together: each is one action of a DynamoDB write, which takes 100.
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

// declinedAt returns the place of the first entry that the accounts do not
// allow, and what its user could spend then: the entries before it count, and
// what has expired. A user whose account is not known declines nothing. It is
// not ok if the accounts allow all entries.
func declinedAt(entries []Entry, accounts map[UserID]Account, now time.Time) (place int, seen Balance, ok bool) {
	balances := map[UserID]Balance{}
	for user, account := range accounts {
		balances[user] = account.Funds(now).Balance
	}
	for i, e := range entries {
		before, known := balances[e.UserID]
		if !known {
			continue
		}
		after, fits := before.After(e.Type, e.Amount)
		if !fits {
			return i, before, true
		}
		balances[e.UserID] = after
	}
	return 0, Balance{}, false
}

// expiredOf returns the releases of all that has expired in the accounts, in
// the order of the entries.
func expiredOf(entries []Entry, accounts map[UserID]Account, now time.Time) releases {
	r := releases{at: now}
	for _, e := range entries {
		done := slices.ContainsFunc(r.users, func(one release) bool { return one.user == e.UserID })
		if holds := accounts[e.UserID].expired(now); holds != nil && !done {
			r.users = append(r.users, release{e.UserID, holds})
		}
	}
	return r
}
