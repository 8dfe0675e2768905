package ledger_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"onewrite/ledger"
)

func TestDefaultSettings(t *testing.T) {
	t.Parallel()
	s := ledger.DefaultSettings()
	assert.Equal(t, "currency USD, decimal places 2, opening balance 100", s.String())
	assert.True(t, s.IsDefault())
}

func TestParseSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ currency, places, opening, want string }{
		{"EUR", "2", "0", "currency EUR, decimal places 2, opening balance 0"},
		{"JPY", "0", "100", "currency JPY, decimal places 0, opening balance 100"},
		{"KWD", "3", "0.125", "currency KWD, decimal places 3, opening balance 0.125"},
		{"BTC", "8", "0.00000001", "currency BTC, decimal places 8, opening balance 0.00000001"},
		{"POINTS2026AB", "0", "1000000000000", "currency POINTS2026AB, decimal places 0, opening balance 1000000000000"},
		{"USD", "2", "0100.00", "currency USD, decimal places 2, opening balance 100"},
	} {
		s, err := ledger.ParseSettings(c.currency, c.places, c.opening)
		require.NoError(t, err, "%+v", c)
		assert.Equal(t, c.want, s.String())
		assert.Equal(t, c.want == ledger.DefaultSettings().String(), s.IsDefault())
	}
}

func TestParseSettingsRefuses(t *testing.T) {
	t.Parallel()
	const (
		currency = "must be three to twelve capital letters and digits, a letter first"
		places   = "must be a digit from 0 to 8"
	)
	for _, c := range []struct {
		currency, places, opening string
		want                      []string
	}{
		{"", "2", "0", []string{`currency is "", ` + currency}},
		{"EU", "2", "0", []string{`currency is "EU", ` + currency}},
		{"eur", "2", "0", []string{currency}},
		{"1EU", "2", "0", []string{currency}},
		{"EUR ", "2", "0", []string{currency}},
		{"ÆUR", "2", "0", []string{currency}},
		{"EUR\n", "2", "0", []string{currency}},
		{"THIRTEENCHARS", "2", "0", []string{currency}},
		{"EUR", "", "0", []string{`decimal places are "", ` + places}},
		{"EUR", "9", "0", []string{places}},
		{"EUR", "-1", "0", []string{places}},
		{"EUR", "02", "0", []string{places}},
		{"EUR", "2.0", "0", []string{places}},
		{"EUR", "٢", "0", []string{places}},
		{"EUR", "2", "", []string{`opening balance is "", must be a plain decimal such as "12.50"`}},
		{"EUR", "2", "-1", []string{"plain decimal"}},
		{"EUR", "2", "NaN", []string{"plain decimal"}},
		{"EUR", "2", "1e3", []string{"plain decimal"}},
		{"EUR", "2", "0.001", []string{"must have at most two decimal places"}},
		{"JPY", "0", "0.5", []string{"opening balance is \"0.5\", must be whole"}},
		{"EUR", "2", "1000000000000.01", []string{"must be at most 1000000000000"}},
		{"eur", "9", "-1", []string{currency, places, "plain decimal"}},
		{"eur", "two", "0.000000001", []string{currency, places, "must have at most 8 decimal places"}},
	} {
		s, err := ledger.ParseSettings(c.currency, c.places, c.opening)
		require.ErrorIs(t, err, ledger.ErrInvalidSettings, "%+v", c)
		assert.Zero(t, s)
		for _, want := range c.want {
			assert.ErrorContains(t, err, want, "%+v", c)
		}
		assert.Len(t, strings.Split(err.Error(), "; "), len(c.want), "%v", err)
	}
}

func TestSettingsEqual(t *testing.T) {
	t.Parallel()
	one := parseSettings(t, "EUR", "2", "0")
	assert.True(t, one.Equal(parseSettings(t, "EUR", "2", "0.00")))
	for _, other := range []ledger.Settings{parseSettings(t, "EUS", "2", "0"), parseSettings(t, "EUR", "3", "0"), parseSettings(t, "EUR", "2", "0.01")} {
		assert.False(t, one.Equal(other), other)
	}
}

