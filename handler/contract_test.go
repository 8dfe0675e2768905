package handler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// id11 is the id of user 1's key 1.
const id11 = "47b9e303-c943-824b-a25b-f2db8fa4f6ab"

func TestBalance(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		got := a.get(t, "/balance?userId=1")
		assert.Equal(t, http.StatusOK, got.Status)
		assert.Equal(t, `{"data":{"balance":"100"}}`, got.Body)
		assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
		assert.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	})
}

func TestPost(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		got := a.post(t, "1", body("1", "10.50", "credit"))
		assert.Equal(t, http.StatusCreated, got.Status)
		assert.Equal(t, `{"data":{"id":"`+id11+`","userId":"1","type":"credit","ammount":"10.5","status":"posted","createdAt":"2026-11-22T12:00:00.005Z"}}`, got.Body)
		assert.Equal(t, "/transactions/"+id11, got.Header.Get("Location"))
		assert.Equal(t, "no-store", got.Header.Get("Cache-Control"))
		assert.Empty(t, got.Header.Values("Idempotent-Replayed"))
		assert.Equal(t, `{"data":{"balance":"110.5"}}`, a.get(t, "/balance?userId=1").Body)
		assert.Equal(t, got.Body, a.get(t, got.Header.Get("Location")).Body)
	})
}

func TestReplay(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		first := a.post(t, "1", body("1", "10", "credit"))
		for _, same := range []string{
			`{"userId":"1","ammount":"10","type":"credit"}`,
			`{"userId":"1","ammount":10,"type":"credit"}`,
			`{"userId":"1","ammount":"10.00","type":"credit"}`,
			`{"userId":"1","ammount":10.0,"type":"credit","note":"another member"}`,
			` { "type" : "credit", "amount" : "0010", "userId" : "\u0031" } `,
		} {
			again := a.post(t, "1", same)
			assert.Equal(t, first.Status, again.Status, same)
			assert.Equal(t, first.Body, again.Body, same)
			assert.Equal(t, first.Header.Get("Location"), again.Header.Get("Location"), same)
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"), same)
		}
		assert.Equal(t, "110", a.Balance(t, "1"))
	})
}

func TestDecline(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		first := a.post(t, "1", body("1", "100.01", "debit"))
		assert.Equal(t, http.StatusUnprocessableEntity, first.Status)
		assert.Equal(t, problem{
			Type: "/problems/insufficient-funds", Title: "Unprocessable entity", Status: 422,
			Detail: "Your balance can't be negative.", Instance: "/transactions", ID: id11, Balance: "100",
		}, first.problem(t))
		assert.Equal(t, "/transactions/"+id11, first.Header.Get("Location"))
		assert.Empty(t, first.Header.Values("Idempotent-Replayed"))

		require.Equal(t, http.StatusCreated, a.post(t, "2", body("1", "1000", "credit")).Status)
		again := a.post(t, "1", body("1", "100.01", "debit"))
		assert.Equal(t, first.Status, again.Status)
		assert.Equal(t, first.Body, again.Body)
		assert.Equal(t, first.Header.Get("Location"), again.Header.Get("Location"))
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
		assert.Equal(t, "1100", a.Balance(t, "1"))

		stored := a.get(t, first.Header.Get("Location"))
		assert.Equal(t, http.StatusOK, stored.Status)
		assert.Contains(t, stored.Body, `"status":"declined"`)
	})
}

func TestBalanceLimit(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		a.Fill(t, "1")
		got := a.post(t, "1", body("1", "100.01", "credit"))
		assert.Equal(t, http.StatusUnprocessableEntity, got.Status)
		p := got.problem(t)
		assert.Equal(t, "/problems/balance-limit", p.Type)
		assert.Equal(t, id11, p.ID)
		assert.Equal(t, "/transactions/"+id11, got.Header.Get("Location"))
		assert.Equal(t, "999999999999900", p.Balance)
		assert.Equal(t, "1000000000000000", p.Limit)
	})
}

