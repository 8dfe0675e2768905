package ledger_test

import (
	"encoding/json"

	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// Equal amounts have one text, in any notation.
func TestParseAmount(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"10.0": "10", "10.00": "10", "110.50": "110.5", "0010": "10", "000.50": "0.5", "1000000000000.00": "1000000000000",
		strings.Repeat("0", 1000) + "7": "7",
	} {
		parsed := amount(t, in)
		assert.Equal(t, want, parsed.String(), "ParseAmount(%q)", in)
		assert.True(t, amount(t, want).Equal(parsed), "ParseAmount(%q) read back", in)
	}
}

// Encoding apd's own type loses digits.
func TestMoneyEncodesAsText(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal([]any{amount(t, "12.50"), ledger.DefaultSettings().Opening})
	require.NoError(t, err)
	assert.Equal(t, `["12.5","100"]`, string(text))
}

func TestParseSettings(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "currency USD, decimal places 2, opening balance 100", ledger.DefaultSettings().String())
	for _, c := range []struct{ currency, places, opening, want string }{
		{"EUR", "2", "0", "currency EUR, decimal places 2, opening balance 0"},
		{"JPY", "0", "100", "currency JPY, decimal places 0, opening balance 100"},
		{"BTC", "8", "0.00000001", "currency BTC, decimal places 8, opening balance 0.00000001"},
		{"POINTS2026AB", "0", "1000000000000", "currency POINTS2026AB, decimal places 0, opening balance 1000000000000"},
		{"USD", "2", "0100.00", "currency USD, decimal places 2, opening balance 100"},
	} {
		s := parseSettings(t, c.currency, c.places, c.opening)
		assert.Equal(t, c.want, s.String())
		assert.Equal(t, c.want == ledger.DefaultSettings().String(), s.IsDefault())
	}
	for _, other := range [][3]string{{"USS", "2", "100"}, {"USD", "3", "100"}, {"USD", "2", "100.01"}} {
		assert.False(t, parseSettings(t, other[0], other[1], other[2]).IsDefault(), other)
	}
}

func parseSettings(t require.TestingT, currency, places, opening string) ledger.Settings {
	s, err := ledger.ParseSettings(currency, places, opening)
	require.NoError(t, err)
	return s
}

// The error names each fault.
func TestParseSettingsRejects(t *testing.T) {
	t.Parallel()
	const (
		currency = "must be three to twelve capital letters and digits, a letter first"
		places   = "must be a digit from 0 to 8"
	)
	type row struct {
		currency, places, opening string
		want                      []string
	}
	rows := []row{
		{"EU", "2", "0", []string{`currency is "EU", ` + currency}},
		{"EUR", "", "0", []string{`decimal places are "", ` + places}},
		{"EUR", "2", "", []string{`opening balance is "", must be a plain decimal such as "12.50"`}},
		{"EUR", "2", "-1", []string{"plain decimal"}},
		{"EUR", "2", "0.001", []string{"must have at most two decimal places"}},
		{"JPY", "0", "0.5", []string{`opening balance is "0.5", must be whole`}},
		{"EUR", "2", "1000000000000.01", []string{"must be at most 1000000000000"}},
		{"eur", "9", "-1", []string{currency, places, "plain decimal"}},
		{"eur", "two", "0.000000001", []string{currency, places, "must have at most 8 decimal places"}},
	}
	for _, wrong := range []string{"", "eur", "1EU", "EUR ", "ÆUR", "EUR\n", "THIRTEENCHARS"} {
		rows = append(rows, row{wrong, "2", "0", []string{currency}})
	}
	for _, wrong := range []string{"9", "-1", "02", "2.0", "٢"} {
		rows = append(rows, row{"EUR", wrong, "0", []string{places}})
	}
	for _, c := range rows {
		s, err := ledger.ParseSettings(c.currency, c.places, c.opening)
		require.ErrorIs(t, err, ledger.ErrInvalid, "%+v", c)
		assert.Zero(t, s)
		for _, want := range c.want {
			assert.ErrorContains(t, err, want, "%+v", c)
		}
		assert.Len(t, strings.Split(err.Error(), "; "), len(c.want), "%v", err)
	}
}

// An amount has at most the settings' decimal places, and is at least their smallest
// unit.
func TestParseAmountByPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ places, smallest, largest, tooSmall, tooFine, tooMany, example string }{
		{"0", "1", "999999999999", "0", "1.0", "must be whole", `"12"`},
		{"1", "0.1", "999999999999.9", "0.0", "0.10", "must have at most 1 decimal place", `"12.5"`},
		{"2", "0.01", "999999999999.99", "0.00", "0.010", "must have at most two decimal places", `"12.50"`},
		{"3", "0.001", "999999999999.999", "0.000", "0.0010", "must have at most 3 decimal places", `"12.500"`},
		{"8", "0.00000001", "999999999999.99999999", "0.00000000", "0.000000010", "must have at most 8 decimal places", `"12.50000000"`},
	} {
		s := parseSettings(t, "XTS", c.places, "0")
		for _, fine := range []string{c.smallest, c.largest, "1000000000000", "7"} {
			parsed, err := s.ParseAmount(fine)
			require.NoError(t, err, "%s with %s places", fine, c.places)
			assert.Equal(t, fine, parsed.String())
			require.NoError(t, s.CheckPlaces(parsed))
		}
		for in, reason := range map[string]string{
			c.tooSmall:      "must be at least " + c.smallest,
			c.tooFine:       c.tooMany,
			"7e1":           "must be a plain decimal such as " + c.example + ": digits, no sign, no exponent, no spaces",
			"1000000000001": "must be at most 1000000000000",
		} {
			_, err := s.ParseAmount(in)
			assert.EqualError(t, err, "invalid amount: "+reason, "%s with %s places", in, c.places)
		}
		if s.Places < 8 {
			assert.EqualError(t, s.CheckPlaces(amount(t, "0.00000001")), "invalid amount: "+c.tooMany)
		}
	}
}
