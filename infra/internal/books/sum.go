package books

import (
	"fmt"
	"math/bits"
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
	text := money.String()
	whole, fraction, _ := strings.Cut(text, ".")
	var s Sum
	for _, digit := range []byte(whole) {
		s = s.shift(text, digit)
	}
	for i := range max(places, len(fraction)) {
		digit := byte('0')
		if i < len(fraction) {
			digit = fraction[i]
		}
		s = s.shift(text, digit)
	}
	if len(fraction) > places {
		panic(fmt.Sprintf("books: %q has more than %d places", text, places))
	}
	return s
}

// shift appends a digit.
func (s Sum) shift(text string, digit byte) Sum {
	if digit < '0' || digit > '9' || s.high > 1<<59 {
		panic(fmt.Sprintf("books: %q is no sum", text))
	}
	carry, low := bits.Mul64(s.low, 10)
	low, more := bits.Add64(low, uint64(digit-'0'), 0)
	return Sum{s.high*10 + int64(carry+more), low}
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

// String returns the shortest plain decimal text.
func (s Sum) String() string {
	sign := ""
	if s.IsNegative() {
		sign, s = "-", s.negated()
	}
	var digits []byte // the last first
	high, low := uint64(s.high), s.low
	for high != 0 || low != 0 || len(digits) <= places {
		var rest uint64
		high, rest = high/10, high%10
		low, rest = bits.Div64(rest, low, 10)
		digits = append(digits, byte('0'+rest))
	}
	var text strings.Builder
	text.WriteString(sign)
	for i := len(digits) - 1; i >= 0; i-- {
		if i == places-1 {
			text.WriteByte('.')
		}
		text.WriteByte(digits[i])
	}
	return strings.TrimSuffix(strings.TrimRight(text.String(), "0"), ".")
}
