package handler_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// id11 is the id of user 1's transaction with key 1.
const id11 = "47b9e303-c943-824b-a25b-f2db8fa4f6ab"

// missing is an id that no transaction has.
const missing = "00000000-0000-8000-8000-000000000000"

func TestPost(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		got := a.post(t, "1", body("1", "10.50", "credit"))
		assert.Equal(t, http.StatusCreated, got.Status)
		assert.Equal(t, `{"data":{"id":"`+id11+`","userId":"1","type":"credit","ammount":"10.5","status":"posted","createdAt":"2026-11-22T12:00:00.005Z"}}`, got.Body)
		assert.Equal(t, "/transactions/"+id11, got.Header.Get("Location"))
		assert.Equal(t, "no-store", got.Header.Get("Cache-Control"))
		assert.Empty(t, got.Header.Values("Idempotent-Replayed"))
		assert.Equal(t, `{"data":{"balance":"110.5"}}`, a.get(t, "/balance?userId=1").Body)
		for _, path := range []string{got.Header.Get("Location"), "/transactions/" + strings.ToUpper(id11)} {
			assert.Equal(t, got.Body, a.get(t, path).Body)
		}
		for _, path := range []string{"/transactions/1", "/transactions/" + missing} {
			none := a.get(t, path)
			assert.Equal(t, http.StatusNotFound, none.Status, path)
			assert.Equal(t, []string{"/problems/not-found", path}, []string{none.problem(t).Type, none.problem(t).Instance})
		}
	})
}

// Each pair is one transaction in two notations. Sending either one replays the other.
func TestReplay(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		const sorted = `"metadata":{"a":"<\"&\\/>","note":"` + "\u2028用" + `","order":"7"}`
		const sent = `"metadata":{"order":"7","note":"\u2028\u7528","a":"<\"&\\\/>"}`
		two := entry("1", "0.1", "debit") + "," + entry("2", "0.1", "credit")
		for i, c := range [][2]string{
			{body("1", "10", "credit"), `{"userId":"1","ammount":10,"type":"credit"}`},
			{body("1", "10", "credit"), `{"userId":"1","ammount":10.0,"type":"credit","note":"another member"}`},
			{body("1", "10", "credit"), ` { "type" : "credit", "amount" : "0010.00", "userId" : "\u0031" } `},
			{body("1", "10", "credit"), entries("", entry("1", "10.00", "credit"))},
			{body("1", "10", "credit"), `{"userId":"1","ammount":"10","type":"credit","metadata":{}}`},
			{withFee, strings.Replace(withFee, `"ammount":"9"`, `"ammount":9.0,"note":{}`, 1)},
			{holdBody("1", "0.10"), holdBody("1", "0.1")},
			// Declined transactions are replayed too.
			{body("1", "100000", "debit"), `{"userId":"1","amount":100000,"type":"debit"}`},
			{entries("", entry("1", "100000", "debit")), body("1", "100000", "debit")},
			// Metadata may be sent with its members in any order and with any escapes.
			{`{"userId":"1","ammount":"1","type":"credit",` + sent + `}`, `{"userId":"1","ammount":"1","type":"credit",` + sorted + `}`},
			{`{"entries":[` + two + `],` + sent + `}`, `{"entries":[` + two + `],` + sorted + `}`},
			// Generated clients send null for unset members.
			{body("1", "1", "credit"), `{"userId":"1","ammount":"1","amount":null,"type":"credit","currency":null}`},
			{body("1", "2", "credit"), `{"userId":"1","ammount":null,"amount":"2","type":"credit","entries":null}`},
			{body("1", "3", "credit"), `{"userId":"1","ammount":"3","type":"credit","metadata":null,"balanced":null,"note":null}`},
			{body("1", "7", "debit"), `{"userId":null,"ammount":null,"amount":null,"type":null,"currency":null,"metadata":null,"entries":[` + entry("1", "7", "debit") + `]}`},
			{body("1", "8", "debit"), `{"entries":[{"userId":"1","ammount":"8","amount":null,"type":"debit","currency":null,"metadata":null,"balanced":null,"note":null}]}`},
			{holdBody("1", "9"), `{"userId":"1","ammount":"9","type":"debit","expiresIn":60,"currency":null,"entries":null,"metadata":null}`},
			// The member "balanced" is neither kept nor compared.
			{`{"entries":[` + two + `]}`, `{"entries":[` + two + `],"balanced":true}`},
			{`{"entries":[` + two + `],"balanced":false}`, `{"entries":[` + two + `],"balanced":null}`},
			{body("1", "1", "credit"), `{"userId":"1","ammount":"1","type":"credit","balanced":false}`},
			{`{"entries":[` + two + `],"expiresIn":60}`, `{"entries":[` + two + `],"expiresIn":60,"balanced":true}`},
		} {
			for _, order := range [][2]string{c, {c[1], c[0]}} {
				key := fmt.Sprint(i, order[0] == c[0])
				first := a.post(t, key, order[0])
				assert.Contains(t, []int{http.StatusCreated, http.StatusUnprocessableEntity}, first.Status, "%s: %s", order[0], first.Body)
				assert.Empty(t, first.Header.Get("Idempotent-Replayed"))
				assert.NotContains(t, first.Body, "balanced")
				assert.Equal(t, strings.Contains(order[0], "order"), strings.Contains(first.Body, sorted), "%s: %s", order[0], first.Body)
				if first.Status == http.StatusCreated {
					assert.Equal(t, first.Body, a.get(t, first.Header.Get("Location")).Body)
				}
				assertReplay(t, first, a.post(t, key, order[1]), order[1])
				assertReplay(t, first, a.post(t, key, order[0]), order[0])
			}
		}
	})
}

