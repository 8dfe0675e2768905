package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// call sends a request with the given headers. A header named "Host" replaces the request's
// host.
func (s server) call(t *testing.T, method, path, body string, headers map[string]string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.address+path, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	if host, ok := headers["Host"]; ok {
		r.Host = host
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	return response
}

func (s server) text(t *testing.T, method, path, body string, headers map[string]string) string {
	t.Helper()
	response := s.call(t, method, path, body, headers)
	defer response.Body.Close()
	return read(t, response)
}

func (s server) balance(t *testing.T, user string) string {
	t.Helper()
	return s.text(t, http.MethodGet, "/balance?userId="+user, "", nil)
}

const (
	credit      = `{"userId":"victim","ammount":"1","type":"credit"}`
	creditTwice = `[{"method":"POST","path":"/transactions","headers":{"Idempotent-Key":"a"},"body":` + `"{\"userId\":\"victim\",\"ammount\":\"1\",\"type\":\"credit\"}"` + `}]`
)

func TestGuard(t *testing.T) {
	t.Parallel()
	s := start(t)
	t.Run("other sites are rejected", func(t *testing.T) { testOtherSitesAreRejected(t, s) })
	t.Run("other sites can't read", func(t *testing.T) { testOtherSitesCannotRead(t, s) })
	t.Run("local callers are answered", func(t *testing.T) { testLocalCallersAreAnswered(t, s) })
	s.stop(t)
}

// A page of another origin can't reach any route with requests that a browser sends without
// a preflight.
func testOtherSitesAreRejected(t *testing.T, s server) {
	hold := s.text(t, http.MethodPost, "/transactions", `{"userId":"victim","ammount":"1","type":"debit","expiresIn":600}`, map[string]string{"Idempotent-Key": "h"})
	_, id, _ := strings.Cut(hold, `"id":"`)
	id, _, ok := strings.Cut(id, `"`)
	require.True(t, ok, hold)
	before := s.balance(t, "victim")
	for _, browser := range []map[string]string{
		{"Origin": "https://evil.example"},
		{"Origin": "null"},
		{"Origin": "http://localhost:1"},
		{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
		{"Sec-Fetch-Site": "cross-site"},
		{"Sec-Fetch-Site": "same-site"},
		{"Host": "evil.example"},
		{"Host": "evil.example:3000", "Origin": "http://evil.example:3000", "Sec-Fetch-Site": "same-origin"},
		{"Host": "127.0.0.1.evil.example"},
		{"Host": "localhost.evil.example"},
		{"Host": "192.168.1.5:3000"},
		{"Host": "0.0.0.0"},
	} {
		for _, to := range []struct{ path, body string }{
			{"/transactions", credit},
			{"/transactions/" + id + "/capture", ""},
			{"/transactions/" + id + "/void", ""},
			{callersPath, creditTwice},
			{"/", ""},
		} {
			for _, kind := range []string{"application/json", "text/plain"} {
				headers := map[string]string{"Content-Type": kind, "Idempotent-Key": "k"}
				for name, value := range browser {
					headers[name] = value
				}
				response := s.call(t, http.MethodPost, to.path, to.body, headers)
				assert.Equal(t, http.StatusForbidden, response.StatusCode, "%s %v", to.path, headers)
				assert.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
				assert.Contains(t, read(t, response), `"type":"/problems/forbidden"`)
			}
		}
	}
	assert.Equal(t, before, s.balance(t, "victim"))
}

// A request with an attacker's host name is rejected on every path. No response has CORS
// headers, so pages of other origins can neither read responses nor send custom headers.
func testOtherSitesCannotRead(t *testing.T, s server) {
	for _, path := range []string{"/", "/docs", "/openapi.yaml", "/balance?userId=1", "/transactions?userId=1",
		"/transactions", "/transactions/1/capture", callersPath, requestsPath + "?call=1", "/nothing"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost} {
			rebound := s.call(t, method, path, "", map[string]string{"Host": "evil.example"})
			assert.Equal(t, http.StatusForbidden, rebound.StatusCode, "%s %s", method, path)
			assert.NotContains(t, read(t, rebound), `"data"`)
			foreign := s.call(t, method, path, "", map[string]string{
				"Origin": "https://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "idempotent-key,local-fault"})
			read(t, foreign)
			for name := range foreign.Header {
				assert.False(t, strings.HasPrefix(name, "Access-Control-"), "%s %s: %s", method, path, name)
			}
		}
	}
}

// Calls are accepted from programs, and from the server's own page under any of the
// server's names.
func testLocalCallersAreAnswered(t *testing.T, s server) {
	_, port, _ := strings.Cut(s.address, ":")
	for _, headers := range []map[string]string{
		{},
		{"Host": "localhost:" + port},
		{"Host": "LOCALHOST"},
		{"Host": "ledger.localhost:3000"},
		{"Host": "[::1]:" + port},
		{"Host": "[::1]"},
		{"Host": "127.9.9.9"},
		{"Host": "[::ffff:127.0.0.1]:3000"},
		{"Origin": "http://" + s.address, "Sec-Fetch-Site": "same-origin"},
		{"Origin": "http://" + s.address},
		{"Host": "localhost:3000", "Origin": "http://localhost:3000"},
		{"Sec-Fetch-Site": "none"},
		{"Content-Type": "text/plain"},
		{"Content-Type": "application/x-www-form-urlencoded"}, // curl -d sends this
	} {
		headers["Idempotent-Key"] = "k"
		assert.Contains(t, s.text(t, http.MethodPost, "/transactions", credit, headers), `"status":"posted"`, "%v", headers)
	}
	for kind, want := range map[string]int{
		"application/json": http.StatusOK, "application/json; charset=utf-8": http.StatusOK,
		"": http.StatusUnsupportedMediaType, "text/plain": http.StatusUnsupportedMediaType, "application/jsonx": http.StatusUnsupportedMediaType,
	} {
		response := s.call(t, http.MethodPost, callersPath, "[]", map[string]string{"Content-Type": kind})
		assert.Equal(t, want, response.StatusCode, kind)
		read(t, response)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listen, header string
		want           bool
	}{
		{"127.0.0.1", "127.0.0.1:3000", true},
		{"127.0.0.1", "192.168.1.5:3000", false},
		{"192.168.1.5", "192.168.1.5:3000", true},
		{"192.168.1.5", "192.168.1.6:3000", false},
		{"192.168.1.5", "localhost:3000", true},
		{"ledger", "ledger:3000", true},
		{"ledger", "Ledger", true},
		{"ledger", "ledger.evil.example", false},
		{"ledger", "", false},
		{"", "192.168.1.5:3000", true},
		{"", "[fe80::1]:3000", true},
		{"0.0.0.0", "192.168.1.5:3000", true},
		{"::", "192.168.1.5", true},
		{"", "evil.example:3000", false},
		{"", "", false},
		{"", ":3000", false},
		{"0.0.0.0", "evil.example", false},
	} {
		assert.Equal(t, c.want, hosts{c.listen}.include(c.header), "-addr %s:3000, Host: %s", c.listen, c.header)
	}
}
