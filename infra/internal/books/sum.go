package books

import (
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// places is the number of decimal places in a [Sum]. Amounts have at most that many.
const places = 8

// Sum is a signed sum of money. It counts units of 10^-8 in 128 bits, so it is exact up to
// 10^30. It contains no pointers, and can be compared with ==. Unlike a balance, it can be
// negative or more than 10^15.
type Sum struct {
	high int64
	low  uint64
}

// SumOf converts an amount, a balance or another value that prints in plain decimal
// notation. It panics if the value prints as anything else.
func SumOf(money fmt.Stringer) Sum {
	const lowDigits = 18 // so that first and last each fit into 64 bits
	whole, fraction, _ := strings.Cut(money.String(), ".")
	digits := whole + fraction + strings.Repeat("0", max(0, places-len(fraction)))
	cut := max(0, len(digits)-lowDigits)
	first, wrong := strconv.ParseUint("0"+digits[:cut], 10, 64)
	last, alsoWrong := strconv.ParseUint(digits[cut:], 10, 64)
	if wrong != nil || alsoWrong != nil || len(fraction) > places || cut > lowDigits {
		panic(fmt.Sprintf("books: %q is no sum", money))
	}
	high, low := bits.Mul64(first, 1e18)
	low, carry := bits.Add64(low, last, 0)
	return Sum{int64(high + carry), low}
}

// Plus returns s + t. It panics on overflow.
func (s Sum) Plus(t Sum) Sum {
	low, carry := bits.Add64(s.low, t.low, 0)
	high := s.high + t.high + int64(carry)
	if (s.high < 0) == (t.high < 0) && (high < 0) != (s.high < 0) {
		panic("books: a sum of more than 128 bits")
	}
	return Sum{high, low}
}

// Minus returns s - t.
func (s Sum) Minus(t Sum) Sum { return s.Plus(t.negated()) }

func (s Sum) negated() Sum {
	low, borrow := bits.Sub64(0, s.low, 0)
	return Sum{-s.high - int64(borrow), low}
}

// IsNegative reports whether s is below zero.
func (s Sum) IsNegative() bool { return s.high < 0 }

// Exceeds reports whether s is more than t.
func (s Sum) Exceeds(t Sum) bool { return t.Minus(s).IsNegative() }

// MarshalText returns the same text as String.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the shortest plain decimal notation, such as "12.5".
func (s Sum) String() string {
	units := new(big.Int).Lsh(big.NewInt(s.high), 64)
	units.Add(units, new(big.Int).SetUint64(s.low))
	text := new(big.Rat).SetFrac(units, big.NewInt(1e8)).FloatString(places)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