// A different transaction with the same key moves no money, and the problem names the
// members that differ.
func TestKeyReused(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one, two, shop := entry("1", "10", "debit"), entry("2", "9", "credit"), entry("shop", "1", "credit")
		const order = `,"metadata":{"order":"7"}`
		for key, first := range map[string]string{
			"short": body("1", "10", "credit"), "ordered": `{"userId":"1","ammount":"1","type":"credit"` + order + `}`,
			"long": entries(order, one, two, shop), "hold": holdBody("1", "1"),
		} {
			require.Equal(t, http.StatusCreated, a.post(t, key, first).Status)
		}
		for _, c := range []struct{ key, body, differs string }{
			{"short", body("1", "10", "debit"), "type"},
			{"short", body("1", "10.01", "credit"), "ammount"},
			{"short", body("1", "5000", "debit"), "type ammount"},
			{"ordered", body("1", "1", "credit"), "metadata"},
			{"ordered", body("1", "2", "debit"), "type ammount metadata"},
			{"ordered", entries(order, entry("1", "1", "credit"), two), "entries"},
			{"long", entries(order, one, shop, two), "entries"},
			{"long", entries(`,"metadata":{}`, one, two, shop), "metadata"},
			{"long", entries("", one, two), "entries metadata"},
			{"long", body("1", "10", "debit"), "entries metadata"},
			{"hold", body("1", "1", "debit"), "expiresIn"},
			{"hold", strings.Replace(holdBody("1", "1"), ":60}", ":61}", 1), "expiresIn"},
		} {
			got := a.post(t, c.key, c.body)
			assertReused(t, got, strings.Fields(c.differs)...)
			assert.Empty(t, got.Header.Values("Idempotent-Replayed"), c.body)
			assert.Empty(t, got.Header.Values("Location"), c.body)
		}
		sale := a.pending(t, "sale", body("1", "10", "debit"))
		assertReused(t, a.refund(t, sale, "short", ""), "refundOf")
		assertReused(t, a.refund(t, sale, "ordered", ""), "refundOf", "ammount", "metadata")
		assert.Equal(t, `{"data":{"balance":"90","held":"1"}}`, a.get(t, "/balance?userId=1").Body)
	})
}

// A declined transaction is one line in the history of its first entry's user. Its entries
// have no ids. It stays declined even after the user has enough money.
func TestDecline(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		sent := entries("", entry("1", "60", "debit"), entry("2", "1", "credit"), entry("1", "60", "debit"))
		first := a.post(t, "k", sent)
		stored := a.get(t, first.Header.Get("Location")).Body
		assert.Contains(t, stored, `"status":"declined"`)
		assert.Contains(t, stored, `"entries":[{"userId":`)
		assert.Equal(t, 3, strings.Count(stored, `"userId"`))
		a.pending(t, "more", body("1", "1000", "credit"))
		assertReplay(t, first, a.post(t, "k", sent), sent)
		line := strings.TrimSuffix(strings.TrimPrefix(stored, `{"data":`), "}")
		assert.Equal(t, 1, strings.Count(a.get(t, "/transactions?userId=1").Body, line))
		assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=2").Body)
	})
}

