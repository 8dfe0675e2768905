package ledger

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxHolds is how many holds of a user may be open. A [Store] says why.
const MaxHolds = 16

// maxExpiresIn is the longest time that money can be held: 31 days.
const maxExpiresIn = 31 * 24 * time.Hour

// grace is how long after its expiry a hold counts as held, and a release waits:
// as much as clocks may differ, with the time that a write is under way.
const grace = time.Second

// Hold is money of a user that is kept aside by a pending transaction, until
// that is captured or voided, or expires.
type Hold struct {
	TransactionID TransactionID
	Amount        Amount
	ExpiresAt     time.Time // UTC, to the millisecond
}

// spendable reports whether what was held can be spent again though nobody has
// ended the hold.
func (h Hold) spendable(now time.Time) bool { return !now.Before(h.ExpiresAt.Add(grace)) }

// endRow returns the row that ends a user's hold. All ends of a hold have one id,
// so that there is only one.
func (h Hold) endRow(user UserID, end End, captured Amount, now time.Time) Transaction {
	row := Transaction{
		ID:            h.TransactionID.End(),
		UserID:        user,
		End:           end,
		Amount:        h.Amount,
		Status:        end.Status(),
		CreatedAt:     now.UTC().Truncate(time.Millisecond),
		TransactionID: h.TransactionID,
	}
	if end == Capture {
		row.Amount, row.Held = captured, h.Amount
	}
	return row
}

// ParseExpiresIn parses whole seconds from 1 to 2678400, which are 31 days, in
// digits only. Anything else is an [*InvalidError] that unwraps to
// [ErrInvalidExpiresIn].
func ParseExpiresIn(s string) (time.Duration, error) {
	seconds, err := strconv.Atoi(s)
	if err != nil || !digits(s) || seconds < 1 || seconds > int(maxExpiresIn/time.Second) {
		return 0, &InvalidError{ErrInvalidExpiresIn, "must be whole seconds from 1 to " + strconv.Itoa(int(maxExpiresIn/time.Second))}
	}
	return time.Duration(seconds) * time.Second, nil
}

// CheckHold checks that the entries can be pending: one debit, or a debit and
// then a credit of the same amount for another user. If they can't, the error is
// an [*InvalidError] that unwraps to [ErrInvalidExpiresIn].
func CheckHold(entries []Entry) error {
	debit := len(entries) > 0 && entries[0].Type == Debit
	switch {
	case debit && len(entries) == 1:
		return nil
	case debit && len(entries) == 2 && entries[1].Type == Credit &&
		entries[1].Amount.Equal(entries[0].Amount) && entries[1].UserID != entries[0].UserID:
		return nil
	}
	return &InvalidError{ErrInvalidExpiresIn, "must come with one debit, or with a debit and then a credit of the same amount for another user"}
}

// Account is what is stored of a user: the balance, which is without what is
// held, and the open holds.
type Account struct {
	Balance Balance
	Holds   []Hold
}

// Funds are what a user has at a moment.
type Funds struct {
	Balance Balance // what can be spent
	Held    Sum     // what is kept aside
}

// Funds returns what the user has. A hold that has expired, and for longer than
// clocks differ, can be spent.
func (a Account) Funds(now time.Time) Funds {
	f := Funds{Balance: a.Balance}
	for _, h := range a.Holds {
		if h.spendable(now) {
			f.Balance.d = plus(f.Balance.d, h.Amount.d)
		} else {
			f.Held.add(h.Amount)
		}
	}
	return f
}

// expired returns the holds that a write may release, in an order that does not
// depend on the store's.
func (a Account) expired(now time.Time) (holds []Hold) {
	for _, h := range a.Holds {
		if h.spendable(now) {
			holds = append(holds, h)
		}
	}
	slices.SortFunc(holds, func(a, b Hold) int {
		return strings.Compare(a.TransactionID.String(), b.TransactionID.String())
	})
	return holds
}

// expires reports whether a hold can be spent at the later time, and could not at
// the earlier one.
func (a Account) expires(earlier, later time.Time) bool {
	return slices.ContainsFunc(a.Holds, func(h Hold) bool { return h.spendable(later) && !h.spendable(earlier) })
}

// anyExpires reports that of any of the accounts.
func anyExpires(accounts map[UserID]Account, earlier, later time.Time) bool {
	for _, account := range accounts {
		if account.expires(earlier, later) {
			return true
		}
	}
	return false
}

// highestBalance is what HighestBalance returns: releases may lift a balance over
// MaxBalance by what was held.
var highestBalance = func() (b Balance) {
	b.d = maxBalance
	for range MaxHolds {
		b.d = plus(b.d, maxAmount)
	}
	return b
}()

// HighestBalance returns the highest balance that there can be: [MaxBalance] and
// [MaxHolds] times the highest amount.
func HighestBalance() Balance { return highestBalance }

// Held returns what the holds come to.
func Held(holds []Hold) (held Sum) {
	for _, h := range holds {
		held.add(h.Amount)
	}
	return held
}
