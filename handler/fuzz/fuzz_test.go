package fuzz_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/ledger"
)

type answer struct {
	Status int               `json:"statusCode"`
	Header map[string]string `json:"headers"`
	Body   string            `json:"body"`
}

func invoke(t *testing.T, h *handler.Handler, payload []byte) (a answer) {
	t.Helper()
	output, err := h.Invoke(t.Context(), payload)
	require.NoError(t, err, "the function's own error")
	require.NoError(t, json.Unmarshal(output, &a))
	return a
}

// postHTTP posts a body with a key, over HTTP but without a network.
func postHTTP(h *handler.Handler, target, key, body string) answer {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Idempotent-Key", key)
	return serve(h, r)
}

func serve(h *handler.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body := w.Body.String()
	if r.Method == http.MethodHead { // net/http sends no body
		body = ""
	}
	header := map[string]string{}
	for name := range w.Header() {
		header[name] = w.Header().Get(name)
	}
	return answer{w.Code, header, body}
}

// addAll adds each seed once for each of the settings in others.
func addAll(f *testing.F, seeds ...string) {
	for _, seed := range seeds {
		for number := range others {
			f.Add(seed, uint8(number))
		}
	}
}

// begun returns a new ledger with the settings that number selects. It has posted a credit
// of 40 to user 1, and then body. location is the URL path of the transaction that body
// created.
func begun(t *testing.T, number uint8, body string) (h *handler.Handler, m *memory, location string) {
	t.Helper()
	h, m = newMemory(number)
	for key, sent := range []string{`{"userId":"1","ammount":"40","type":"credit"}`, body} {
		got := postHTTP(h, "/transactions", strconv.Itoa(key), sent)
		require.Equal(t, http.StatusCreated, got.Status, got.Body)
		location = got.Header["Location"]
	}
	return h, m, location
}

// rejected reports whether got is a rejection. If so, it checks that the call has stored no
// row. rows counts the rows before the call.
func (m *memory) rejected(t *testing.T, got answer, rows int) bool {
	t.Helper()
	if got.Status != http.StatusBadRequest && got.Status != http.StatusRequestEntityTooLarge {
		return false
	}
	assert.Len(t, m.transactions, rows)
	return true
}

func assertReplay(t *testing.T, first, again answer) {
	t.Helper()
	assert.Equal(t, []string{first.Body, "true"}, []string{again.Body, again.Header["Idempotent-Replayed"]})
}

