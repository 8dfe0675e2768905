// Package blackbox tests the ledger over HTTP alone. It calls the server whose URL is in
// LEDGER_URL, for example sam local. Without LEDGER_URL it calls a local server that
// .ci/serve starts and stops. Each run uses new users.
package blackbox

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const urlVariable = "LEDGER_URL"

func TestMain(m *testing.M) {
	if os.Getenv(urlVariable) != "" {
		os.Exit(m.Run())
	}
	served := exec.Command(".ci/serve", os.Args...) // runs this test binary again, with LEDGER_URL set
	served.Dir = "../../.."
	served.Stdout, served.Stderr = os.Stdout, os.Stderr
	if err := served.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

func send(t *testing.T, method, target, key, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, os.Getenv(urlVariable)+target, strings.NewReader(body))
	require.NoError(t, err)
	if key != "" {
		r.Header.Set("Idempotent-Key", key)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, "no-store", response.Header.Get("Cache-Control"), "%s %s", method, target)
	return answer{response.StatusCode, response.Header, string(text)}
}

func get(t *testing.T, target string) answer {
	t.Helper()
	return send(t, http.MethodGet, target, "", "")
}

func post(t *testing.T, user, key, amount, kind string) answer {
	t.Helper()
	return send(t, http.MethodPost, "/transactions", key, fmt.Sprintf(`{"userId":%q,"ammount":%q,"type":%q}`, user, amount, kind))
}

func assertBalance(t *testing.T, user, want string) {
	t.Helper()
	assert.Equal(t, `{"data":{"balance":"`+want+`"}}`, get(t, "/balance?userId="+user).Body)
}

func TestPostOnce(t *testing.T) {
	user := rand.Text()
	assertBalance(t, user, "100")
	first := post(t, user, "1", "12.50", "debit")
	assert.Equal(t, http.StatusCreated, first.Status, first.Body)
	assert.Empty(t, first.Header.Get("Idempotent-Replayed"))

	again := post(t, user, "1", "12.5", "debit")
	assert.Equal(t, http.StatusCreated, again.Status)
	assert.Equal(t, first.Body, again.Body)
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	assertBalance(t, user, "87.5")

	reused := post(t, user, "1", "13", "credit")
	assert.Equal(t, http.StatusUnprocessableEntity, reused.Status)
	assert.Contains(t, reused.Body, "/problems/idempotency-key-reused")

	other := rand.Text()
	assert.Empty(t, post(t, other, "1", "12.50", "debit").Header.Get("Idempotent-Replayed"), "a key belongs to its user")
	assertBalance(t, other, "87.5")
}

func TestDeclineIsFinal(t *testing.T) {
	user := rand.Text()
	first := post(t, user, "1", "100.01", "debit")
	assert.Equal(t, http.StatusUnprocessableEntity, first.Status)
	assert.Equal(t, "application/problem+json", first.Header.Get("Content-Type"))
	assert.Contains(t, first.Body, "/problems/insufficient-funds")
	require.Equal(t, http.StatusCreated, post(t, user, "2", "50", "credit").Status)
	again := post(t, user, "1", "100.01", "debit")
	assert.Equal(t, first.Body, again.Body)
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	assertBalance(t, user, "150")
}

func TestReadBack(t *testing.T) {
	user := rand.Text()
	for i := range 3 {
		posted := post(t, user, fmt.Sprint(i), "1", "credit")
		require.Equal(t, http.StatusCreated, posted.Status, posted.Body)
		assert.Equal(t, posted.Body, get(t, posted.Header.Get("Location")).Body)
	}
	var page struct {
		Data []struct{ ID string }
		Next string
	}
	require.NoError(t, json.Unmarshal([]byte(get(t, "/transactions?limit=2&userId="+user).Body), &page))
	assert.Len(t, page.Data, 2)
	last := get(t, "/transactions?limit=2&userId="+user+"&cursor="+page.Next)
	assert.Equal(t, 1, strings.Count(last.Body, `"id"`), last.Body)
	assert.NotContains(t, last.Body, "next")
}

func TestRejected(t *testing.T) {
	user := rand.Text()
	const body = `{"userId":"%s","ammount":%s,"type":"credit"}`
	for _, c := range []struct {
		method, target, key, body string
		status                    int
		kind                      string
	}{
		{"GET", "/balance", "", "", 400, "invalid-request"},
		{"GET", "/balance?userId=" + user + "&userId=" + user, "", "", 400, "invalid-request"},
		{"GET", "/transactions?limit=0&userId=" + user, "", "", 400, "invalid-request"},
		{"GET", "/transactions/00000000-0000-8000-8000-000000000000", "", "", 404, "not-found"},
		{"POST", "/transactions", "", fmt.Sprintf(body, user, "1"), 400, "invalid-request"},
		{"POST", "/transactions", "1", fmt.Sprintf(body, user, `"-1"`), 400, "invalid-request"},
		{"POST", "/transactions", "1", fmt.Sprintf(body, user, "1e2"), 400, "invalid-request"},
		{"POST", "/transactions", "1", "{", 400, "invalid-request"},
		{"POST", "/transactions", "1", strings.Repeat(" ", 16<<10+1), 413, "body-too-large"},
	} {
		got := send(t, c.method, c.target, c.key, c.body)
		assert.Equal(t, c.status, got.Status, "%+v", c)
		assert.Contains(t, got.Body, `"type":"/problems/`+c.kind+`"`, "%+v", c)
	}
	assertBalance(t, user, "100")
}