func parseSettings(t require.TestingT, currency, places, opening string) ledger.Settings {
	s, err := ledger.ParseSettings(currency, places, opening)
	require.NoError(t, err)
	return s
}

// An amount has at most the settings' decimal places, and is at least their smallest
// unit.
func TestParseAmountByPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ places, smallest, largest, tooSmall, tooMany, example string }{
		{"0", "1", "999999999999", "0", "must be whole", `"12"`},
		{"1", "0.1", "999999999999.9", "0.0", "must have at most 1 decimal place", `"12.5"`},
		{"2", "0.01", "999999999999.99", "0.00", "must have at most two decimal places", `"12.50"`},
		{"3", "0.001", "999999999999.999", "0.000", "must have at most 3 decimal places", `"12.500"`},
		{"8", "0.00000001", "999999999999.99999999", "0.00000000", "must have at most 8 decimal places", `"12.50000000"`},
	} {
		s := parseSettings(t, "XTS", c.places, "0")
		for _, fine := range []string{c.smallest, c.largest, "1000000000000", "7"} {
			amount, err := s.ParseAmount(fine)
			require.NoError(t, err, "%s with %s places", fine, c.places)
			assert.Equal(t, fine, amount.String())
			require.NoError(t, s.CheckPlaces(amount))
		}
		tooFine := c.smallest + "0"
		if s.Places == 0 {
			tooFine = "1.0"
		}
		for in, reason := range map[string]string{
			c.tooSmall:      "must be at least " + c.smallest,
			tooFine:         c.tooMany,
			"7e1":           "must be a plain decimal such as " + c.example + ": digits, no sign, no exponent, no spaces",
			c.largest + "9": c.tooMany,
			"1000000000001": "must be at most 1000000000000",
		} {
			if s.Places == 0 && in == c.largest+"9" {
				continue // another whole number
			}
			_, err := s.ParseAmount(in)
			assert.EqualError(t, err, "invalid amount: "+reason, "%s with %s places", in, c.places)
		}
		finer, err := ledger.ParseAmount("0.00000001")
		require.NoError(t, err)
		if s.Places < 8 {
			assert.EqualError(t, s.CheckPlaces(finer), "invalid amount: "+c.tooMany)
		}
	}
}

// Sums keep all eight decimal places, up to the ceiling. Adding never changes the sums
// that were added.
func TestSumsOfEightPlaces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unit := big.NewRat(1, 100_000_000)
		text := func(r *big.Rat) string {
			return strings.TrimSuffix(strings.TrimRight(r.FloatString(8), "0"), ".")
		}
		drawUnits := func(label string, most string) *big.Rat {
			limit, _ := new(big.Rat).SetString(most)
			units := new(big.Int).Div(new(big.Rat).Quo(limit, unit).Num(), big.NewInt(int64(rapid.IntRange(1, 1_000_000).Draw(t, label+" divisor"))))
			near := rapid.Int64Range(0, 3).Draw(t, label+" below")
			units.Sub(units, big.NewInt(near))
			if units.Sign() <= 0 {
				units.SetInt64(1)
			}
			return new(big.Rat).Mul(new(big.Rat).SetInt(units), unit)
		}
		want := drawUnits("balance", "1000000000000000")
		balance, err := ledger.ParseBalance(text(want))
		require.NoError(t, err)
		var made []ledger.Balance
		var texts []string
		for range rapid.IntRange(1, 20).Draw(t, "moves") {
			sum := drawUnits("amount", "1000000000000")
			amount, err := ledger.ParseAmount(text(sum))
			require.NoError(t, err)
			kind := rapid.SampledFrom([]ledger.Type{ledger.Credit, ledger.Debit}).Draw(t, "type")
			if kind == ledger.Debit {
				sum.Neg(sum)
			}
			next := new(big.Rat).Add(want, sum)
			after, ok := balance.After(kind, amount)
			require.Equal(t, next.Sign() >= 0 && next.Cmp(big.NewRat(1_000_000_000_000_000, 1)) <= 0, ok)
			if ok {
				want, balance = next, after
			}
			made, texts = append(made, balance), append(texts, text(want))
		}
		for i, balance := range made {
			require.Equal(t, texts[i], balance.String())
		}
	})
}