// A post writes exactly the transaction in its body, and a rejected post writes nothing.
// The test reads the body independently, with encoding/json and math/big.
func FuzzBody(f *testing.F) {
	addAll(f,
		`{"userId":"1","ammount":"10","type":"credit"}`,
		`{"userId":"1","amount":10.50,"type":"debit","currency":"USD"}`,
		`{"userId":"1","amount":"10","ammount":"10.0","type":"debit","note":{"a":[1,2]}}`,
		`{"userId":"\u0031","ammount":1e3,"type":"credit"}`,
		`{"userId":"1","ammount":"10","\u0061mmount":"99","type":"credit"}`,
		`{"userId":"1","ammount":"1000","type":"debit"}`,
		`{"userId":"\ud800","ammount":"10","type":"credit"}`,
		`{"userId":"1","ammount":"10","type":"credit","metadata":{"order":"7","note":"\u2028<"}}`,
		`{"entries":[{"userId":"1","ammount":"10","type":"debit"},{"userId":"2","amount":9.0,"type":"credit"},{"userId":"1","ammount":"1","type":"credit"}]}`,
		`{"entries":[{"userId":"1","ammount":"10","type":"debit","currency":"USD"}],"currency":"USD","metadata":{}}`,
		`{"entries":[{"userId":"1","ammount":"60","type":"debit"},{"userId":"1","ammount":"60","type":"debit"}],"metadata":{"a":"b"}}`,
		`{"entries":[{"userId":"1","ammount":"10","type":"debit","metadata":{}},1],"userId":"1","metadata":null}`,
		`{"entries":[],"metadata":{"a":1}}`,
		`{"userId":"1","ammount":"10","type":"debit","expiresIn":60}`,
		`{"userId":"1","ammount":"1000","type":"debit","expiresIn":2678400,"metadata":{"a":"b"}}`,
		`{"userId":"1","ammount":"10","type":"credit","expiresIn":1.0}`,
		`{"expiresIn":1,"entries":[{"userId":"1","ammount":"10","type":"debit"},{"userId":"2","ammount":"10.00","type":"credit"}]}`,
		`{"expiresIn":"60","entries":[{"userId":"1","ammount":"10","type":"debit","expiresIn":60}]}`,
		`{"userId":"1","ammount":"1.125","type":"credit"}`,
		`{"userId":"1","ammount":"1.5","type":"credit","currency":"KWD"}`,
		`{"entries":[{"userId":"1","ammount":"0.00000001","type":"credit"},{"userId":"1","amount":0.00000001,"type":"debit","currency":"XBT"}]}`,
		`{"userId":"1","ammount":"1000000000000","type":"credit","currency":"JPY"}`,
		`{"userId":"1","ammount":"10","amount":null,"type":"credit","entries":null,"currency":null,"metadata":null}`,
	)
	f.Fuzz(func(t *testing.T, body string, number uint8) {
		h, m := newMemory(number)
		got := postHTTP(h, "/transactions", "k", body)
		if m.rejected(t, got, 0) {
			return
		}
		require.Contains(t, []int{http.StatusCreated, http.StatusUnprocessableEntity}, got.Status, got.Body)
		sent := read[members](t, body)
		entries := []members{sent}
		if sent["entries"] != nil {
			entries = read[[]members](t, string(sent["entries"]))
		}
		first := m.transactions[0]
		require.Len(t, first.AllEntries(), len(entries))
		rows := len(entries)
		if first.Status != ledger.Posted {
			rows = 1
		}
		require.Len(t, m.transactions, rows)
		assert.Equal(t, sent["expiresIn"] != nil, first.Status == ledger.Pending || !first.ExpiresAt.IsZero(), "pending only if the body has expiresIn")
		if sent["expiresIn"] != nil {
			assert.Equal(t, string(sent["expiresIn"]), strconv.Itoa(int(first.ExpiresIn()/time.Second)))
		}
		for i, stored := range first.AllEntries() {
			sameEntry(t, entries[i], stored, m.settings)
		}
		metadata, kept := read[map[string]string](t, string(sent["metadata"])), read[map[string]string](t, first.Metadata.String())
		assert.True(t, maps.Equal(metadata, kept), "%v and %v", metadata, kept)
	})
}

