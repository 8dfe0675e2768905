package ledger

import (
	"bytes"
	"slices"
	"sort"
	"strconv"
	"time"
)

// MaxHolds is the maximum number of open holds per user. [Store] gives the reason.
const MaxHolds = 16

const maxExpiresIn = 31 * 24 * time.Hour

// grace is the time from a hold's expiry until its money is spendable. It allows for clocks
// that differ and for writes in flight.
const grace = time.Second

// Hold is money that a pending transaction sets aside until its capture, void or expiry.
type Hold struct {
	TransactionID TransactionID
	Amount        Amount
	ExpiresAt     time.Time // UTC, to the millisecond
}

// spendable reports whether the expiry and the grace period have passed. From then on the
// money can be spent, even if no end is stored yet.
func (h Hold) spendable(now time.Time) bool { return !now.Before(h.ExpiresAt.Add(grace)) }

// endRow returns the row that ends the hold for its full amount. All possible ends of a
// hold have the same id, so only one of them can be stored.
func (h Hold) endRow(user UserID, end End) Transaction {
	return Transaction{
		ID:            h.TransactionID.End(),
		UserID:        user,
		End:           end,
		Amount:        h.Amount,
		Status:        end.Status(),
		TransactionID: h.TransactionID,
	}
}

// ParseExpiresIn parses a number of whole seconds in digits only, from 1 to 2678400 (31
// days). Anything else is an [*InvalidError].
func ParseExpiresIn(s string) (time.Duration, error) {
	seconds, err := strconv.Atoi(s)
	if err != nil || !digits(s) || seconds < 1 || seconds > int(maxExpiresIn/time.Second) {
		return 0, &InvalidError{"expiry", "must be whole seconds from 1 to " + strconv.Itoa(int(maxExpiresIn/time.Second))}
	}
	return time.Duration(seconds) * time.Second, nil
}

// CheckHold checks that the entries can be held: either one debit, or a debit and then a
// credit of the same amount for another user. Otherwise the error is an [*InvalidError].
func CheckHold(entries []Entry) error {
	isPayment := len(entries) == 2 && entries[1].Type == Credit &&
		entries[1].Amount.Equal(entries[0].Amount) && entries[1].UserID != entries[0].UserID
	if !isPayment && len(entries) != 1 || entries[0].Type != Debit {
		return &InvalidError{"expiry", "must come with one debit, or with a debit and then a credit of the same amount for another user"}
	}
	return nil
}

// Account is a user's account as stored: the balance without the held money, the open
// holds, and the rules.
type Account struct {
	Balance Balance
	Holds   []Hold
	Rules
}

// Funds are a user's money and account rules at one moment. Without the lent money the user
// has Balance + Held - CreditLimit, which may be negative.
type Funds struct {
	Balance Balance // spendable
	Held    Sum     // in holds that are not spendable yet
	Rules
}

// Funds returns the user's funds. A hold counts as spendable once its expiry and the grace
// period have passed.
func (a Account) Funds(now time.Time) Funds {
	f := Funds{Balance: a.Balance, Rules: a.Rules}
	for _, h := range a.Holds {
		if h.spendable(now) {
			f.Balance.d = plus(f.Balance.d, h.Amount.d)
		} else {
			f.Held.add(h.Amount)
		}
	}
	return f
}

// expired returns the spendable holds, which a write may release. They are sorted by id,
// because a [Store] may report them in any order.
func (a Account) expired(now time.Time) (holds []Hold) {
	for _, h := range a.Holds {
		if h.spendable(now) {
			holds = append(holds, h)
		}
	}
	sort.Slice(holds, func(i, j int) bool { return bytes.Compare(holds[i].TransactionID[:], holds[j].TransactionID[:]) < 0 })
	return holds
}

// expires reports whether any hold became spendable between the two times.
func (a Account) expires(earlier, later time.Time) bool {
	return slices.ContainsFunc(a.Holds, func(h Hold) bool { return h.spendable(later) && !h.spendable(earlier) })
}

func anyExpires(accounts map[UserID]Account, earlier, later time.Time) bool {
	for _, account := range accounts {
		if account.expires(earlier, later) {
			return true
		}
	}
	return false
}

// Held returns the sum of the holds' amounts.
func Held(holds []Hold) (held Sum) {
	for _, h := range holds {
		held.add(h.Amount)
	}
	return held
}