func TestKeyReused(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		require.Equal(t, http.StatusCreated, a.post(t, "1", body("1", "10", "credit")).Status)
		for _, c := range []struct {
			body    string
			differs []string
		}{
			{body("1", "10", "debit"), []string{"type"}},
			{body("1", "10.01", "credit"), []string{"ammount"}},
			{body("1", "5000", "debit"), []string{"type", "ammount"}},
		} {
			got := a.post(t, "1", c.body)
			assert.Equal(t, http.StatusUnprocessableEntity, got.Status, c.body)
			p := got.problem(t)
			assert.Equal(t, "/problems/idempotency-key-reused", p.Type, c.body)
			assert.Len(t, p.Properties, len(c.differs), c.body)
			for _, member := range c.differs {
				assert.Contains(t, p.Properties, member, c.body)
			}
			assert.Empty(t, got.Header.Values("Idempotent-Replayed"), c.body)
			assert.Empty(t, got.Header.Values("Location"), c.body)
		}
		assert.Equal(t, "110", a.Balance(t, "1"))
	})
}

func TestTransaction(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		posted := a.post(t, "1", body("1", "10", "credit"))
		for _, path := range []string{"/transactions/" + id11, "/transactions/" + strings.ToUpper(id11)} {
			got := a.get(t, path)
			assert.Equal(t, http.StatusOK, got.Status, path)
			assert.Equal(t, posted.Body, got.Body, path)
		}
		for _, path := range []string{"/transactions/1", "/transactions/00000000-0000-8000-8000-000000000000"} {
			got := a.get(t, path)
			assert.Equal(t, http.StatusNotFound, got.Status, path)
			p := got.problem(t)
			assert.Equal(t, "/problems/not-found", p.Type, path)
			assert.Equal(t, path, p.Instance)
		}
	})
}

func TestHistory(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=1").Body)
		for i := range 3 {
			require.Equal(t, http.StatusCreated, a.post(t, fmt.Sprint(i), body("1", "1", "credit")).Status)
		}
		require.Equal(t, http.StatusUnprocessableEntity, a.post(t, "big", body("1", "1000", "debit")).Status)

		all := a.get(t, "/transactions?userId=1")
		assert.Equal(t, http.StatusOK, all.Status)
		assert.Equal(t, all.Body, a.get(t, "/transactions?userId=1&limit=100").Body)
		assert.Equal(t, 3, strings.Count(all.Body, `"status":"posted"`))
		assert.Equal(t, 1, strings.Count(all.Body, `"status":"declined"`))
		assert.NotContains(t, all.Body, `"next"`)

		page, cursor := a.get(t, "/transactions?userId=1&limit=3").Body, ""
		assert.Equal(t, 3, strings.Count(page, `"id"`))
		_, cursor, _ = strings.Cut(page, `"next":"`)
		cursor = strings.TrimSuffix(cursor, `"}`)
		last := a.get(t, "/transactions?userId=1&limit=3&cursor="+cursor)
		assert.Equal(t, http.StatusOK, last.Status)
		assert.Equal(t, 1, strings.Count(last.Body, `"id"`))
		assert.NotContains(t, last.Body, `"next"`)

		assert.Equal(t, page, a.get(t, "/transactions?userId=1&limit=3").Body, "the same call, the same bytes")

		foreign := a.get(t, "/transactions?userId=2&cursor="+cursor)
		assert.Equal(t, http.StatusBadRequest, foreign.Status)
		assert.Contains(t, foreign.problem(t).Properties, "cursor")
	})
}

func TestHistoryHasFiftyUnlessAsked(t *testing.T) {
	t.Parallel()
	h, books, _ := newHandler(t)
	amounts := make([]string, 51)
	for i := range amounts {
		amounts[i] = "1"
	}
	books.Credit(t, "1", amounts...)
	page := overHTTP(t, h)(t, request{method: http.MethodGet, target: "/transactions?userId=1"})
	assert.Equal(t, 50, strings.Count(page.Body, `"id"`))
	assert.Contains(t, page.Body, `"next":`)
}