// A capture pays the receiver the body's amount, or the whole hold. A void pays nothing.
func FuzzEnd(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"ammount":"25"}`, `{"amount":0.01,"currency":"USD"}`, `{"ammount":"40.00"}`, `{"ammount":"40.01"}`,
		`{"ammount":"0"}`, `{"ammount":"0.00000001"}`, `{"ammount":"24.125"}`, `{"ammount":"10","amount":"10.0","note":[]}`, `{"ammount":"10","amount":"11"}`, `{"\u0061mmount":"1"}`, `[]`, `null`,
		`{"amount":"25.00","ammount":25}`, `{"ammount":"5","currency":null,"metadata":null,"expiresIn":null,"userId":null,"note":null}`,
	} {
		for number := range uint8(5) {
			f.Add(seed, false, number)
			f.Add(seed, true, number)
		}
	}
	const payment = `{"expiresIn":60,"entries":[{"userId":"1","ammount":"40","type":"debit"},{"userId":"2","ammount":"40","type":"credit"}]}`
	f.Fuzz(func(t *testing.T, body string, void bool, number uint8) {
		h, m, end := begun(t, number, payment)
		if void {
			end += "/void"
		} else {
			end += "/capture"
		}
		got := postHTTP(h, end, "", body)
		if m.rejected(t, got, 2) {
			assert.False(t, void, "a void ignores its body: %s", got.Body)
			return
		}
		require.Equal(t, http.StatusOK, got.Status, got.Body)
		taken := new(big.Rat)
		if !void {
			taken.SetInt64(40)
			sent := read[members](t, body)
			for _, member := range []string{"amount", "ammount"} {
				if sent[member] != nil {
					_, ok := taken.SetString(sent.text(member))
					require.True(t, ok)
				}
			}
		}
		for i, e := range m.transactions[1].Entries { // the payer, who got the credit of 40, and the receiver
			before, after := rat(m.settings.Opening), rat(m.account(e.UserID).Balance)
			if i == 0 {
				before.Add(before, big.NewRat(40, 1)).Sub(before, taken)
			} else {
				before.Add(before, taken)
			}
			assert.Zero(t, before.Cmp(after), "%s: %s has %s, not %s", body, e.UserID, after, before)
		}
		assertReplay(t, got, postHTTP(h, end, "", body))
	})
}

// A refund reverses the entries that its body names, or all entries. The same refund sent
// again is a replay. An entry is never refunded beyond its amount.
func FuzzRefund(f *testing.F) {
	addAll(f,
		"", "{}", `{"ammount":"25"}`, `{"amount":0.01,"currency":"USD"}`, `{"ammount":"40.01"}`, `{"ammount":null}`,
		`{"note":1,"metadata":null,"currency":null}`, `{"entries":[{"entry":0,"ammount":"40"},{"entry":1,"ammount":"40.0","currency":"USD"}]}`,
		`{"entries":[{"entry":0,"ammount":"40"}]}`, `{"entries":[{"entry":0,"amount":1},{"entry":1,"ammount":"39.99"}],"metadata":{"a":"b"}}`,
		`{"entries":[{"entry":1,"ammount":"1"},{"entry":0,"ammount":"1"}]}`, `{"entries":[{"entry":1.0,"ammount":"1"}]}`,
		`{"entries":[{"entry":2,"ammount":"1"}]}`, `{"entries":[]}`, `{"entries":null}`, `{"ammount":"1","entries":[{"entry":0,"ammount":"1"}]}`, `[]`,
	)
	const sale = `{"entries":[{"userId":"1","ammount":"40","type":"debit"},{"userId":"2","ammount":"40","type":"credit"}]}`
	f.Fuzz(func(t *testing.T, body string, number uint8) {
		h, m, location := begun(t, number, sale)
		send := func(key string) answer { return postHTTP(h, location+"/refunds", key, body) }
		rows := len(m.transactions)
		got := send("r")
		if m.rejected(t, got, rows) {
			return
		}
		require.Equal(t, http.StatusCreated, got.Status, got.Body)
		assertReplay(t, got, send("r"))

		first, sent := m.transactions[rows], read[members](t, body)
		asked := []members{{"ammount": json.RawMessage("40")}, {"ammount": json.RawMessage("40")}}
		places := []int{0, 1}
		switch {
		case sent["entries"] != nil:
			asked, places = read[[]members](t, string(sent["entries"])), nil
			for _, one := range asked {
				place, err := strconv.Atoi(one.text("entry"))
				require.NoError(t, err)
				places = append(places, place)
			}
		case sent["ammount"] != nil || sent["amount"] != nil:
			asked = []members{sent, sent}
		}
		assert.Equal(t, places, first.RefundPlaces)
		for i, e := range first.AllEntries() {
			want := [][2]string{{"1", "credit"}, {"2", "debit"}}[places[i]]
			assert.Equal(t, want, [2]string{e.UserID.String(), string(e.Type)})
			asked[i]["userId"], asked[i]["type"] = json.RawMessage(strconv.Quote(want[0])), json.RawMessage(strconv.Quote(want[1]))
			sameEntry(t, asked[i], e, m.settings)
		}
		for key := range 50 {
			send(strconv.Itoa(key))
		}
		for place, sum := range m.refunds[first.RefundOf].Sums {
			assert.LessOrEqual(t, rat(sum).Cmp(big.NewRat(40, 1)), 0, "entry %d", place)
		}
	})
}

// members maps the names of an object's members to their JSON. Null counts as absent.
type members map[string]json.RawMessage

func (m *members) UnmarshalJSON(text []byte) error {
	var all map[string]json.RawMessage
	err := json.Unmarshal(text, &all)
	maps.DeleteFunc(all, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	*m = all
	return err
}

// read decodes JSON. It returns the zero value for an empty string.
func read[T any](t *testing.T, text string) (value T) {
	t.Helper()
	if text != "" {
		require.NoError(t, json.Unmarshal([]byte(text), &value))
	}
	return value
}

// text returns the value of a string, or the JSON of any other member.
func (m members) text(name string) (s string) {
	if json.Unmarshal(m[name], &s) == nil {
		return s
	}
	return string(m[name])
}

func sameEntry(t *testing.T, sent members, stored ledger.Entry, settings ledger.Settings) {
	t.Helper()
	assert.Equal(t, sent.text("userId"), stored.UserID.String())
	assert.Equal(t, sent.text("type"), string(stored.Type))
	if sent["currency"] != nil {
		assert.Equal(t, settings.Currency, sent.text("currency"))
	}
	assert.NoError(t, settings.CheckPlaces(stored.Amount))
	have := rat(stored.Amount)
	for _, member := range []string{"amount", "ammount"} {
		if sent[member] != nil {
			want, ok := new(big.Rat).SetString(sent.text(member))
			require.True(t, ok)
			assert.Zero(t, want.Cmp(have), "%s %s is stored as %s", member, want, have)
		}
	}
}

// An accepted rule change sets exactly the rules in its row. A rejected one sets none.
func FuzzRules(f *testing.F) {
	addAll(f,
		`{"userId":"1","debits":"blocked"}`, `{"userId":"1","credits":"blocked","debits":"allowed","metadata":{"a":"b"}}`,
		`{"userId":"1","creditLimit":"50.50","currency":"USD"}`, `{"userId":"1","creditLimit":0}`, `{"userId":"1","creditLimit":"0.00000001"}`,
		`{"userId":"1","creditLimit":"1000000000000"}`, `{"userId":"1","creditLimit":1e3}`, `{"userId":"1","debits":null,"creditLimit":"1.0"}`,
		`{"userId":"1"}`, `{"userId":"1","debits":"blocked","\u0064ebits":"allowed"}`, `[]`, "",
	)
	f.Fuzz(func(t *testing.T, body string, number uint8) {
		h, m := newMemory(number)
		got := postHTTP(h, "/accounts", "k", body)
		if m.rejected(t, got, 0) {
			return
		}
		require.Equal(t, http.StatusCreated, got.Status, got.Body)
		require.Len(t, m.transactions, 1)
		row := m.transactions[0]
		account := m.account(row.UserID)
		assert.Equal(t, ledger.Rules{
			DebitsBlocked: row.Rules.Debits == ledger.Blocked, CreditsBlocked: row.Rules.Credits == ledger.Blocked,
			CreditLimit: account.CreditLimit, Changes: 1,
		}, account.Rules)
		lent := rat(account.Balance)
		assert.Zero(t, lent.Sub(lent, rat(m.settings.Opening)).Cmp(rat(account.CreditLimit)))
		require.NoError(t, m.settings.CheckPlaces(account.CreditLimit))
		assertReplay(t, got, postHTTP(h, "/accounts", "k", body))
		assert.Len(t, m.transactions, 1)
	})
}

// An accepted key is the same key in its quoted form and in the other header.
func FuzzKeyHeader(f *testing.F) {
	for _, seed := range []string{"1", `"1"`, `a"b\c`, `"a\"b\\c"`, `"a`, `"a"b`, "", " a ", "é", strings.Repeat("k", 256), "a\x00"} {
		f.Add(seed)
	}
	const body = `{"userId":"1","ammount":"1","type":"credit"}`
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	f.Fuzz(func(t *testing.T, value string) {
		h, m := newMemory(0)
		post := func(header http.Header) answer {
			r := httptest.NewRequest(http.MethodPost, "/transactions", strings.NewReader(body))
			r.Header = header
			return serve(h, r)
		}
		got := post(http.Header{"Idempotency-Key": {value}})
		if m.rejected(t, got, 0) {
			return
		}
		require.Equal(t, http.StatusCreated, got.Status, got.Body)
		require.Len(t, m.transactions, 1)
		key := m.transactions[0].IdempotencyKey.String()
		assert.Regexp(t, `\A[ -~]{1,255}\z`, key)
		if !strings.HasPrefix(strings.Trim(value, " \t"), `"`) {
			assert.Equal(t, strings.Trim(value, " \t"), key, "the bare form is the key itself")
		}
		assertReplay(t, got, post(http.Header{"Idempotent-Key": {`"` + quote.Replace(key) + `"`}, "Idempotency-Key": {value}}))
	})
}

