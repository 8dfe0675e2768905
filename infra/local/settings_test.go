package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
)

// The flags or the environment set up new tables, and no others.
func TestSettings(t *testing.T) {
	t.Parallel()
	books := infratest.NewWith(t, infratest.Settings(t, "KWD", "3", "0"))
	own := map[string]string{}
	for _, pair := range books.Env() {
		name, value, _ := strings.Cut(pair, "=")
		own[name] = value
	}
	for _, c := range []struct {
		args []string
		env  map[string]string
		want string // in the error; "": it serves
	}{
		{nil, nil, ""},
		{[]string{"-currency", "KWD", "-places", "3", "-opening", "0"}, map[string]string{"CURRENCY": "", "DECIMAL_PLACES": "", "OPENING_BALANCE": ""}, ""},
		{[]string{"-currency", "KWD"}, map[string]string{"CURRENCY": "EUR"}, ""}, // the flag counts for more
		{nil, map[string]string{"CURRENCY": "", "DECIMAL_PLACES": "", "OPENING_BALANCE": ""},
			"the tables were begun with currency KWD, decimal places 3, opening balance 0, and are opened with currency USD, decimal places 2, opening balance 100; settings can't change"},
		{[]string{"-opening", "100"}, nil, "opening balance 0, and are opened with currency KWD, decimal places 3, opening balance 100"},
		{[]string{"-currency", "dinar", "-places", "9"}, map[string]string{"OPENING_BALANCE": "much"},
			`currency is "dinar", must be three to twelve capital letters and digits, a letter first; decimal places are "9", must be a digit from 0 to 8; opening balance is "much", must be a plain decimal`},
	} {
		getenv := func(name string) string {
			if value, set := c.env[name]; set {
				return value
			}
			return own[name]
		}
		ctx, stop := context.WithCancel(t.Context())
		serving := make(chan string, 1)
		out := writerFunc(func(p []byte) { // its first line names the address
			if _, address, ok := strings.Cut(string(p), "listening on "); ok {
				address, _, _ = strings.Cut(address, "\n")
				select {
				case serving <- address:
				default:
				}
			}
		})
		ended := make(chan error, 1)
		go func() {
			ended <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, c.args...), getenv, out, io.Discard)
		}()
		select {
		case err := <-ended:
			require.NotEmpty(t, c.want, "%+v: %v", c, err)
			require.ErrorContains(t, err, c.want)
		case address := <-serving:
			require.Empty(t, c.want, "%+v", c)
			assert.JSONEq(t, `{"data":{"balance":"0","currency":"KWD"}}`, get(t, address+"/balance?userId=1"))
			assert.Equal(t, handler.Description(books.Config.Settings), get(t, address+"/openapi.yaml"))
			stop()
			require.NoError(t, <-ended)
		}
		stop()
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	require.NoError(t, err)
	return body.String()
}
