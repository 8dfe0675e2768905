package ledger_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"10", "10"},
		{"10.0", "10"},
		{"10.00", "10"},
		{"110.50", "110.5"},
		{"0.01", "0.01"},
		{"0.1", "0.1"},
		{"0010", "10"},
		{"000.50", "0.5"},
		{strings.Repeat("0", 1000) + "7", "7"},
		{"100", "100"},
		{"999999999999.99", "999999999999.99"},
		{"1000000000000", "1000000000000"},
		{"1000000000000.00", "1000000000000"},
	} {
		amount, err := ledger.ParseAmount(c.in)
		require.NoError(t, err, "ParseAmount(%q)", c.in)
		assert.Equal(t, c.want, amount.String(), "ParseAmount(%q)", c.in)
		again, err := ledger.ParseAmount(amount.String())
		require.NoError(t, err)
		assert.True(t, again.Equal(amount), "ParseAmount(%q) read back", c.in)
	}
}

func TestParseAmountRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, reason string }{
		{"", "plain decimal"},
		{" ", "plain decimal"},
		{" 10", "plain decimal"},
		{"10 ", "plain decimal"},
		{"10\n", "plain decimal"},
		{"+10", "plain decimal"},
		{"-10", "plain decimal"},
		{"-0", "plain decimal"},
		{".5", "plain decimal"},
		{"5.", "plain decimal"},
		{".", "plain decimal"},
		{"1.2.3", "plain decimal"},
		{"1,000", "plain decimal"},
		{"1_000", "plain decimal"},
		{"1e3", "plain decimal"},
		{"1E+3", "plain decimal"},
		{"0x10", "plain decimal"},
		{"NaN", "plain decimal"},
		{"sNaN", "plain decimal"},
		{"Infinity", "plain decimal"},
		{"inf", "plain decimal"},
		{"ten", "plain decimal"},
		{"١٠", "plain decimal"},
		{"0.001", "two decimal places"},
		{"10.000", "two decimal places"},
		{"0", "at least 0.01"},
		{"0.0", "at least 0.01"},
		{"0.00", "at least 0.01"},
		{"1000000000000.01", "at most 1000000000000"},
		{"1000000000001", "at most 1000000000000"},
		{strings.Repeat("9", 17), "at most 1000000000000"},
		{strings.Repeat("9", 40), "at most 1000000000000"},
		{strings.Repeat("9", 100_000), "at most 1000000000000"},
	} {
		_, err := ledger.DefaultSettings().ParseAmount(c.in)
		require.ErrorIs(t, err, ledger.ErrInvalidAmount, "ParseAmount(%.50q)", c.in)
		assert.Regexp(t, c.reason+"\\b", err.Error(), "ParseAmount(%.50q)", c.in)
	}
}

func TestParseBalance(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"0", "0.01", "100", "999999999999999.99", "999999999999999.99999999", "1000000000000000"} {
		balance, err := ledger.ParseBalance(in)
		require.NoError(t, err, "ParseBalance(%q)", in)
		assert.Equal(t, in, balance.String())
	}
	for _, c := range []struct{ in, reason string }{
		{"", "plain decimal"},
		{"-0.01", "plain decimal"},
		{"NaN", "plain decimal"},
		{"0.000000001", "8 decimal places"},
		{"1016000000000000.01", "at most 1016000000000000"},
		{"9999999999999999", "at most 1016000000000000"},
		{"100000000000000000000", "at most 1016000000000000"},
	} {
		_, err := ledger.ParseBalance(c.in)
		require.ErrorIs(t, err, ledger.ErrInvalidBalance, "ParseBalance(%q)", c.in)
		assert.Regexp(t, c.reason+"\\b", err.Error(), "ParseBalance(%q)", c.in)
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		balance string
		kind    ledger.Type
		amount  string
		want    string
		ok      bool
	}{
		{"100", ledger.Credit, "10.5", "110.5", true},
		{"100", ledger.Debit, "99.99", "0.01", true},
		{"100", ledger.Debit, "100", "0", true},
		{"100", ledger.Debit, "100.01", "100", false},
		{"0", ledger.Debit, "0.01", "0", false},
		{"0.3", ledger.Debit, "0.1", "0.2", true},
		{"999000000000000", ledger.Credit, "1000000000000", "1000000000000000", true},
		{"999000000000000.01", ledger.Credit, "1000000000000", "999000000000000.01", false},
		{"1000000000000000", ledger.Credit, "0.01", "1000000000000000", false},
		{"999999999999999.99", ledger.Credit, "0.01", "1000000000000000", true},
		{"1000000000000000", ledger.Debit, "0.01", "999999999999999.99", true},
	} {
		balance, err := ledger.ParseBalance(c.balance)
		require.NoError(t, err)
		amount, err := ledger.ParseAmount(c.amount)
		require.NoError(t, err)
		after, ok := balance.After(c.kind, amount)
		assert.Equal(t, c.want, after.String(), "%+v", c)
		assert.Equal(t, c.ok, ok, "%+v", c)
		assert.Equal(t, c.balance, balance.String(), "%+v: the balance itself changed", c)
	}
}

// The credit is allowed up to this balance.
func TestHeadroom(t *testing.T) {
	t.Parallel()
	for amount, want := range map[string]string{
		"0.01":          "999999999999999.99",
		"1":             "999999999999999",
		"1000000000000": "999000000000000",
	} {
		p, err := ledger.NewPosting(request(t, ledger.Credit, amount), time.Time{})
		require.NoError(t, err)
		assert.Equal(t, want, p.Moves[0].MaxBefore.String(), "for a credit of %s", amount)
	}
}

// Encoding apd's own type loses digits.
func TestMoneyEncodesAsText(t *testing.T) {
	t.Parallel()
	amount, err := ledger.ParseAmount("12.50")
	require.NoError(t, err)
	text, err := json.Marshal(struct {
		Amount  ledger.Amount
		Balance ledger.Balance
	}{amount, ledger.DefaultSettings().Opening})
	require.NoError(t, err)
	assert.JSONEq(t, `{"Amount":"12.5","Balance":"100"}`, string(text))
}

func TestBounds(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "1000000000000000", ledger.MaxBalance().String())
	assert.Equal(t, "1016000000000000", ledger.HighestBalance().String())
}

func TestInvalidErrorNamesReason(t *testing.T) {
	t.Parallel()
	_, err := ledger.DefaultSettings().ParseAmount("0")
	var invalid *ledger.InvalidError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "must be at least 0.01", invalid.Reason)
	assert.Equal(t, "invalid amount: must be at least 0.01", err.Error())
}