// literal matches a JSON string, which can be a member's name.
var literal = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// hostile are JSON strings that replace other strings in an event. Some are not UTF-8, and
// some can't be decoded.
var hostile = []string{
	`"/transactions/%FF"`, `"/transactions/%ff%25FF%"`, "\"\xff\xfe\"", `"\ud800"`, `"\u0000\r\n"`, `"a,a"`, `"` + "\u2028" + `<&>"`,
}

// The function answers every payload, and never with a 5xx. The seeds are the recorded
// events, and copies of them with one string replaced.
func FuzzEvent(f *testing.F) {
	events, err := filepath.Glob("../../testdata/events/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, events)
	for _, path := range events {
		payload, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(payload)
		for n, at := range literal.FindAllIndex(payload, -1) {
			f.Add(slices.Concat(payload[:at[0]], []byte(hostile[n%len(hostile)]), payload[at[1]:]))
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, _ := newMemory(0)
		got := invoke(t, h, payload)
		assert.Contains(t, []int{200, 201, 400, 404, 405, 413, 422}, got.Status, got.Body)
		assert.True(t, got.Body == "" || json.Valid([]byte(got.Body)), got.Body)
		assert.Equal(t, "no-store", got.Header["Cache-Control"])
	})
}

// The same request gets the same answer over HTTP and in each event shape.
func FuzzDoors(f *testing.F) {
	for _, seed := range []struct{ method, path, query, key, body string }{
		{"GET", "/balance", "userId=1", "", ""},
		{"HEAD", "/balance", "userId=%31&userId=2", "", ""},
		{"GET", "/transactions", "userId=1&limit=2&cursor=x", "", ""},
		{"GET", "/transactions/" + "47b9e303-c943-824b-a25b-f2db8fa4f6ab", "", "", ""},
		{"POST", "/transactions", "", `"1"`, `{"userId":"1","ammount":"10","type":"credit"}`},
		{"POST", "/transactions", "", "1", `{"userId":"1","ammount":"1000","type":"debit"}`},
		{"POST", "/transactions", "", "1", `{"entries":[{"userId":"1","ammount":"10","type":"debit"},{"userId":"2","ammount":"10","type":"credit"}],"metadata":{"a":"b"}}`},
		{"POST", "/transactions", "", "1", `{"userId":"1","ammount":"10","type":"debit","expiresIn":60}`},
		{"POST", "/transactions/47b9e303-c943-824b-a25b-f2db8fa4f6ab/capture", "", "", `{"ammount":"1"}`},
		{"POST", "/transactions/47b9e303-c943-824b-a25b-f2db8fa4f6ab/capture", "", "", `{"ammount":"0"}`},
		{"POST", "/transactions/47b9e303-c943-824b-a25b-f2db8fa4f6ab/void", "", "", "x"},
		{"GET", "/transactions/47b9e303-c943-824b-a25b-f2db8fa4f6ab/void", "", "", ""},
		{"POST", "/accounts", "", "1", `{"userId":"1","debits":"blocked","creditLimit":"50"}`},
		{"DELETE", "/balance", "", "", "x"},
		{"GET", "//balance", "userId=1", "", ""},
		{"GET", "/%62alance", "userId=1", "", ""},
	} {
		f.Add(seed.method, seed.path, seed.query, seed.key, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, path, query, key, body string) {
		values, err := url.ParseQuery(query)
		if method == "" || path == "" || err != nil {
			return // not a valid HTTP request
		}
		if !utf8.ValidString(fmt.Sprintln(method, path, key, body, values)) {
			return // JSON can't encode it, so no event has it
		}
		h, _ := newMemory(0)
		r := &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{}, Body: http.NoBody}
		if body != "" {
			r.Body = io.NopCloser(strings.NewReader(body))
		}
		if key != "" {
			r.Header.Set("Idempotent-Key", key)
		}
		want := serve(h, r)

		path = (&url.URL{Path: path}).EscapedPath()
		headers := map[string]string{}
		if key != "" {
			headers["Idempotent-Key"] = key
		}
		v2 := map[string]any{
			"version": "2.0", "rawPath": path, "rawQueryString": query, "headers": headers, "body": body,
			"requestContext": map[string]any{"stage": "$default", "http": map[string]any{"method": method}},
		}
		v1 := map[string]any{
			"httpMethod": method, "path": path, "headers": headers, "body": body, "multiValueQueryStringParameters": values,
			"requestContext": map[string]any{"stage": "prod"},
		}
		encoded := maps.Clone(v2)
		encoded["body"], encoded["isBase64Encoded"] = base64.StdEncoding.EncodeToString([]byte(body)), true
		for shape, event := range map[string]map[string]any{"2.0": v2, "1.0": v1, "base64": encoded} {
			payload, err := json.Marshal(event)
			require.NoError(t, err)
			h, _ := newMemory(0)
			got := invoke(t, h, payload)
			assert.Equal(t, want.Status, got.Status, "%s: %s and %s", shape, want.Body, got.Body)
			assert.Equal(t, want.Body, got.Body, shape)
			assert.Equal(t, want.Header, got.Header, shape)
		}
	})
}