func TestQueryRefused(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for _, c := range []struct {
			target string
			fields []string
		}{
			{"/balance", []string{"userId"}},
			{"/balance?userId=", []string{"userId"}},
			{"/balance?userid=1", []string{"userId"}},
			{"/balance?userId=%20", []string{"userId"}},
			{"/balance?userId=1%20", []string{"userId"}},
			{"/balance?userId=a%00b", []string{"userId"}},
			{"/balance?userId=" + strings.Repeat("u", 129), []string{"userId"}},
			{"/balance?userId=1&userId=2", []string{"userId"}},
			{"/balance?userId=1&userId=1", []string{"userId"}},
			{"/transactions", []string{"userId"}},
			{"/transactions?userId=1&limit=0", []string{"limit"}},
			{"/transactions?userId=1&limit=101", []string{"limit"}},
			{"/transactions?userId=1&limit=-1", []string{"limit"}},
			{"/transactions?userId=1&limit=ten", []string{"limit"}},
			{"/transactions?userId=1&limit=18446744073709551617", []string{"limit"}},
			{"/transactions?userId=1&limit=1&limit=2", []string{"limit"}},
			{"/transactions?userId=1&limit=", []string{"limit"}},
			{"/transactions?userId=1&cursor=", []string{"cursor"}},
			{"/transactions?userId=1&cursor=x", []string{"cursor"}},
			{"/transactions?limit=0", []string{"limit", "userId"}},
		} {
			got := a.get(t, c.target)
			assert.Equal(t, http.StatusBadRequest, got.Status, c.target)
			p := got.problem(t)
			assert.Equal(t, "/problems/invalid-request", p.Type, c.target)
			assert.Equal(t, "Bad request", p.Title, c.target)
			assert.Len(t, p.Properties, len(c.fields), c.target)
			for _, field := range c.fields {
				assert.NotEmpty(t, p.Properties[field], c.target)
				assert.Contains(t, p.Detail, field, c.target)
			}
		}
	})
}

// A limit is digits only. JSON Schema, the document's language, can't express that:
// 5.0 is an integer there.
func TestLimitIsDigits(t *testing.T) {
	t.Parallel()
	h, _, _ := newHandler(t)
	for _, limit := range []string{"%2B5", "+5", "-5", "5.0", "5e0", "0x5", "5_0", "%205", "5%00"} {
		for _, event := range []func(request) map[string]any{event2, event1} {
			got := invoke(t, h, encode(t, event(request{method: http.MethodGet, target: "/transactions?userId=1&limit=" + limit})))
			assert.Equal(t, http.StatusBadRequest, got.Status, limit)
			assert.NotEmpty(t, got.problem(t).Properties["limit"], limit)
		}
	}
}

// An unreadable query is rejected as a whole.
func TestQueryMalformed(t *testing.T) {
	t.Parallel()
	h, _, _ := newHandler(t)
	for name, send := range map[string]func(*testing.T, request) answer{"http": overHTTP(t, h), "payload 2.0": overEvents(event2)(t, h)} {
		for _, query := range []string{"userId=1&x=%zz", "userId=%ff", "userId=1;x=2"} {
			got := send(t, request{method: http.MethodGet, target: "/balance?" + query})
			assert.Equal(t, http.StatusBadRequest, got.Status, "%s %s", name, query)
		}
	}
}

