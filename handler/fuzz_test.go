package handler_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/booktest"
	"onewrite/infra/dynamodbmodel"
	"onewrite/ledger"
)

// newFuzzed is the handler over new books, at noon, on the model of DynamoDB:
// fuzzing wants many a second.
func newFuzzed(t *testing.T) (*handler.Handler, *booktest.Books) {
	t.Helper()
	books, _ := booktest.NewOnModel(t, dynamodbmodel.Moment{})
	l := ledger.New(books.Store, func() time.Time { return noon })
	return handler.New(l, slog.New(slog.DiscardHandler)), books
}

// recorded is the one transaction of a user under a key.
func recorded(t *testing.T, books *booktest.Books, user, key string) ledger.Transaction {
	t.Helper()
	r := booktest.Request(t, user, key, ledger.Credit, "1")
	stored, err := books.Ledger.Transaction(t.Context(), ledger.NewTransactionID(r.UserID, r.IdempotencyKey))
	require.NoError(t, err)
	return stored
}

// postHTTP posts a body under a key, over HTTP without a network.
func postHTTP(t *testing.T, h *handler.Handler, header http.Header, body string) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/transactions", strings.NewReader(body))
	r.Header = header
	return serve(h, r)
}

func serve(h *handler.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body := w.Body.String()
	if r.Method == http.MethodHead { // net/http sends none
		body = ""
	}
	return answer{w.Code, w.Header(), body}
}

// Against encoding/json and math/big: what is posted is what the body says, and
// what is refused moves nothing.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"userId":"1","ammount":"10","type":"credit"}`,
		`{"userId":"1","amount":10.50,"type":"debit","currency":"USD"}`,
		`{"userId":"1","amount":"10","ammount":"10.0","type":"debit","note":{"a":[1,2]}}`,
		`{"userId":"\u0031","ammount":1e3,"type":"credit"}`,
		`{"userId":"1","ammount":"10","\u0061mmount":"99","type":"credit"}`,
		`{"userId":"1","ammount":"1000","type":"debit"}`,
		`{"userId":"\ud800","ammount":"10","type":"credit"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		h, books := newFuzzed(t)
		got := postHTTP(t, h, http.Header{"Idempotent-Key": {"k"}}, body)
		switch got.Status {
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			assert.Empty(t, books.Network.Requests())
			return
		case http.StatusCreated, http.StatusUnprocessableEntity:
		default:
			assert.Fail(t, "status", "%d %s", got.Status, got.Body)
		}
		var said map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(body), &said))
		text := func(member string) (s string) {
			if json.Unmarshal(said[member], &s) == nil {
				return s
			}
			return string(said[member])
		}
		stored := recorded(t, books, text("userId"), "k")
		assert.Equal(t, text("type"), string(stored.Type))
		if said["currency"] != nil {
			assert.Equal(t, "USD", text("currency"))
		}
		have, fine := new(big.Rat).SetString(stored.Amount.String())
		require.True(t, fine)
		for _, member := range []string{"amount", "ammount"} {
			if said[member] != nil {
				want, fine := new(big.Rat).SetString(text(member))
				require.True(t, fine)
				assert.Zero(t, want.Cmp(have), "%s %s is stored as %s", member, want, have)
			}
		}
	})
}

// A key is taken in each of its forms, as the same key, or in none.
func FuzzKeyHeader(f *testing.F) {
	for _, seed := range []string{"1", `"1"`, `a"b\c`, `"a\"b\\c"`, `"a`, `"a"b`, "", " a ", "é", strings.Repeat("k", 256), "a\x00"} {
		f.Add(seed)
	}
	const body = `{"userId":"1","ammount":"1","type":"credit"}`
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	f.Fuzz(func(t *testing.T, value string) {
		h, books := newFuzzed(t)
		got := postHTTP(t, h, http.Header{"Idempotency-Key": {value}}, body)
		if got.Status == http.StatusBadRequest {
			assert.Empty(t, books.Network.Requests())
			return
		}
		require.Equal(t, http.StatusCreated, got.Status, got.Body)
		id, err := ledger.ParseTransactionID(strings.TrimPrefix(got.Header.Get("Location"), "/transactions/"))
		require.NoError(t, err)
		stored, err := books.Ledger.Transaction(t.Context(), id)
		require.NoError(t, err)
		key := stored.IdempotencyKey.String()
		assert.Regexp(t, `\A[ -~]{1,255}\z`, key)
		if bare := strings.Trim(value, " \t"); !strings.HasPrefix(bare, `"`) {
			assert.Equal(t, bare, key, "the bare form is the key itself")
		}
		again := postHTTP(t, h, http.Header{"Idempotent-Key": {`"` + quote.Replace(key) + `"`}, "Idempotency-Key": {value}}, body)
		assert.Equal(t, got.Body, again.Body)
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	})
}

