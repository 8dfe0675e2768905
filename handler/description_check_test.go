package handler_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The check is as strict as the document. It forbids each of these calls, which differ
// in one place from an allowed call.
func TestDescriptionForbidsRequests(t *testing.T) {
	t.Parallel()
	d, err := readDescription()
	require.NoError(t, err)
	check := func(r request) error {
		path, _, _ := strings.Cut(r.target, "?")
		o := d.operation(r.method, path)
		require.NotNil(t, o, "%+v", r)
		return d.checkRequest(o, r)
	}
	get := func(target string) request { return request{method: http.MethodGet, target: target} }
	post := func(body string) request {
		return request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1"}, body}
	}
	account := func(body string) request {
		r := post(body)
		r.target = "/accounts"
		return r
	}
	keyed := func(key string) request {
		r := post(body("1", "1", "credit"))
		r.header = map[string]string{"Idempotent-Key": key}
		return r
	}
	for _, allowed := range []request{
		get("/balance?userId=1"), get("/balance?userId=a%20b&other=1"), get("/transactions/" + id11),
		get("/transactions?userId=1"), get("/transactions?userId=1&limit=100&cursor=" + strings.Repeat("A", 43)),
		post(body("1", "0.01", "credit")), post(body("1", "1000000000000.00", "debit")), post(`{"userId":"1","ammount":"0.01","type":"credit","currency":"USD","other":[]}`),
		account(`{"userId":"1","debits":"blocked"}`), account(`{"userId":"1","creditLimit":"0"}`), account(`{"userId":"1","creditLimit":"50.5","credits":"allowed"}`),
		keyed(`a"b\c`), keyed(`"a\"b\\c"`), keyed(strings.Repeat("k", 255)),
	} {
		assert.NoError(t, check(allowed), "%+v", allowed)
	}
	for _, forbidden := range []request{
		get("/balance"), get("/balance?userid=1"), get("/balance?userId="), get("/balance?userId=%20"), get("/balance?userId=1%00"),
		get("/balance?userId=%ff"), get("/balance?userId=1&userId=1"), get("/balance?userId=1;x"), get("/balance?userId=1&x=%zz"),
		get("/balance?userId=" + strings.Repeat("u", 129)),
		get("/transactions?userId=1&limit=0"), get("/transactions?userId=1&limit=101"), get("/transactions?userId=1&limit=1.5"),
		get("/transactions?userId=1&limit=ten"), get("/transactions?userId=1&limit="), get("/transactions?userId=1&limit=1&limit=1"),
		get("/transactions?userId=1&cursor=A"), get("/transactions/1"),
		{http.MethodPost, "/transactions", nil, body("1", "1", "credit")},
		keyed(""), keyed(`"a`), keyed("é"), keyed(strings.Repeat("k", 256)),
		account(`{"userId":"1"}`), account(`{"debits":"blocked"}`), account(`{"userId":"1","debits":"stopped"}`), account(`{"userId":"1","creditLimit":"-1"}`),
		account(`{"userId":"1","creditLimit":"1000000000000.01"}`), account(`{"userId":"1","creditLimit":"0.001"}`),
		post(""), post("null"), post("[]"), post("{}"), post(`{"userId":"1","ammount":"1","type":"credit"}{}`),
		post(`{"userId":"1","ammount":"1","ammount":"1","type":"credit"}`), post("{\"userId\":\"\xff\",\"ammount\":\"1\",\"type\":\"credit\"}"),
		post(`{"userId":1,"ammount":"1","type":"credit"}`), post(`{"userId":"1","ammount":"1","type":"credit","currency":"EUR"}`),
		post(body("1", "1", "transfer")), post(body("1", "0", "credit")), post(body("1", "0.001", "credit")), post(body("1", "1e3", "credit")),
		post(body("1", "-1", "credit")), post(body("1", "1000000000000.01", "credit")), post(body(" ", "1", "credit")),
		post(`{"userId":"1","ammount":1,"type":"credit"}`), // the handler accepts it, as a description explains in words
		post(`{"userId":"1","ammount":null,"type":"credit"}`), post(`{"userId":"1","ammount":true,"type":"credit"}`),
	} {
		assert.Error(t, check(forbidden), "%+v", forbidden)
	}
}

