package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// Money is encoded as a string, because encoding apd's own type would lose digits.
func TestMoneyEncodesAsText(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal([]any{amount(t, "12.50"), ledger.DefaultSettings().Opening})
	require.NoError(t, err)
	assert.Equal(t, `["12.5","100"]`, string(text))
}

func parseSettings(t require.TestingT, currency, places, opening string) ledger.Settings {
	s, err := ledger.ParseSettings(currency, places, opening)
	require.NoError(t, err)
	return s
}

func TestParseSettings(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"USD", "2", "100"}, {"USD", "2", "100.01"}, {"USD", "3", "100"}, {"USS", "2", "100"},
		{"EUR", "2", "0"}, {"JPY", "0", "100"}, {"BTC", "8", "0.00000001"}, {"POINTS2026AB", "0", "1000000000000"},
	} {
		s := parseSettings(t, c[0], c[1], c[2])
		text := fmt.Sprintf("currency %s, decimal places %s, opening balance %s", c[0], c[1], c[2])
		assert.Equal(t, text, s.String())
		assert.Equal(t, text == ledger.DefaultSettings().String(), s.IsDefault(), text)
	}
	assert.True(t, parseSettings(t, "USD", "2", "0100.00").IsDefault())
}

// The error names every invalid setting.
func TestParseSettingsRejects(t *testing.T) {
	t.Parallel()
	const (
		currency = "must be three to twelve capital letters and digits, a letter first"
		places   = "must be a digit from 0 to 8"
		plain    = `must be a plain decimal such as "12.50"`
	)
	for _, c := range []struct {
		currency, places, opening string
		want                      []string
	}{
		{"EU", "2", "0", []string{`currency is "EU", ` + currency}},
		{"", "2", "0", []string{currency}},
		{"1EU", "2", "0", []string{currency}},
		{"EUR ", "2", "0", []string{currency}},
		{"ÆUR", "2", "0", []string{currency}},
		{"EUR\n", "2", "0", []string{currency}},
		{"THIRTEENCHARS", "2", "0", []string{currency}},
		{"EUR", "", "0", []string{`decimal places are "", ` + places}},
		{"EUR", "-1", "0", []string{places}},
		{"EUR", "02", "0", []string{places}},
		{"EUR", "2.0", "0", []string{places}},
		{"EUR", "٢", "0", []string{places}},
		{"EUR", "2", "", []string{`opening balance is "", ` + plain}},
		{"EUR", "2", "-1", []string{plain}},
		{"EUR", "2", "0.001", []string{"must have at most two decimal places"}},
		{"JPY", "0", "0.5", []string{`opening balance is "0.5", must be whole`}},
		{"EUR", "2", "1000000000000.01", []string{"must be at most 1000000000000"}},
		{"eur", "9", "-1", []string{currency, places, "plain decimal"}},
		{"eur", "two", "0.000000001", []string{currency, places, "must have at most 8 decimal places"}},
	} {
		s, err := ledger.ParseSettings(c.currency, c.places, c.opening)
		require.ErrorIs(t, err, ledger.ErrInvalid, "%+v", c)
		assert.Zero(t, s)
		faults := strings.Split(err.Error(), "; ")
		require.Len(t, faults, len(c.want), "%v", err)
		for i, want := range c.want {
			assert.Contains(t, faults[i], want, "%+v", c)
		}
	}
}