func TestBodyRefused(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for _, c := range []struct {
			body   string
			fields []string
		}{
			{``, []string{"body"}},
			{` `, []string{"body"}},
			{`null`, []string{"body"}},
			{`[]`, []string{"body"}},
			{`"text"`, []string{"body"}},
			{`{`, []string{"body"}},
			{`{"userId":"1","ammount":"10","type":"credit"}{}`, []string{"body"}},
			{`{"userId":"1","ammount":"10","type":"credit"`, []string{"body"}},
			{`{"userId":"1","ammount":"10","ammount":"10","type":"credit"}`, []string{"body"}},
			{`{"userId":"1","ammount":"10","\u0061mmount":"99","type":"credit"}`, []string{"body"}},
			{`{"userId":"1","ammount":"10","type":"credit","x":{"y":1,"y":2}}`, []string{"body"}},
			{`{"userId":"\ud800","ammount":"10","type":"credit"}`, []string{"body"}},
			{`{"userId":"1","ammount":010,"type":"credit"}`, []string{"body"}},
			{`{"userId":"1","ammount":NaN,"type":"credit"}`, []string{"body"}},
			{`{"userId":"1","ammount":+1,"type":"credit"}`, []string{"body"}},
			{`{"userId":"1","ammount":.5,"type":"credit"}`, []string{"body"}},
			{`{}`, []string{"userId", "ammount", "type"}},
			{`{"UserId":"1","Ammount":"10","TYPE":"credit"}`, []string{"userId", "ammount", "type"}},
			{`{"userId":1,"ammount":"10","type":"credit"}`, []string{"userId"}},
			{`{"userId":null,"ammount":null,"type":null}`, []string{"userId", "ammount", "type"}},
			{`{"userId":"","ammount":"10","type":"credit"}`, []string{"userId"}},
			{`{"userId":" 1","ammount":"10","type":"credit"}`, []string{"userId"}},
			{`{"userId":"a\u0000b","ammount":"10","type":"credit"}`, []string{"userId"}},
			{`{"userId":"1","ammount":"10","type":"transfer"}`, []string{"type"}},
			{`{"userId":"1","ammount":"10","type":"Credit"}`, []string{"type"}},
			{`{"userId":"1","ammount":"10","type":["credit"]}`, []string{"type"}},
			{`{"userId":"1","ammount":true,"type":"credit"}`, []string{"ammount"}},
			{`{"userId":"1","ammount":["10"],"type":"credit"}`, []string{"ammount"}},
			{`{"userId":"1","ammount":{"n":"10"},"type":"credit"}`, []string{"ammount"}},
			{`{"userId":"1","ammount":"10","type":"credit","currency":"EUR"}`, []string{"currency"}},
			{`{"userId":"1","ammount":"10","type":"credit","currency":"usd"}`, []string{"currency"}},
			{`{"userId":"1","ammount":"10","type":"credit","currency":["USD"]}`, []string{"currency"}},
			{`{"userId":"1","ammount":"10","amount":"11","type":"credit"}`, []string{"amount"}},
			{`{"userId":"1","amount":"0","type":"credit"}`, []string{"amount"}},
		} {
			got := a.post(t, "1", c.body)
			assert.Equal(t, http.StatusBadRequest, got.Status, c.body)
			p := got.problem(t)
			assert.Equal(t, "/problems/invalid-request", p.Type, c.body)
			assert.Len(t, p.Properties, len(c.fields), "%s: %v", c.body, p.Properties)
			for _, field := range c.fields {
				assert.NotEmpty(t, p.Properties[field], c.body)
			}
		}
		assert.Equal(t, "100", a.Balance(t, "1"))
		assert.Equal(t, http.StatusCreated, a.post(t, "1", body("1", "1", "credit")).Status, "the key is unused")
	})
}