// A page has fifty lines unless the call sets another limit.
func TestHistory(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=1").Body)
		a.Credit(t, "1", slices.Repeat([]string{"1"}, 51)...)
		for _, c := range []struct {
			limit       string
			first, last int
		}{{"", 50, 1}, {"&limit=50", 50, 1}, {"&limit=27", 27, 24}, {"&limit=51", 51, 0}, {"&limit=100", 51, 0}} {
			page := a.get(t, "/transactions?userId=1"+c.limit)
			assert.Equal(t, c.first, strings.Count(page.Body, `"status":"posted"`), c.limit)
			assert.Equal(t, page.Body, a.get(t, "/transactions?userId=1"+c.limit).Body, "the same call, the same bytes")
			if c.last == 0 {
				assert.Empty(t, nextOf(page), c.limit)
				continue
			}
			last := a.get(t, "/transactions?userId=1"+c.limit+"&cursor="+nextOf(page))
			assert.Equal(t, c.last, strings.Count(last.Body, `"status":"posted"`), c.limit)
			assert.Empty(t, nextOf(last), c.limit)
			assertInvalid(t, a.get(t, "/transactions?userId=2&cursor="+nextOf(page)), "another user's", "cursor")
		}
	})
}

// nextOf returns a page's cursor, or "" for the last page.
func nextOf(page answer) string {
	_, cursor, _ := strings.Cut(page.Body, `"next":"`)
	return strings.TrimSuffix(cursor, `"}`)
}

// memberTexts returns an object with n members, each an empty string.
func memberTexts(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"%d":""`, i)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestPaymentOnHold(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		first := a.post(t, "order", paymentBody("1", "shop", "40"))
		id := first.id()
		assert.Contains(t, first.Body, `"status":"pending"`)
		assert.Contains(t, first.Body, `"entries":[{"id":"`+id+`","userId":"1","type":"debit","ammount":"40"},`)
		assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=shop").Body)

		captured := a.end(t, id, "capture", `{"ammount":"25"}`)
		assert.Equal(t, strings.Replace(strings.Replace(first.Body, "pending", "posted", 1), `"entries"`, `"captured":"25","entries"`, 1), captured.Body)
		assert.Equal(t, "75", a.Balance(t, "1"))
		assert.Equal(t, "125", a.Balance(t, "shop"))

		line := a.get(t, "/transactions?userId=shop").Body
		assert.Contains(t, line, `"type":"credit","ammount":"25","status":"posted","createdAt":"2026-11-22T12:00:00.005Z","transactionId":"`+id+`"}]}`)
		credit := line[strings.Index(line, `"id":"`)+6:][:36]
		assert.Contains(t, a.get(t, "/transactions/"+credit).Body, `"ammount":"25"`)
		assert.Equal(t, http.StatusNotFound, a.end(t, credit, "void", "").Status, "an entry's id")
		payer := a.get(t, "/transactions?userId=1").Body
		assert.Contains(t, payer, `"type":"debit","ammount":"40","status":"pending"`)
		assert.Contains(t, payer, `"type":"capture","ammount":"25","status":"posted","createdAt":"2026-11-22T12:00:00.005Z","transactionId":"`+id+`"}`)

		voided := a.pending(t, "another", paymentBody("1", "shop", "40"))
		assert.Contains(t, a.end(t, voided, "void", "").Body,
			`"entries":[{"id":"`+voided+`","userId":"1","type":"debit","ammount":"40"},{"userId":"shop","type":"credit","ammount":"40"}]`,
			"the credit has no row, and gets none")
	})
}

// No code runs when a hold expires, but from one second later every answer reports it as
// expired. An expired payment's credit never gets a row, so no answer has its id.
func TestExpiry(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	now := noon
	l := ledger.New(books.Store, func() time.Time { return now })
	h := handler.New(l, handler.NewLogger(t.Output(), "ledger", "7"), handler.Access{Authorization: handler.None})
	a := &api{Books: books, send: overEvents(event2)(t, h)}
	id := a.pending(t, "1", paymentBody("1", "shop", "40"))
	now = noon.Add(time.Minute + time.Second)
	assert.Equal(t, `{"data":{"balance":"100"}}`, a.get(t, "/balance?userId=1").Body)
	for range 2 {
		got := a.get(t, "/transactions/"+id).Body
		assert.Contains(t, got, `"status":"expired"`)
		assert.Contains(t, got, `"entries":[{"id":"`+id+`","userId":"1","type":"debit","ammount":"40"},{"userId":"shop","type":"credit","ammount":"40"}]`)
		assert.Equal(t, "expired", a.refund(t, id, "r", "").problem(t).TransactionStatus)
		late := a.end(t, id, "capture", "").problem(t) // also writes the release
		assert.Equal(t, []string{"/problems/hold-ended", "expired"}, []string{late.Type, late.Ended})
	}
	lines := a.get(t, "/transactions?userId=1").Body
	assert.Equal(t, 1, strings.Count(lines, `"type":"expiry","ammount":"40","status":"expired","createdAt":"2026-11-22T12:01:01.005Z"`), lines)
	assert.Equal(t, 1, strings.Count(lines, `"status":"pending"`), "the history is as it was written")
	assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=shop").Body)
}

