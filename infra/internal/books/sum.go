package books

import (
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// places is the scale of a [Sum]: more than any amount has.
const places = 8

// Sum is money with either sign: a whole number of 10^-8 in 128 bits, so that sums are
// exact up to 10^30. It has no pointer, and == compares it. Unlike a balance, it has no
// limit.
type Sum struct {
	high int64
	low  uint64
}

// SumOf returns a value's sum by its text in plain decimal notation, such as an amount
// or a balance. It panics for another text.
func SumOf(money fmt.Stringer) Sum {
	const lowDigits = 18 // so that both parts fit into 64 bits
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

// Plus returns s + t. It panics rather than overflow.
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

// MarshalText returns the text.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the shortest plain decimal text.
func (s Sum) String() string {
	units := new(big.Int).Lsh(big.NewInt(s.high), 64)
	units.Add(units, new(big.Int).SetUint64(s.low))
	text := new(big.Rat).SetFrac(units, big.NewInt(1e8)).FloatString(places)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