func TestDescriptionForbidsAnswers(t *testing.T) {
	t.Parallel()
	d, err := readDescription()
	require.NoError(t, err)
	o := d.operation(http.MethodPost, "/transactions")
	posted := func() answer {
		return answer{http.StatusCreated, http.Header{
			"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "Location": {"/transactions/" + id11},
		}, `{"data":{"id":"` + id11 + `","userId":"1","type":"credit","ammount":"1","status":"posted","createdAt":"2026-11-22T12:00:00.005Z"}}`}
	}
	invalid := func() answer {
		return answer{http.StatusBadRequest, http.Header{"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}},
			`{"type":"/problems/invalid-request","title":"Bad request","status":400,"detail":"d","instance":"/transactions","properties":{"type":["is required"]}}`}
	}
	declined := func() answer {
		a := invalid()
		a.Status = http.StatusUnprocessableEntity
		a.Body = `{"type":"/problems/insufficient-funds","title":"Unprocessable entity","status":422,"detail":"d","instance":"/transactions","id":"` + id11 + `","balance":"1"}`
		a.Header.Set("Location", "/transactions/"+id11)
		return a
	}
	for _, allowed := range []answer{posted(), invalid(), declined()} {
		require.NoError(t, d.checkAnswer(o, allowed), "%+v", allowed)
	}
	replace := func(old, changed string) func(*answer) {
		return func(a *answer) {
			require.Contains(t, a.Body, old)
			a.Body = strings.Replace(a.Body, old, changed, 1)
		}
	}
	header := func(name string, values ...string) func(*answer) {
		return func(a *answer) { a.Header[name] = values }
	}
	status := func(status int) func(*answer) { return func(a *answer) { a.Status = status } }
	for _, c := range []struct {
		of     func() answer
		change func(*answer)
	}{
		{posted, status(http.StatusOK)},
		{posted, status(http.StatusBadRequest)},
		{posted, header("Content-Type", "application/problem+json")},
		{posted, header("Content-Type", "text/plain")},
		{posted, header("Content-Type")},
		{posted, header("Cache-Control")},
		{posted, header("Cache-Control", "no-store", "no-store")},
		{posted, header("Cache-Control", "public")},
		{posted, header("Location")},
		{posted, header("Location", "/transactions/1")},
		{posted, header("Idempotent-Replayed", "false")},
		{posted, header("X-Other", "1")},
		{posted, header("Retry-After", "1")},
		{posted, replace(`{"data"`, `{"other":1,"data"`)},
		{posted, replace(`"id"`, `"other":1,"id"`)},
		{posted, replace(`"userId":"1",`, ``)},
		{posted, replace(`"data"`, `"Data"`)},
		{posted, replace(`"credit"`, `"transfer"`)},
		{posted, replace(`"posted"`, `"done"`)},
		{posted, replace(`"ammount":"1"`, `"ammount":1`)},
		{posted, replace(`"ammount":"1"`, `"ammount":"1.0"`)},
		{posted, replace(id11, "1")},
		{posted, replace(".005Z", "Z")},
		{posted, replace("11-22T", "11-31T")},
		{posted, replace(`}}`, `}`)},
		{posted, replace(`}}`, `,"type":"credit"}}`)},
		{posted, func(a *answer) { a.Body = "" }},
		{invalid, status(http.StatusUnprocessableEntity)},
		{invalid, replace(`"status":400`, `"status":422`)},
		{invalid, replace(`"Bad request"`, `"Bad Request"`)},
		{invalid, replace(`/problems/invalid-request`, `/problems/other`)},
		{invalid, replace(`"d"`, `""`)},
		{invalid, replace(`"/transactions"`, `"transactions"`)},
		{invalid, replace(`{"type":["is required"]}`, `{}`)},
		{invalid, replace(`{"type":["is required"]}`, `{"type":[]}`)},
		{invalid, replace(`{"type":["is required"]}`, `{"other":["is required"]}`)},
		{invalid, replace(`"properties"`, `"cause":"c","properties"`)},
		{declined, replace(`,"balance":"1"`, ``)},
		{declined, replace(`"id":"`+id11+`",`, ``)},
		{declined, header("Location", "/transactions/1")},
		{declined, replace(`"balance":"1"`, `"balance":"-1"`)},
		{declined, replace(`"balance":"1"`, `"balance":"1","limit":"1000000000000000"`)},
		{declined, replace(`/problems/insufficient-funds`, `/problems/balance-limit`)},
	} {
		changed := c.of()
		c.change(&changed)
		text, err := json.Marshal(changed)
		require.NoError(t, err)
		assert.Error(t, d.checkAnswer(o, changed), "%s", text)
	}
}

// Each of these once broke a generated client: README.md names the generators.
func TestDescriptionSuitsGenerators(t *testing.T) {
	t.Parallel()
	d, err := readDescription()
	require.NoError(t, err)
	schemas := d.components.(map[string]any)["schemas"].(map[string]any)
	values := map[any]string{}
	for name, schema := range schemas {
		assert.NotContains(t, schemas, "New"+name, "the constructor of %s has that name in Go", name)
		schema := schema.(map[string]any)
		text, err := json.Marshal(schema)
		require.NoError(t, err)
		assert.NotContains(t, string(text), `"const":`, "%s: ogen makes nothing of it", name)
		if schema["format"] == "date-time" {
			assert.NotContains(t, schema, "pattern", "%s: openapi-generator's Python matches it with a datetime", name)
		}
		enum, _ := schema["enum"].([]any)
		for _, value := range enum {
			assert.Empty(t, values[value], "%s has %v, too: both are one constant in openapi-generator's Go", name, value)
			values[value] = name
		}
	}
	for name := range schemas {
		for _, branch := range d.document.Components.Schemas[name].Value.OneOf {
			for member, schema := range branch.Value.Properties {
				if branch.Value.Properties["type"] != nil && branch.Value.Properties["instance"] != nil { // an answer
					assert.NotRegexp(t, `[\\,]`, schema.Value.Pattern, "%s, %s: openapi-generator's Go breaks it", name, member)
				}
			}
		}
	}
}
