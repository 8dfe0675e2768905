package ledger

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// The bounds of a transaction's amount and of a balance. Every sum of a balance
// and an amount has at most 16 digits before the point and two after it, which
// exact can hold, and a DynamoDB number too.
var (
	minAmount      = dollars("0.01")
	maxAmount      = dollars("1000000000000")    // 10^12
	maxBalance     = dollars("1000000000000000") // 10^15
	openingBalance = dollars("100")
)

// OpeningBalance returns every user's balance before the first transaction: 100
// dollars.
func OpeningBalance() Balance { return Balance{openingBalance} }

// MaxBalance returns the highest balance that a credit can lift to: 10^15 dollars.
func MaxBalance() Balance { return Balance{maxBalance} }

// cents is the exponent of all values: two places after the point.
const cents = -2

// exact is the context of all arithmetic. It fails rather than round.
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

// ParseAmount parses plain decimal notation such as "12.50", in dollars: digits,
// optionally a point and one or two digits. Leading zeros mean nothing. Anything
// else, such as "NaN", "1e3" and "-1", is an [*InvalidError] that unwraps to
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

// String returns the shortest decimal text, such as "100", "110.5" or "0.01".
func (a Amount) String() string { return shortest(a.d) }

// MarshalText implements [encoding.TextMarshaler] by [Amount.String].
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Equal reports whether a and b are the same sum, as "10" and "10.00" are.
func (a Amount) Equal(b Amount) bool { return a.d.Cmp(&b.d) == 0 }

// More reports whether a is more than b.
func (a Amount) More(b Amount) bool { return a.d.Cmp(&b.d) > 0 }

// Balance is what a user can spend: US dollars, from zero to [MaxBalance], with
// at most two decimal places. No credit passes that, but a hold that ends is
// never rejected, and may: by what was held. Compare with [Balance.Equal], not ==.
type Balance struct{ d apd.Decimal }

// ParseBalance parses a balance in the notation of [ParseAmount]. Anything else
// is an [*InvalidError] that unwraps to [ErrInvalidBalance].
func ParseBalance(s string) (Balance, error) {
	d, reason := parsePlain(s, highestBalance.d)
	if reason != "" {
		return Balance{}, &InvalidError{ErrInvalidBalance, reason}
	}
	return Balance{d}, nil
}

// String returns the shortest decimal text, such as "100", "110.5" or "0".
func (b Balance) String() string { return shortest(b.d) }

// MarshalText implements [encoding.TextMarshaler] by [Balance.String].
func (b Balance) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// IsZero reports whether there is nothing.
func (b Balance) IsZero() bool { return b.d.IsZero() }

// Equal reports whether b and c are the same sum.
func (b Balance) Equal(c Balance) bool { return b.d.Cmp(&c.d) == 0 }

// After returns the balance once a credit or debit of a is posted. It is not
// ok, and the balance stays b, where a debit is more than it or a credit would
// pass [MaxBalance]. It panics for any other type.
func (b Balance) After(t Type, a Amount) (after Balance, ok bool) {
	sum := Sum(b)
	sum.move(t, a)
	if sum.d.Negative || t == Credit && sum.d.Cmp(&maxBalance) > 0 {
		return b, false
	}
	return Balance(sum), true
}

// parsePlain parses digits with at most two decimal places, up to most, or
// returns the reason why s is not that. It looks at the text itself, because apd
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

// digits reports whether s has no other characters than decimal digits.
func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// dollars returns the decimal of a text that is known to be one.
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

// mustExact panics rather than go on with a wrong sum. The bounds of Amount and
// Balance make that impossible.
func mustExact(condition apd.Condition, err error) {
	if err != nil {
		panic(fmt.Sprintf("ledger: inexact sum: %v (%v)", err, condition))
	}
}

// shortest returns the text of d without needless zeros.
func shortest(d apd.Decimal) string {
	var reduced apd.Decimal
	reduced.Reduce(&d)
	return reduced.Text('f')
}
