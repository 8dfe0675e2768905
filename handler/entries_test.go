package handler_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These are the further entries' ids, for user 1's key 1.
const (
	id11Entry1 = "7138156f-89dc-8de1-89e1-9a973f72bcac"
	id11Entry2 = "e9871193-7468-8feb-9b27-ef4b67bd7a44"
)

func entry(user, amount, kind string) string {
	return fmt.Sprintf(`{"userId":%q,"ammount":%q,"type":%q}`, user, amount, kind)
}

// entries returns a transaction's body with those entries, and other members.
func entries(members string, all ...string) string {
	return `{"entries":[` + strings.Join(all, ",") + `]` + members + `}`
}

var withFee = entries("", entry("1", "10", "debit"), entry("2", "9", "credit"), entry("shop", "1", "credit"))

func TestTransfer(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		got := a.post(t, "1", withFee)
		assert.Equal(t, http.StatusCreated, got.Status)
		const whole = `{"data":{"id":"` + id11 + `","status":"posted","createdAt":"2026-11-22T12:00:00.005Z","entries":[` +
			`{"id":"` + id11 + `","userId":"1","type":"debit","ammount":"10"},` +
			`{"id":"` + id11Entry1 + `","userId":"2","type":"credit","ammount":"9"},` +
			`{"id":"` + id11Entry2 + `","userId":"shop","type":"credit","ammount":"1"}]}}`
		assert.Equal(t, whole, got.Body)
		assert.Equal(t, "/transactions/"+id11, got.Header.Get("Location"))
		assert.Empty(t, got.Header.Values("Idempotent-Replayed"))
		for user, balance := range map[string]string{"1": "90", "2": "109", "shop": "101"} {
			assert.Equal(t, `{"data":{"balance":"`+balance+`"}}`, a.get(t, "/balance?userId="+user).Body, user)
		}
		assert.Equal(t, whole, a.get(t, got.Header.Get("Location")).Body)
		assert.Equal(t, `{"data":{"id":"`+id11Entry2+`","userId":"shop","type":"credit","ammount":"1","status":"posted",`+
			`"createdAt":"2026-11-22T12:00:00.005Z","transactionId":"`+id11+`"}}`, a.get(t, "/transactions/"+strings.ToUpper(id11Entry2)).Body)

		again := a.post(t, "1", strings.ReplaceAll(withFee, `"ammount":"9"`, `"ammount":9.0,"note":{}`))
		assert.Equal(t, http.StatusCreated, again.Status)
		assert.Equal(t, whole, again.Body)
		assert.Equal(t, got.Header.Get("Location"), again.Header.Get("Location"))
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
		assert.Equal(t, "90", a.Balance(t, "1"))
	})
}

// A list with one entry and the short body are the same transaction.
func TestEntriesOfOne(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		short, long := body("1", "10", "credit"), entries("", entry("1", "10.00", "credit"))
		for key, bodies := range map[string][]string{"short first": {short, long}, "long first": {long, short}} {
			first := a.post(t, key, bodies[0])
			assert.Equal(t, http.StatusCreated, first.Status)
			assert.Contains(t, first.Body, `"userId":"1","type":"credit","ammount":"10","status":"posted"`)
			assert.NotContains(t, first.Body, "entries")
			again := a.post(t, key, bodies[1])
			assert.Equal(t, first.Body, again.Body)
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
		}
		declined := a.post(t, "declined", entries("", entry("1", "1000", "debit")))
		assert.Nil(t, declined.problem(t).Entry)
		assert.Equal(t, declined.Body, a.post(t, "declined", body("1", "1000", "debit")).Body)
	})
}

