package handler_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"onewrite/handler"
)

// Where browsers may call, a preflight request is answered without a token, and
// nothing else is. It needs no ledger. openapi.yaml doesn't describe it, as it
// is between browser and gateway.
func TestPreflight(t *testing.T) {
	t.Parallel()
	asks := map[string]string{"Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}
	byBrowsers := handler.Access{Authorization: handler.JWT, Browsers: true}
	for _, c := range []struct {
		access         handler.Access
		method, target string
		header         map[string]string
		want           int
	}{
		{byBrowsers, "OPTIONS", "/balance", asks, http.StatusNoContent},
		{byBrowsers, "OPTIONS", "/transactions", asks, http.StatusNoContent},
		{byBrowsers, "OPTIONS", "/transactions/" + id11, asks, http.StatusNoContent},
		{byBrowsers, "OPTIONS", "/nowhere", asks, http.StatusForbidden},
		{byBrowsers, "OPTIONS", "/balance", nil, http.StatusForbidden},
		{byBrowsers, "OPTIONS", "/balance", map[string]string{"Origin": "https://shop.example.com"}, http.StatusForbidden},
		{byBrowsers, "OPTIONS", "/balance", map[string]string{"Access-Control-Request-Method": "POST"}, http.StatusForbidden},
		{byBrowsers, "GET", "/balance?userId=1", asks, http.StatusForbidden},
		{byBrowsers, "POST", "/transactions", asks, http.StatusForbidden},
		{handler.Access{Authorization: handler.JWT}, "OPTIONS", "/balance", asks, http.StatusForbidden},
		{handler.Access{Authorization: handler.None}, "OPTIONS", "/balance", asks, http.StatusMethodNotAllowed},
		{handler.Access{Authorization: handler.None, Browsers: true}, "OPTIONS", "/balance", nil, http.StatusMethodNotAllowed},
	} {
		for payload, event := range map[string]func(request) map[string]any{"1.0": event1, "2.0": event2} {
			log := &bytes.Buffer{}
			h := handler.New(nil, handler.NewLogger(log, "ledger", "7"), c.access)
			got := invoke(t, h, encode(t, event(request{c.method, c.target, c.header, ""})))
			assert.Equal(t, c.want, got.Status, "%s: %+v", payload, c)
			if c.want == http.StatusNoContent {
				assert.Empty(t, got.Body, payload)
				assert.Equal(t, "no-store", got.Header.Get("Cache-Control"), payload)
				assert.Contains(t, log.String(), `"outcome":"read"`, payload)
			}
		}
	}
}