func TestAmounts(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for _, refused := range []string{
			`"0"`, `"0.0"`, `"0.00"`, `"0.001"`, `"-1"`, `"-1000000"`, `"+1"`, `"1e3"`, `"1E3"`, `" 1"`, `"1 "`, `""`,
			`"NaN"`, `"Infinity"`, `".5"`, `"5."`, `"1,5"`, `"0x10"`, `"1000000000000.01"`, `"` + strings.Repeat("9", 40) + `"`,
			`0`, `-1`, `1e3`, `1E-2`, `0.001`, `10.000`, `1000000000000.01`, `12345678901234567890`, strings.Repeat("9", 1000),
		} {
			got := a.post(t, "1", `{"userId":"1","ammount":`+refused+`,"type":"credit"}`)
			assert.Equal(t, http.StatusBadRequest, got.Status, "%.60s", refused)
			assert.NotEmpty(t, got.problem(t).Properties["ammount"], "%.60s", refused)
		}
		assert.Equal(t, "100", a.Balance(t, "1"))
		for i, c := range []struct{ in, out string }{
			{`"0.01"`, "0.01"}, {`"10"`, "10"}, {`"10.0"`, "10"}, {`"110.50"`, "110.5"}, {`"007"`, "7"}, {`"1000000000000"`, "1000000000000"},
			{`0.01`, "0.01"}, {`10`, "10"}, {`10.10`, "10.1"}, {`1000000000000.00`, "1000000000000"}, {`999999999999.99`, "999999999999.99"},
			{`9007199254.99`, "9007199254.99"}, {`4503599627.37`, "4503599627.37"},
		} {
			got := a.post(t, fmt.Sprintf("amount-%d", i), `{"userId":"rich","ammount":`+c.in+`,"type":"credit","currency":"USD"}`)
			assert.Equal(t, http.StatusCreated, got.Status, c.in)
			assert.Contains(t, got.Body, `"ammount":"`+c.out+`"`, c.in)
		}
	})
}

// By this trick the replaced design paid out.
func TestPrototypeNames(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for _, trick := range []string{
			`{"ammount":"-1000000","type":"debit","userId":"1","constructor":{}}`,
			`{"ammount":"-1000000","type":"debit","userId":"1","__proto__":{"ammount":"1"}}`,
			`{"ammount":"1","type":"anything","userId":"1","constructor":{}}`,
		} {
			assert.Equal(t, http.StatusBadRequest, a.post(t, "1", trick).Status, trick)
		}
		assert.Equal(t, "100", a.Balance(t, "1"))
		got := a.post(t, "constructor", body("__proto__", "1", "credit"))
		assert.Equal(t, http.StatusCreated, got.Status)
		assert.Equal(t, "101", a.Balance(t, "__proto__"))
	})
}