func TestAccounts(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		first := a.rule(t, "limit-1", `{"userId":"1","debits":"blocked","credits":"allowed","creditLimit":50.0,"metadata":{"case":"7"},"other":1}`)
		require.Equal(t, http.StatusCreated, first.Status, first.Body)
		location := first.Header.Get("Location")
		assert.Equal(t, `{"data":{"id":"`+first.id()+`","userId":"1","type":"account","status":"posted","createdAt":"2026-11-22T12:00:00.005Z",`+
			`"metadata":{"case":"7"},"debits":"blocked","credits":"allowed","creditLimit":"50"}}`, first.Body)
		assert.Equal(t, first.Body, a.get(t, location).Body)
		assert.Equal(t, `{"data":{"balance":"150","creditLimit":"50","blocked":["debits"]}}`, a.get(t, "/balance?userId=1").Body)
		assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=1").Body)

		const same = `{"userId":"1","credits":"allowed","creditLimit":"50.00","debits":"blocked","currency":"USD","metadata":{"case":"7"}}`
		assertReplay(t, first, a.rule(t, "limit-1", same), same)
		for _, c := range []struct{ body, differs string }{
			{`{"userId":"1","debits":"allowed","creditLimit":"0","metadata":{"case":"8"}}`, "debits credits creditLimit metadata"},
			{`{"userId":"1","credits":"blocked","debits":"blocked","metadata":null}`, "credits creditLimit metadata"},
		} {
			assertReused(t, a.rule(t, "limit-1", c.body), strings.Fields(c.differs)...)
		}
		assertReused(t, a.post(t, "limit-1", body("1", "1", "credit")), "type", "metadata")
		assert.Equal(t, http.StatusCreated, a.rule(t, "limit-1", `{"userId":"2","debits":"blocked"}`).Status, "another user's key")
	})
}

func TestRefund(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		original := a.post(t, "1", body("1", "30", "debit"))
		first := a.refund(t, id11, "part", `{"ammount":"20.00","metadata":{"why":"late"}}`)
		require.Equal(t, http.StatusCreated, first.Status, first.Body)
		id := first.id()
		assert.Equal(t, `{"data":{"id":"`+id+`","userId":"1","type":"credit","ammount":"20","status":"posted",`+
			`"createdAt":"2026-11-22T12:00:00.005Z","metadata":{"why":"late"},"refundOf":"`+id11+`"}}`, first.Body)
		assert.Equal(t, first.Body, a.get(t, "/transactions/"+id).Body)
		assert.Equal(t, original.Body, a.get(t, "/transactions/"+id11).Body, "the original's own answer does not change")
		assert.Contains(t, a.get(t, "/transactions?userId=1").Body, `"refundOf":"`+id11+`"`)
		assert.Equal(t, "90", a.Balance(t, "1"))
	})
}

func TestRoutes(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for allow, calls := range map[string][]string{
			"": {
				"GET /", "GET /balances", "GET /balance/", "GET /Balance", "GET /transactions/", "POST /", "GET /transactions/" + id11 + "/",
				"GET /transactions/a/b", "POST /transactions/a/b", "POST /transactions/1%2Fcapture",
			},
			"GET, HEAD": {
				"POST /balance", "DELETE /balance", "OPTIONS /balance", "POST /transactions/" + id11, "DELETE /transactions/" + id11,
			},
			"GET, HEAD, POST": {"PUT /transactions", "PATCH /transactions", "DELETE /transactions/" + id11 + "/refunds"},
			"POST":            {"GET /accounts", "GET /transactions/" + id11 + "/void", "PUT /transactions/" + id11 + "/capture"},
		} {
			for _, call := range calls {
				method, path, _ := strings.Cut(call, " ")
				got := a.send(t, request{method: method, target: path})
				status, kind := http.StatusMethodNotAllowed, "/problems/method-not-allowed"
				if allow == "" {
					status, kind = http.StatusNotFound, "/problems/not-found"
				}
				assert.Equal(t, status, got.Status, call)
				assert.Equal(t, allow, got.Header.Get("Allow"), call)
				assert.Equal(t, []string{path, kind}, []string{got.problem(t).Instance, got.problem(t).Type}, call)
			}
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
