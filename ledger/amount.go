package ledger

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// These bounds apply in every currency. A balance plus an amount has at most wholeDigits
// digits before the point and [MaxPlaces] after it. The apd context below and a DynamoDB
// number (38 digits) can both hold that.
var (
	maxAmount      = decimal("1000000000000")    // 10^12
	maxBalance     = decimal("1000000000000000") // 10^15
	highestBalance = decimal("1016000000000000") // maxBalance + MaxHolds * maxAmount
)

const wholeDigits = 16

// MaxBalance returns the highest balance that a credit can reach: 10^15.
func MaxBalance() Balance { return Balance{maxBalance} }

// HighestBalance returns the highest possible balance: [MaxBalance] plus [MaxHolds] times
// the highest amount. Releases of holds can raise a balance above MaxBalance.
func HighestBalance() Balance { return Balance{highestBalance} }

// MaxCreditLimit returns the highest credit limit: 10^12.
func MaxCreditLimit() Balance { return Balance{maxAmount} }

// exact is the apd context for all arithmetic. It fails instead of rounding.
var exact = apd.Context{
	Precision:   wholeDigits + MaxPlaces,
	MaxExponent: apd.MaxExponent,
	MinExponent: apd.MinExponent,
	Traps:       apd.DefaultTraps | apd.Inexact,
}

// Amount is a sum of money to move, in the ledger's currency. It is from the smallest unit
// to 10^12, with at most [MaxPlaces] decimal places. The zero Amount is invalid; use
// [Settings.ParseAmount]. Compare amounts with [Amount.Equal], not ==.
type Amount struct{ d apd.Decimal }

// ParseAmount parses an amount from a row, in plain decimal notation such as "12.50":
// digits, optionally followed by a point and one to [MaxPlaces] digits. Leading zeros are
// ignored. Anything else, such as "NaN", "1e3" or "-1", is an [*InvalidError]. For amounts
// from callers, use [Settings.ParseAmount].
func ParseAmount(s string) (Amount, error) { return anyPlaces.ParseAmount(s) }

// String returns the shortest decimal notation, such as "100", "110.5" or "0.01".
func (a Amount) String() string { return shortest(a.d) }

// MarshalText implements [encoding.TextMarshaler] using [Amount.String].
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Equal reports whether a and b are the same amount: "10" equals "10.00".
func (a Amount) Equal(b Amount) bool { return a.d.Cmp(&b.d) == 0 }

// More reports whether a is more than b.
func (a Amount) More(b Amount) bool { return a.d.Cmp(&b.d) > 0 }

// Balance is the money that a user can spend, in the ledger's currency. It is from zero to
// [HighestBalance], with at most [MaxPlaces] decimal places. Compare balances with
// [Balance.Equal], not ==.
type Balance struct{ d apd.Decimal }

// ParseBalance parses a balance in the notation of [ParseAmount], from zero to
// [HighestBalance]. Anything else is an [*InvalidError].
func ParseBalance(s string) (Balance, error) {
	return parseBalance("balance", s, MaxPlaces, highestBalance)
}

// ParseCreditLimit parses a credit limit from a row: an amount, or "0". Anything else is an
// [*InvalidError]. For limits from callers, use [Settings.ParseCreditLimit].
func ParseCreditLimit(s string) (Balance, error) { return anyPlaces.ParseCreditLimit(s) }

func parseBalance(kind, s string, places int, most apd.Decimal) (Balance, error) {
	d, reason := parsePlain(s, places, most)
	if reason != "" {
		return Balance{}, &InvalidError{kind, reason}
	}
	return Balance{d}, nil
}

// String returns the shortest decimal notation, such as "100", "110.5" or "0".
func (b Balance) String() string { return shortest(b.d) }

// MarshalText implements [encoding.TextMarshaler] using [Balance.String].
func (b Balance) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// IsZero reports whether the balance is zero.
func (b Balance) IsZero() bool { return b.d.IsZero() }

// Equal reports whether b and c are equal.
func (b Balance) Equal(c Balance) bool { return b.d.Cmp(&c.d) == 0 }

