package ledger

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

var (
	// ErrInvalidAmount is what [ParseAmount] rejects with, in an [*InvalidError].
	ErrInvalidAmount = errors.New("invalid amount")

	// ErrInvalidBalance is what [ParseBalance] rejects with, in an [*InvalidError].
	ErrInvalidBalance = errors.New("invalid balance")
)

// OpeningBalance is every user's balance before the first transaction.
// MaxBalance is the most a balance can be. Both are constants.
var (
	OpeningBalance = Balance{dollars("100")}
	MaxBalance     = Balance{dollars("1000000000000000")} // 10^15
)

// minAmount and maxAmount bound one transaction. Every sum of a balance and
// an amount then has at most 16 digits before the point and two after it,
// which exact holds and DynamoDB's 38 digits hold.
var (
	minAmount = dollars("0.01")
	maxAmount = dollars("1000000000000") // 10^12
)

// cents is the exponent that all values have: two places after the point.
const cents = -2

// exact does all arithmetic. It fails rather than round.
var exact = apd.Context{
	Precision:   18,
	MaxExponent: apd.MaxExponent,
	MinExponent: apd.MinExponent,
	Traps:       apd.DefaultTraps | apd.Inexact,
}

// Amount is how much money one transaction moves: US dollars, from 0.01 to
// 10^12, with at most two decimal places. The zero Amount is not valid; make
// one with [ParseAmount]. Compare with [Amount.Equal], not ==.
type Amount struct{ d apd.Decimal }

// ParseAmount reads plain decimal notation such as "12.50", in dollars: digits,
// optionally a point and one or two digits. Leading zeros mean nothing. All
// else, "NaN", "1e3" and "-1" included, is an [*InvalidError] that unwraps to
// [ErrInvalidAmount].
func ParseAmount(s string) (Amount, error) {
	d, reason := parsePlain(s, maxAmount)
	if reason == "" && d.Cmp(&minAmount) < 0 {
		reason = "must be at least " + shortest(minAmount)
	}
	if reason != "" {
		return Amount{}, &InvalidError{ErrInvalidAmount, reason}
	}
	return Amount{d}, nil
}

// String is the shortest decimal text, such as "100", "110.5" or "0.01".
func (a Amount) String() string { return shortest(a.d) }

// MarshalText is [Amount.String] for encoders.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Equal tells whether a and b are the same sum: "10" and "10.00" are.
func (a Amount) Equal(b Amount) bool { return a.d.Cmp(&b.d) == 0 }

// Headroom is the highest balance that a credit of a still fits on.
func (a Amount) Headroom() Balance {
	var room apd.Decimal
	mustExact(exact.Sub(&room, &MaxBalance.d, &a.d))
	return Balance{room}
}

// Balance is what a user has: US dollars, from zero to [MaxBalance], with at
// most two decimal places. Compare with [Balance.Equal], not ==.
type Balance struct{ d apd.Decimal }

// ParseBalance parses a balance in the notation that [ParseAmount] parses. All
// else is an [*InvalidError] that unwraps to [ErrInvalidBalance].
func ParseBalance(s string) (Balance, error) {
	d, reason := parsePlain(s, MaxBalance.d)
	if reason != "" {
		return Balance{}, &InvalidError{ErrInvalidBalance, reason}
	}
	return Balance{d}, nil
}

// String is the shortest decimal text, such as "100", "110.5" or "0.01".
func (b Balance) String() string { return shortest(b.d) }

// MarshalText is [Balance.String] for encoders.
func (b Balance) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// Equal tells whether b and c are the same sum.
func (b Balance) Equal(c Balance) bool { return b.d.Cmp(&c.d) == 0 }

// After returns the balance once a credit or debit of a is posted. It is not
// ok, and the balance stays b, where that would leave the range of a Balance. It
// panics for any other type.
func (b Balance) After(t Type, a Amount) (after Balance, ok bool) {
	var sum apd.Decimal
	switch t {
	case Credit:
		mustExact(exact.Add(&sum, &b.d, &a.d))
	case Debit:
		mustExact(exact.Sub(&sum, &b.d, &a.d))
	default:
		panic(fmt.Sprintf("ledger: type %q moves no balance", t))
	}
	if sum.Negative || sum.Cmp(&MaxBalance.d) > 0 {
		return b, false
	}
	return Balance{sum}, true
}

// parsePlain parses digits with at most two decimal places, up to most, or
// gives the reason why s is not that. It looks at the text itself, because apd
// also takes "NaN", "Infinity", "1e5", "-0" and ".5".
func parsePlain(s string, most apd.Decimal) (d apd.Decimal, reason string) {
	whole, fraction, point := strings.Cut(s, ".")
	if whole == "" || !digits(whole) || !digits(fraction) || point && fraction == "" {
		return d, `must be a plain decimal such as "12.50": digits, no sign, no exponent, no spaces`
	}
	if len(fraction) > -cents {
		return d, "must have at most two decimal places"
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) <= int(exact.Precision)+cents { // what exact holds
		d = dollars("0" + whole + "." + (fraction + "00")[:-cents])
		if d.Cmp(&most) <= 0 {
			return d, ""
		}
	}
	return d, "must be at most " + shortest(most)
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// dollars makes the decimal of a text that is known to be good.
func dollars(s string) apd.Decimal {
	var d apd.Decimal
	_, _, err := exact.SetString(&d, s)
	if err == nil {
		_, err = exact.Quantize(&d, &d, cents)
	}
	if err != nil {
		panic(fmt.Sprintf("ledger: %q is not a sum of dollars: %v", s, err))
	}
	return d
}

// mustExact stops the program rather than go on with a wrong sum. The bounds
// of Amount and Balance make it impossible.
func mustExact(condition apd.Condition, err error) {
	if err != nil {
		panic(fmt.Sprintf("ledger: inexact sum: %v (%v)", err, condition))
	}
}

func shortest(d apd.Decimal) string {
	var reduced apd.Decimal
	reduced.Reduce(&d)
	return reduced.Text('f')
}
