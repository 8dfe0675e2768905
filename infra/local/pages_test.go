package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// The console is small: its files total less than 150 KB, not counting the reference.
func TestPageIsSmall(t *testing.T) {
	t.Parallel()
	pages, err := allPages(ledger.DefaultSettings(), false, "now")
	require.NoError(t, err)
	total := 0
	for path, page := range pages {
		if !strings.HasPrefix(path, "/docs") && path != "/openapi.yaml" {
			total += len(page.body)
		}
	}
	assert.Greater(t, total, 50_000)
	assert.Less(t, total, 150_000)
}

func TestPages(t *testing.T) {
	t.Parallel()
	pages, err := allPages(ledger.DefaultSettings(), false, "now")
	require.NoError(t, err)
	asLedger := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(r.Method + " " + r.RequestURI))
	})
	h := withPages(pages, asLedger)
	call := func(method, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, nil))
		return w
	}
	for path, page := range pages {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			got := call(method, path)
			assert.Equal(t, http.StatusOK, got.Code, "%s %s", method, path)
			assert.NotEmpty(t, got.Header().Get("Content-Type"), path)
			assert.Contains(t, got.Header().Get("Content-Security-Policy"), "default-src 'self'", path)
			assert.Contains(t, got.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
			assert.NotEmpty(t, page.body, path)
		}
	}
	for path := range pages {
		first := call(http.MethodGet, path)
		again := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		again.Header.Set("If-None-Match", first.Header().Get("ETag"))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, again)
		assert.Equal(t, http.StatusNotModified, w.Code, path)
		assert.Empty(t, w.Body.String(), path)
	}
	assert.Contains(t, call(http.MethodGet, "/?userId=2").Body.String(), "<h1>onewrite</h1>")
	assert.Equal(t, handler.OpenAPI, call(http.MethodGet, "/openapi.yaml").Body.String())
	var document any
	require.NoError(t, yaml.Unmarshal([]byte(handler.OpenAPI), &document))
	want, err := json.Marshal(document)
	require.NoError(t, err)
	got := call(http.MethodGet, "/docs/openapi.json").Body.String()
	assert.JSONEq(t, string(want), got)
	assert.Less(t, strings.Index(got, `"/balance":`), strings.Index(got, `"/accounts":`), "in the document's order")
	assert.Equal(t, "export const currency = \"USD\";\nexport const places = 2;\nexport const opening = \"100\";\nexport const remote = false;\nexport const ledger = \"now\";\n", call(http.MethodGet, "/settings.js").Body.String())
	yen, err := allPages(infratest.Settings(t, "JPY", "0", "0"), true, "now")
	require.NoError(t, err)
	assert.Contains(t, string(yen["/openapi.yaml"].body), "enum: [JPY]")
	assert.Contains(t, string(yen["/settings.js"].body), "places = 0")
	assert.Contains(t, string(yen["/settings.js"].body), "remote = true")
	assert.Contains(t, string(yen["/"].body), `name="ammount" value="10"`, "an amount with any number of places")

	for _, others := range []struct{ method, target string }{
		{http.MethodGet, "/balance?userId=1"},
		{http.MethodPost, "/transactions"},
		{http.MethodPost, "/"},
		{http.MethodOptions, "/docs"},
		{http.MethodGet, "//"},
		{http.MethodGet, "/docs/"},
		{http.MethodGet, "/docs/../balance"},
		{http.MethodGet, "/console.html"},
		{http.MethodGet, "/transactions/"},
	} {
		got := call(others.method, others.target)
		assert.Equal(t, http.StatusTeapot, got.Code, "%+v", others)
		assert.Equal(t, others.method+" "+others.target, got.Body.String(), "as it came")
	}
}
