package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
)

// The server opens existing tables only with their own settings, from flags or the
// environment.
func TestSettings(t *testing.T) {
	t.Parallel()
	books := infratest.NewWith(t, infratest.Settings(t, "KWD", "3", "0"))
	for _, c := range []struct {
		args []string
		env  map[string]string
		want string // in the error, or "" if the server starts
	}{
		{nil, nil, ""},
		{[]string{"-currency", "KWD", "-places", "3", "-opening", "0"}, map[string]string{"CURRENCY": "", "DECIMAL_PLACES": "", "OPENING_BALANCE": ""}, ""},
		{[]string{"-currency", "KWD"}, map[string]string{"CURRENCY": "EUR"}, ""}, // the flag overrides the variable
		{nil, map[string]string{"CURRENCY": "", "DECIMAL_PLACES": "", "OPENING_BALANCE": ""},
			"the tables were created with currency KWD, decimal places 3, opening balance 0, but the configuration has currency USD, decimal places 2, opening balance 100; settings can't change"},
		{[]string{"-opening", "100"}, nil, "opening balance 0, but the configuration has currency KWD, decimal places 3, opening balance 100"},
		{[]string{"-currency", "dinar", "-places", "9"}, map[string]string{"OPENING_BALANCE": "much"},
			`currency is "dinar", must be three to twelve capital letters and digits, a letter first; decimal places are "9", must be a digit from 0 to 8; opening balance is "much", must be a plain decimal`},
	} {
		getenv := func(name string) string {
			if value, set := c.env[name]; set {
				return value
			}
			return envOf(books)(name)
		}
		if c.want != "" {
			err := run(t.Context(), append([]string{"-addr", "127.0.0.1:0"}, c.args...), getenv, io.Discard, io.Discard)
			require.ErrorContains(t, err, c.want)
			continue
		}
		s := startIn(t, getenv, c.args...)
		assert.JSONEq(t, `{"data":{"balance":"0","currency":"KWD"}}`, s.balance(t, "1"))
		assert.Equal(t, handler.Description(books.Config.Settings), s.text(t, http.MethodGet, "/openapi.yaml", "", nil))
		s.cancel()
		require.NoError(t, <-s.ended)
	}
}