func TestDeclineOfEntries(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		a.Fill(t, "rich")
		for i, c := range []struct {
			entries        []string
			kind, detail   string
			place          int
			balance, limit string
		}{
			{[]string{entry("1", "100.01", "debit"), entry("2", "100.01", "credit")}, "insufficient-funds", "Your balance can't be negative.", 0, "100", ""},
			{[]string{entry("1", "60", "debit"), entry("2", "1", "credit"), entry("1", "60", "debit")}, "insufficient-funds", "Your balance can't be negative.", 2, "40", ""},
			{[]string{entry("2", "1", "debit"), entry("rich", "101", "credit")}, "balance-limit", "Your balance can't be above the limit.", 1, "999999999999900", "1000000000000000"},
		} {
			key := fmt.Sprint(i)
			first := a.post(t, key, entries("", c.entries...))
			assert.Equal(t, http.StatusUnprocessableEntity, first.Status)
			id := strings.TrimPrefix(first.Header.Get("Location"), "/transactions/")
			assert.Len(t, id, 36)
			assert.Equal(t, problem{
				Type: "/problems/" + c.kind, Title: "Unprocessable entity", Status: 422, Detail: c.detail, Instance: "/transactions",
				ID: id, Entry: &c.place, Balance: c.balance, Limit: c.limit,
			}, first.problem(t))
			again := a.post(t, key, entries("", c.entries...))
			assert.Equal(t, first.Body, again.Body)
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
			stored := a.get(t, "/transactions/"+id).Body
			assert.Contains(t, stored, `"status":"declined"`)
			assert.Contains(t, stored, `"entries":[{"userId":`, "the entries of a declined one have no ids")
			assert.Equal(t, len(c.entries), strings.Count(stored, `"userId"`))
		}
		for _, user := range []string{"1", "2"} {
			assert.Equal(t, "100", a.Balance(t, user))
		}
	})
}

func TestReuseOfEntries(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one, two, shop := entry("1", "10", "debit"), entry("2", "9", "credit"), entry("shop", "1", "credit")
		const order = `,"metadata":{"order":"7"}`
		require.Equal(t, http.StatusCreated, a.post(t, "1", entries(order, one, two, shop)).Status)
		require.Equal(t, http.StatusCreated, a.post(t, "short", strings.TrimSuffix(body("1", "1", "credit"), "}")+order+"}").Status)
		for _, c := range []struct {
			key, body string
			differs   []string
		}{
			{"1", entries(order, one, shop, two), []string{"entries"}},
			{"1", entries(order, one, two), []string{"entries"}},
			{"1", entries(order, one), []string{"entries"}},
			{"1", entries(order, one, two, shop, shop), []string{"entries"}},
			{"1", entries(order, one, two, entry("shop", "1.01", "credit")), []string{"entries"}},
			{"1", entries("", one, two, shop), []string{"metadata"}},
			{"1", entries(`,"metadata":{}`, one, two, shop), []string{"metadata"}},
			{"1", entries(`,"metadata":{"order":"8"}`, one, two, shop), []string{"metadata"}},
			{"1", entries("", one, two), []string{"entries", "metadata"}},
			{"1", body("1", "10", "debit"), []string{"entries", "metadata"}},
			{"short", entries(order, entry("1", "1", "credit"), two), []string{"entries"}},
			{"short", body("1", "1", "credit"), []string{"metadata"}},
			{"short", body("1", "2", "debit"), []string{"type", "ammount", "metadata"}},
		} {
			got := a.post(t, c.key, c.body)
			assert.Equal(t, http.StatusUnprocessableEntity, got.Status, c.body)
			p := got.problem(t)
			assert.Equal(t, "/problems/idempotency-key-reused", p.Type, c.body)
			assert.Len(t, p.Properties, len(c.differs), "%s: %v", c.body, p.Properties)
			for _, member := range c.differs {
				assert.Contains(t, p.Properties, member, c.body)
			}
		}
		assert.Equal(t, "91", a.Balance(t, "1"))
	})
}

func TestMetadata(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		const sorted = `"metadata":{"a":"<\"&\\/>","note":"` + "\u2028用" + `","order":"7"}`
		const sent = `"metadata":{"order":"7","note":"\u2028\u7528","a":"<\"&\\\/>"}`
		short := strings.TrimSuffix(body("1", "10", "credit"), "}") + "," + sent + "}"
		for key, sending := range map[string]string{"short": short, "long": entries(","+sent, entry("1", "1", "debit"), entry("2", "1", "credit"))} {
			got := a.post(t, key, sending)
			require.Equal(t, http.StatusCreated, got.Status)
			assert.Contains(t, got.Body, sorted, key)
			assert.Equal(t, got.Body, a.get(t, got.Header.Get("Location")).Body, key)
			again := a.post(t, key, strings.Replace(sending, sent, sorted, 1))
			assert.Equal(t, got.Body, again.Body)
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"), key)
		}
		refused := a.post(t, "declined", entries(","+sent, entry("1", "1000", "debit"), entry("2", "1", "credit")))
		assert.Contains(t, a.get(t, refused.Header.Get("Location")).Body, sorted)
		for user, lines := range map[string]int{"1": 3, "2": 0} {
			for { // the index may lag behind
				page := a.get(t, "/transactions?userId="+user).Body
				if user == "1" && strings.Count(page, `"createdAt"`) < 3 {
					continue
				}
				assert.Equal(t, lines, strings.Count(page, sorted), user)
				break
			}
		}
		none := a.post(t, "none", body("1", "1", "credit"))
		assert.NotContains(t, none.Body, "metadata")
		assert.Equal(t, none.Body, a.post(t, "none", strings.TrimSuffix(body("1", "1", "credit"), "}")+`,"metadata":{}}`).Body, "{} is none")
	})
}