// After applies a credit or debit to b. If a debit exceeds b, or a credit would raise b
// above [MaxBalance], After returns b and ok is false. It panics for any other type.
func (b Balance) After(t Type, a Amount) (after Balance, ok bool) {
	sum := Sum(b)
	sum.move(t, a)
	if sum.IsNegative() || t == Credit && sum.d.Cmp(&maxBalance) > 0 {
		return b, false
	}
	return Balance(sum), true
}

// Sum is a total of amounts. It may be negative.
type Sum struct{ d apd.Decimal }

// String returns the shortest decimal notation, such as "100", "-110.5" or "0".
func (s Sum) String() string { return shortest(s.d) }

// IsZero reports whether the sum is zero.
func (s Sum) IsZero() bool { return s.d.IsZero() }

// IsNegative reports whether the sum is below zero.
func (s Sum) IsNegative() bool { return s.d.Sign() < 0 }

// Abs returns the absolute value of s.
func (s Sum) Abs() Sum {
	if s.IsNegative() {
		return Sum{minus(apd.Decimal{}, s.d)}
	}
	return s
}

// Equal reports whether the sum equals the balance.
func (s Sum) Equal(b Balance) bool { return s.d.Cmp(&b.d) == 0 }

func (s *Sum) add(a Amount)      { s.d = plus(s.d, a.d) }
func (s *Sum) subtract(a Amount) { s.d = minus(s.d, a.d) }

// move adds the amount of a credit, or subtracts the amount of a debit.
func (s *Sum) move(t Type, a Amount) {
	switch t {
	case Credit:
		s.add(a)
	case Debit:
		s.subtract(a)
	default:
		panic(fmt.Sprintf("ledger: type %q moves no balance", t))
	}
}

// parsePlain parses the plain decimal s. If s is invalid, exceeds the parameter
// most or has too many decimal places, it returns the reason. apd would accept more
// notations.
func parsePlain(s string, places int, most apd.Decimal) (d apd.Decimal, reason string) {
	whole, fraction, point := strings.Cut(s, ".")
	switch {
	case whole == "" || !digits(whole) || !digits(fraction) || point && fraction == "":
		return d, "must be a plain decimal such as \"" + exampleAmount(places) + "\": digits, no sign, no exponent, no spaces"
	case len(fraction) > places:
		return d, tooManyPlaces(places)
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) <= wholeDigits {
		if d = decimal("0" + whole + "." + fraction); d.Cmp(&most) <= 0 {
			return d, ""
		}
	}
	return d, "must be at most " + shortest(most)
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// decimal parses a valid decimal. All results have the same exponent, so equal sums are
// identical values, even if their notations differ.
func decimal(s string) apd.Decimal {
	var d apd.Decimal
	_, _, err := exact.SetString(&d, s)
	if err == nil {
		_, err = exact.Quantize(&d, &d, -MaxPlaces)
	}
	if err != nil {
		panic(fmt.Sprintf("ledger: %q is not a sum of money: %v", s, err))
	}
	return unshared(d)
}

// plus returns a + b. It panics if the sum is not exact, which the bounds of Amount and
// Balance prevent.
func plus(a, b apd.Decimal) apd.Decimal {
	var sum apd.Decimal
	if condition, err := exact.Add(&sum, &a, &b); err != nil {
		panic(fmt.Sprintf("ledger: inexact sum: %v (%v)", err, condition))
	}
	return unshared(sum)
}

func minus(a, b apd.Decimal) apd.Decimal {
	var negative apd.Decimal
	negative.Neg(&b)
	return plus(a, negative)
}

// unshared returns a copy of d that shares no memory with it. An apd decimal of more than
// 64 bits can keep its digits behind a pointer. Copies of it then share these digits, so a
// write to one copy changes the others. Therefore no function here writes to a decimal that
// may have been copied, and none returns a decimal with such a pointer.
func unshared(d apd.Decimal) apd.Decimal {
	var own apd.Decimal
	own.Set(&d)
	return own
}

func shortest(d apd.Decimal) string {
	var reduced apd.Decimal
	reduced.Reduce(&d)
	return reduced.Text('f')
}