func TestKeyHeader(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		post := func(header map[string]string) answer {
			return a.send(t, request{http.MethodPost, "/transactions", header, body("1", "1", "credit")})
		}
		first := post(map[string]string{"Idempotent-Key": `a"b\c`})
		require.Equal(t, http.StatusCreated, first.Status)
		for _, same := range []map[string]string{
			{"idempotent-key": `a"b\c`},
			{"Idempotency-Key": `a"b\c`},
			{"Idempotency-Key": `"a\"b\\c"`},
			{"IDEMPOTENT-KEY": `a"b\c`, "Idempotency-Key": `"a\"b\\c"`},
		} {
			got := post(same)
			assert.Equal(t, http.StatusCreated, got.Status, "%v", same)
			assert.Equal(t, first.Body, got.Body, "%v", same)
			assert.Equal(t, "true", got.Header.Get("Idempotent-Replayed"), "%v", same)
		}
		for _, refused := range []map[string]string{
			{},
			{"Idempotent-Key": ""},
			{"Idempotent-Key": `""`},
			{"Idempotent-Key": `"a`},
			{"Idempotent-Key": `"a"b`},
			{"Idempotent-Key": `"a\b"`},
			{"Idempotent-Key": `"a\`},
			{"Idempotent-Key": `"a";p=1`},
			{"Idempotent-Key": "é"},
			{"Idempotent-Key": "a,a"},
			{"Idempotency-Key": "a,b"},
			{"Idempotent-Key": `"a","a"`},
			{"Idempotent-Key": strings.Repeat("k", 256)},
			{"Idempotent-Key": "a", "Idempotency-Key": "b"},
			{"Idempotent-Key": "a", "Idempotency-Key": ""},
		} {
			got := post(refused)
			assert.Equal(t, http.StatusBadRequest, got.Status, "%v", refused)
			assert.NotEmpty(t, got.problem(t).Properties["Idempotent-Key"], "%v", refused)
		}
		assert.Equal(t, "101", a.Balance(t, "1"))
		assert.Equal(t, http.StatusCreated, post(map[string]string{"Idempotent-Key": strings.Repeat("k", 255)}).Status)
	})
}

func TestAllFieldsAtOnce(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		wrong := request{method: http.MethodPost, target: "/transactions", body: `{"userId":" ","ammount":"0","type":"x","currency":"EUR"}`}
		got := a.send(t, wrong)
		assert.Equal(t, http.StatusBadRequest, got.Status)
		assert.Equal(t, got.Body, a.send(t, wrong).Body, "the same call, the same bytes")
		p := got.problem(t)
		for _, field := range []string{"Idempotent-Key", "userId", "ammount", "type", "currency"} {
			assert.NotEmpty(t, p.Properties[field], field)
		}
		assert.Len(t, p.Properties, 5)
	})
}

func TestBodySize(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		fitting := func(size int) string {
			frame := `{"userId":"1","ammount":"1","type":"credit","note":""}`
			return strings.Replace(frame, `""`, `"`+strings.Repeat("n", size-len(frame))+`"`, 1)
		}
		got := a.post(t, "1", fitting(16<<10+1))
		assert.Equal(t, http.StatusRequestEntityTooLarge, got.Status)
		assert.Equal(t, "/problems/body-too-large", got.problem(t).Type)
		assert.Equal(t, "100", a.Balance(t, "1"))
		assert.Equal(t, http.StatusCreated, a.post(t, "1", fitting(16<<10)).Status)
	})
}

func TestRoutes(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for _, c := range []struct {
			method, path string
			status       int
			allow        string
		}{
			{"GET", "/", 404, ""},
			{"GET", "/balances", 404, ""},
			{"GET", "/balance/", 404, ""},
			{"POST", "/transactions/1%2Fcapture", 404, ""},
			{"GET", "/Balance", 404, ""},
			{"GET", "/transactions/", 404, ""},
			{"GET", "/transactions/" + id11 + "/", 404, ""},
			{"GET", "/transactions/a/b", 404, ""},
			{"POST", "/transactions/a/b", 404, ""},
			{"POST", "/", 404, ""},
			{"POST", "/balance", 405, "GET, HEAD"},
			{"DELETE", "/balance", 405, "GET, HEAD"},
			{"OPTIONS", "/balance", 405, "GET, HEAD"},
			{"PUT", "/transactions", 405, "GET, HEAD, POST"},
			{"PATCH", "/transactions", 405, "GET, HEAD, POST"},
			{"POST", "/transactions/" + id11, 405, "GET, HEAD"},
			{"DELETE", "/transactions/" + id11, 405, "GET, HEAD"},
		} {
			got := a.send(t, request{method: c.method, target: c.path})
			assert.Equal(t, c.status, got.Status, "%s %s", c.method, c.path)
			assert.Equal(t, c.allow, got.Header.Get("Allow"), "%s %s", c.method, c.path)
			p := got.problem(t)
			assert.Equal(t, c.path, p.Instance, "%s %s", c.method, c.path)
			assert.Equal(t, map[int]string{404: "/problems/not-found", 405: "/problems/method-not-allowed"}[c.status], p.Type)
			assert.Equal(t, "no-store", got.Header.Get("Cache-Control"))
		}
	})
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		require.Equal(t, http.StatusCreated, a.post(t, "1", body("1", "1", "credit")).Status)
		for target, status := range map[string]int{
			"/balance?userId=1":      200,
			"/balance":               400,
			"/transactions?userId=1": 200,
			"/transactions/" + id11:  200,
			"/transactions/none":     404,
			"/nothing":               404,
		} {
			got := a.send(t, request{method: http.MethodHead, target: target})
			assert.Equal(t, status, got.Status, target)
			assert.Empty(t, got.Body, target)
			assert.Equal(t, a.get(t, target).Header.Get("Content-Type"), got.Header.Get("Content-Type"), target)
		}
	})
}