// Whatever the payload, the function answers, and not that it failed.
func FuzzEvent(f *testing.F) {
	events, err := filepath.Glob("../testdata/events/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, events)
	for _, path := range events {
		payload, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, _ := newFuzzed(t)
		got := invoke(t, h, payload)
		assert.Contains(t, []int{200, 201, 400, 404, 405, 413, 422}, got.Status, got.Body)
		assert.True(t, got.Body == "" || json.Valid([]byte(got.Body)), got.Body)
		assert.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	})
}

// The same request is answered alike over HTTP and in each shape of event.
func FuzzDoors(f *testing.F) {
	for _, seed := range []struct{ method, path, query, key, body string }{
		{"GET", "/balance", "userId=1", "", ""},
		{"HEAD", "/balance", "userId=%31&userId=2", "", ""},
		{"GET", "/transactions", "userId=1&limit=2&cursor=x", "", ""},
		{"GET", "/transactions/" + id11, "", "", ""},
		{"POST", "/transactions", "", `"1"`, `{"userId":"1","ammount":"10","type":"credit"}`},
		{"POST", "/transactions", "", "1", `{"userId":"1","ammount":"1000","type":"debit"}`},
		{"DELETE", "/balance", "", "", "x"},
		{"GET", "//balance", "userId=1", "", ""},
		{"GET", "/%62alance", "userId=1", "", ""},
	} {
		f.Add(seed.method, seed.path, seed.query, seed.key, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, path, query, key, body string) {
		values, err := url.ParseQuery(query)
		for _, text := range []string{method, path, key, body} {
			if !utf8.ValidString(text) {
				return // not an event's: JSON can't hold it
			}
		}
		if method == "" || path == "" || err != nil {
			return // nor is this a request's
		}
		for name, value := range values {
			if !utf8.ValidString(name + strings.Join(value, "")) {
				return
			}
		}
		h, _ := newFuzzed(t)
		r := &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{}, Body: http.NoBody}
		if body != "" {
			r.Body = io.NopCloser(strings.NewReader(body))
		}
		if key != "" {
			r.Header.Set("Idempotent-Key", key)
		}
		want := serve(h, r)

		request := request{method, (&url.URL{Path: path}).EscapedPath() + "?" + query, map[string]string{}, body}
		if key != "" {
			request.header["Idempotent-Key"] = key
		}
		encoded := event2(request)
		encoded["body"], encoded["isBase64Encoded"] = base64.StdEncoding.EncodeToString([]byte(body)), true
		for shape, event := range map[string]map[string]any{"2.0": event2(request), "1.0": event1(request), "base64": encoded} {
			h, _ := newFuzzed(t)
			got := invoke(t, h, encode(t, event))
			assert.Equal(t, want.Status, got.Status, "%s: %s and %s", shape, want.Body, got.Body)
			assert.Equal(t, want.Body, got.Body, shape)
			for name := range want.Header {
				assert.Equal(t, want.Header.Get(name), got.Header.Get(name), "%s: %s", shape, name)
			}
		}
	})
}