// The history has a line for each posted entry, and one line for a declined
// transaction.
func TestHistoryOfEntries(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		require.Equal(t, http.StatusCreated, a.post(t, "1", withFee).Status)
		require.Equal(t, http.StatusUnprocessableEntity, a.post(t, "declined", entries("", entry("1", "1", "debit"), entry("2", "1000", "debit"))).Status)
		line := func(id, user, kind, amount string) string {
			return `{"id":"` + id + `","userId":"` + user + `","type":"` + kind + `","ammount":"` + amount +
				`","status":"posted","createdAt":"2026-11-22T12:00:00.005Z","transactionId":"` + id11 + `"}`
		}
		assert.Equal(t, `{"data":[`+line(id11Entry1, "2", "credit", "9")+`]}`, a.get(t, "/transactions?userId=2").Body)
		assert.Equal(t, `{"data":[`+line(id11Entry2, "shop", "credit", "1")+`]}`, a.get(t, "/transactions?userId=shop").Body)
		own := a.get(t, "/transactions?userId=1").Body
		assert.Contains(t, own, line(id11, "1", "debit", "10"))
		assert.Contains(t, own, `"status":"declined","createdAt":"2026-11-22T12:00:00.005Z","entries":[`+
			`{"userId":"1","type":"debit","ammount":"1"},{"userId":"2","type":"debit","ammount":"1000"}]}`)
		assert.Equal(t, 2, strings.Count(own, `"createdAt"`))
	})
}

func TestEntriesRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one, two := entry("1", "10", "debit"), entry("2", "10", "credit")
		users := make([]string, 51)
		for i := range users {
			users[i] = entry(fmt.Sprint("user ", i), "1", "credit")
		}
		for _, c := range []struct {
			body   string
			fields []string
		}{
			{`{"entries":{}}`, []string{"entries"}},
			{`{"entries":"[]"}`, []string{"entries"}},
			{`{"entries":[]}`, []string{"entries"}},
			{`{"entries":[1]}`, []string{"entries[0]"}},
			{entries("", one, "null", "[]", two), []string{"entries[1]", "entries[2]"}},
			{entries("", "{}"), []string{"entries[0].userId", "entries[0].ammount", "entries[0].type"}},
			{entries("", one, `{"userId":"2","type":"credit"}`), []string{"entries[1].ammount"}},
			{entries("", one, entry("2", "0", "credit")), []string{"entries[1].ammount"}},
			{entries("", one, two, `{"userId":"3","amount":"0.001","type":"credit"}`), []string{"entries[2].amount"}},
			{entries("", one, `{"userId":"2","ammount":"1","amount":"2","type":"credit"}`), []string{"entries[1].amount"}},
			{entries("", one, entry(" ", "1", "transfer")), []string{"entries[1].userId", "entries[1].type"}},
			{entries("", entry("1", "x", "debit"), entry("2", "y", "credit")), []string{"entries[0].ammount", "entries[1].ammount"}},
			{entries("", one, `{"userId":"2","ammount":"1","type":"credit","currency":"EUR"}`), []string{"entries[1].currency"}},
			{entries(`,"currency":"EUR"`, one, two), []string{"currency"}},
			{entries(`,"currency":"EUR"`, one, `{"userId":"2","ammount":"1","type":"credit","currency":"usd"}`), []string{"currency", "entries[1].currency"}},
			{entries("", one, `{"userId":"2","ammount":"1","type":"credit","metadata":{}}`), []string{"entries[1].metadata"}},
			{entries("", one, `{"userId":"2","ammount":"1","type":"credit","metadata":[],"expiresIn":1}`), []string{"entries[1].metadata", "entries[1].expiresIn"}},
			{entries(`,"userId":"1"`, one), []string{"userId"}},
			{entries(`,"ammount":"10"`, one), []string{"ammount"}},
			{entries(`,"amount":"10"`, one), []string{"amount"}},
			{entries(`,"type":"debit"`, one), []string{"type"}},
			{entries(`,"userId":1,"ammount":1,"amount":1,"type":1`, one, two), []string{"userId", "ammount", "amount", "type"}},
			{entries("", users...), []string{"entries"}},
			{entries("", slices.Repeat([]string{entry("1", "1", "credit")}, 100)...), []string{"entries"}},
			{entries("", slices.Repeat([]string{"1"}, 100)...), []string{"entries"}}, // not each entry
			{entries("", append(slices.Repeat([]string{one}, 98), two)...), []string{"entries"}},
			{entries("", one, `{"userId":"2","userId":"2","ammount":"10","type":"credit"}`), []string{"body"}},
			{entries(`,"entries":[]`, one), []string{"body"}},
			{entries(`,"metadata":[]`, one, two), []string{"metadata"}},
			{entries(`,"metadata":"{}"`, one, two), []string{"metadata"}},
			{entries(`,"metadata":{"a":1}`, one, two), []string{"metadata"}},
			{entries(`,"metadata":{"a":null}`, one, two), []string{"metadata"}},
			{entries(`,"metadata":{"a":{"b":"c"}}`, one, two), []string{"metadata"}},
			{entries(`,"metadata":{"a":"1","a":"1"}`, one, two), []string{"body"}},
			{entries(`,"metadata":{"a":"\ud800"}`, one, two), []string{"body"}},
			{entries(`,"metadata":{"n":"`+strings.Repeat("x", 505)+`"}`, one, two), []string{"metadata"}},
			{`{"userId":"1","ammount":"10","type":"credit","metadata":` + memberTexts(t, 21) + `}`, []string{"metadata"}},
			{`{"userId":" ","ammount":"10","type":"credit","metadata":0}`, []string{"userId", "metadata"}},
		} {
			got := a.post(t, "1", c.body)
			assert.Equal(t, http.StatusBadRequest, got.Status, "%.300s", c.body)
			p := got.problem(t)
			assert.Equal(t, "/problems/invalid-request", p.Type, "%.300s", c.body)
			assert.Len(t, p.Properties, len(c.fields), "%.300s: %v", c.body, p.Properties)
			for _, field := range c.fields {
				assert.NotEmpty(t, p.Properties[field], "%.300s: %v", c.body, p.Properties)
				assert.Contains(t, p.Detail, field)
			}
		}
		for _, user := range []string{"1", "2"} {
			assert.Equal(t, "100", a.Balance(t, user))
		}
		assert.Equal(t, http.StatusCreated, a.post(t, "1", withFee).Status, "the key is unused")
	})
}

// memberTexts returns an object with that many members, each a text.
func memberTexts(t *testing.T, n int) string {
	t.Helper()
	members := map[string]string{}
	for i := range n {
		members[fmt.Sprint(i)] = ""
	}
	text, err := json.Marshal(members)
	require.NoError(t, err)
	return string(text)
}

// As many entries are posted as the contract allows.
func TestMostEntries(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		payroll := []string{entry("boss", "49", "debit")}
		for i := range 49 {
			payroll = append(payroll, entry(fmt.Sprint("worker ", i), "1", "credit"))
		}
		got := a.post(t, "1", entries(`,"currency":"USD"`, payroll...))
		assert.Equal(t, http.StatusCreated, got.Status)
		assert.Equal(t, 50, strings.Count(got.Body, `"userId"`))
		assert.Equal(t, "101", a.Balance(t, "worker 48"))

		sales := slices.Repeat([]string{`{"userId":"shop","amount":0.01,"type":"credit","currency":"USD"}`}, 99)
		assert.Equal(t, http.StatusCreated, a.post(t, "1", entries(`,"metadata":`+memberTexts(t, 20), sales...)).Status)
		assert.Equal(t, "100.99", a.Balance(t, "shop"))

		full := strings.Repeat("x", 512-len(`{"n":""}`))
		assert.Equal(t, http.StatusCreated, a.post(t, "full", entries(`,"metadata":{"n":"`+full+`"}`, entry("1", "1", "credit"))).Status)

		tooLarge := entries(`,"note":"`+strings.Repeat("n", 16<<10)+`"`, entry("1", "1", "credit"))
		assert.Equal(t, http.StatusRequestEntityTooLarge, a.post(t, "large", tooLarge).Status)
	})
}
