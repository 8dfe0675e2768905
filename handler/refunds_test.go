package handler_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

func (a *api) refund(t *testing.T, id, key, body string) answer {
	t.Helper()
	return a.send(t, request{http.MethodPost, "/transactions/" + id + "/refunds", map[string]string{"Idempotent-Key": key}, body})
}

func (a *api) refunded(t *testing.T, id string) string {
	t.Helper()
	return a.get(t, "/transactions/"+id+"/refunds").Body
}

func TestRefund(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		original := a.post(t, "1", body("1", "30", "debit"))
		assert.Equal(t, `{"data":{"refunds":0,"entries":[{"entry":0,"ammount":"30","refunded":"0"}]}}`, a.refunded(t, id11))
		first := a.refund(t, id11, "part", `{"ammount":"20.00","metadata":{"why":"late"}}`)
		require.Equal(t, http.StatusCreated, first.Status, first.Body)
		id := strings.TrimPrefix(first.Header.Get("Location"), "/transactions/")
		assert.Equal(t, `{"data":{"id":"`+id+`","userId":"1","type":"credit","ammount":"20","status":"posted",`+
			`"createdAt":"2026-11-22T12:00:00.005Z","metadata":{"why":"late"},"refundOf":"`+id11+`"}}`, first.Body)
		assert.Equal(t, first.Body, a.get(t, "/transactions/"+id).Body)
		assert.Equal(t, original.Body, a.get(t, "/transactions/"+id11).Body, "the original's own answer does not change")
		assert.Contains(t, a.get(t, "/transactions?userId=1").Body, `"refundOf":"`+id11+`"`)
		assert.Equal(t, "90", a.Balance(t, "1"))

		for _, same := range []string{`{"amount":20,"metadata":{"why":"late"}}`, `{"entries":[{"entry":0,"ammount":"20"}],"metadata":{"why":"late"},"note":1}`} {
			again := a.refund(t, id11, "part", same)
			assert.Equal(t, first.Body, again.Body, same)
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"), same)
		}
		limit := a.refund(t, id11, "more", "")
		assert.Equal(t, http.StatusUnprocessableEntity, limit.Status)
		p := limit.problem(t)
		assert.Equal(t, []string{"/problems/refund-limit", "10", "/transactions/" + id11 + "/refunds"}, []string{p.Type, p.Refundable, p.Instance})
		assert.Nil(t, p.Entry, "there is one")
		assert.Empty(t, limit.Header.Get("Location"))
		assert.Equal(t, http.StatusCreated, a.refund(t, id11, "more", `{"ammount":"10"}`).Status, "the key was not used up")
		assert.Equal(t, "0", a.refund(t, id11, "most", "{}").problem(t).Refundable)
		assert.Equal(t, `{"data":{"refunds":2,"entries":[{"entry":0,"ammount":"30","refunded":"30"}]}}`, a.refunded(t, id11))
	})
}

func TestRefundOfAll(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for i, whole := range []string{"", "{}", `{"note":1,"metadata":null,"currency":null}`, `{"entries":[{"entry":0,"ammount":"10"},{"entry":1,"ammount":9},{"entry":2,"ammount":"1.00","currency":"USD"}]}`,
			`{"entries":[{"entry":0,"amount":"10"},{"entry":1,"amount":"9"},{"entry":2,"amount":"1"}]}`} {
			sale := a.pending(t, fmt.Sprint("sale ", i), withFee)
			got := a.refund(t, sale, fmt.Sprint("refund ", i), whole)
			require.Equal(t, http.StatusCreated, got.Status, "%s: %s", whole, got.Body)
			var answered struct {
				Data struct {
					RefundOf string
					Entries  []struct{ ID, UserID, Type, Ammount string }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(got.Body), &answered))
			assert.Equal(t, sale, answered.Data.RefundOf)
			require.Len(t, answered.Data.Entries, 3)
			for j, want := range []string{"1 credit 10", "2 debit 9", "shop debit 1"} {
				e := answered.Data.Entries[j]
				assert.Equal(t, want, e.UserID+" "+e.Type+" "+e.Ammount)
				line := a.get(t, "/transactions/"+e.ID).Body
				assert.Contains(t, line, `"refundOf":"`+sale+`"`)
			}
			limit := a.refund(t, sale, "again", `{"entries":[{"entry":2,"ammount":"0.01"}]}`).problem(t)
			assert.Equal(t, []any{"/problems/refund-limit", "0", 2}, []any{limit.Type, limit.Refundable, *limit.Entry})
			for _, user := range []string{"1", "2", "shop"} {
				assert.Equal(t, "100", a.Balance(t, user))
			}
		}
	})
}

func TestRefundRefused(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one, sale := a.pending(t, "one", body("1", "10", "debit")), a.pending(t, "sale", withFee)
		transfer := a.pending(t, "transfer", entries("", entry("1", "10", "debit"), entry("2", "10", "credit")))
		const part = `{"entry":%s,"ammount":"1"}`
		parts := func(places ...string) string {
			var all []string
			for _, place := range places {
				all = append(all, fmt.Sprintf(part, place))
			}
			return `{"entries":[` + strings.Join(all, ",") + `]}`
		}
		for _, c := range []struct {
			id, body string
			fields   []string
		}{
			{one, `[]`, []string{"body"}},
			{one, `null`, []string{"body"}},
			{one, `{"ammount":"1","ammount":"1"}`, []string{"body"}},
			{one, `{"ammount":"0"}`, []string{"ammount"}},
			{one, `{"ammount":"1.001"}`, []string{"ammount"}},
			{one, `{"ammount":"10.01"}`, []string{"ammount"}},
			{one, `{"amount":"10.01"}`, []string{"amount"}},
			{one, `{"ammount":"1","amount":"2"}`, []string{"amount"}},
			{one, `{"ammount":"1","currency":"EUR"}`, []string{"currency"}},
			{one, `{"metadata":1}`, []string{"metadata"}},
			{one, `{"ammount":null}`, []string{"ammount"}},
			{one, `{"ammount":"1","amount":null}`, []string{"amount"}},
			{one, `{"entries":null}`, []string{"entries"}},
			{one, `{"entries":null,"ammount":null}`, []string{"entries", "ammount"}},
			{transfer, `{"ammount":"10.01"}`, []string{"ammount"}},
			{sale, `{"ammount":"1"}`, []string{"ammount"}},
			{sale, `{"amount":"1"}`, []string{"amount"}},
			{one, `{"ammount":"1","entries":[{"entry":0,"ammount":"1"}]}`, []string{"ammount"}},
			{one, `{"entries":[]}`, []string{"entries"}},
			{one, `{"entries":{}}`, []string{"entries"}},
			{one, parts(strings.Split(strings.Repeat("0 ", 51), " ")[:51]...), []string{"entries"}},
			{one, `{"entries":[null]}`, []string{"entries[0]"}},
			{one, `{"entries":[{}]}`, []string{"entries[0].entry", "entries[0].ammount"}},
			{one, parts(`"0"`), []string{"entries[0].entry"}},
			{one, parts("0.0"), []string{"entries[0].entry"}},
			{one, parts("-1"), []string{"entries[0].entry"}},
			{one, parts("null"), []string{"entries[0].entry"}},
			{one, parts("1"), []string{"entries[0].entry"}},
			{sale, parts("3", "98"), []string{"entries[0].entry", "entries[1].entry"}},
			{sale, parts("1", "1", "0"), []string{"entries[1].entry", "entries[2].entry"}},
			{sale, `{"entries":[{"entry":0,"ammount":"10.01"},{"entry":2,"ammount":"1.01"}]}`, []string{"entries[0].ammount", "entries[1].ammount"}},
			{sale, `{"entries":[{"entry":0,"ammount":"x","currency":"EUR"}]}`, []string{"entries[0].ammount", "entries[0].currency"}},
		} {
			got := a.refund(t, c.id, "k", c.body)
			assert.Equal(t, http.StatusBadRequest, got.Status, "%s: %s", c.body, got.Body)
			assert.Len(t, got.problem(t).Properties, len(c.fields), "%s: %s", c.body, got.Body)
			for _, field := range c.fields {
				assert.NotEmpty(t, got.problem(t).Properties[field], "%s: %s", c.body, got.Body)
			}
		}
		got := a.send(t, request{method: http.MethodPost, target: "/transactions/" + one + "/refunds"})
		assert.Equal(t, http.StatusBadRequest, got.Status)
		assert.NotEmpty(t, got.problem(t).Properties["Idempotent-Key"])
		assert.Equal(t, http.StatusRequestEntityTooLarge, a.refund(t, one, "k", strings.Repeat(" ", 16<<10+1)).Status)
		for _, method := range []string{http.MethodPut, http.MethodDelete} {
			got := a.send(t, request{method: method, target: "/transactions/" + one + "/refunds"})
			assert.Equal(t, http.StatusMethodNotAllowed, got.Status)
			assert.Equal(t, "GET, HEAD, POST", got.Header.Get("Allow"))
		}
		assert.Equal(t, `{"data":{"refunds":0,"entries":[{"entry":0,"ammount":"10","refunded":"0"}]}}`, a.refunded(t, one))
	})
}

// As many entries as fit in one write are refunded at once; more are refunded in parts.
func TestRefundOfTooMany(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		all := make([]string, 99)
		for i := range all {
			all[i] = entry("1", "1", "credit")
		}
		id := a.pending(t, "k", entries("", all...))
		for _, sent := range []string{"", "{}"} {
			got := a.refund(t, id, "r", sent)
			assert.Equal(t, http.StatusBadRequest, got.Status, got.Body)
			assert.Contains(t, got.problem(t).Properties["entries"][0], "must name entries for several refunds")
		}
		assert.Equal(t, http.StatusCreated, a.refund(t, id, "r", `{"entries":[{"entry":98,"ammount":"1"}]}`).Status)
	})
}

func TestNotRefundable(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		posted := a.pending(t, "posted", entries("", entry("1", "10", "debit"), entry("2", "10", "credit")))
		refund := strings.TrimPrefix(a.refund(t, posted, "refund", `{"ammount":"4"}`).Header.Get("Location"), "/transactions/")
		pending, voided := a.pending(t, "pending", holdBody("1", "10")), a.pending(t, "voided", holdBody("1", "10"))
		require.Equal(t, http.StatusOK, a.end(t, voided, "void", "").Status)
		declined := a.post(t, "declined", body("1", "1000", "debit")).problem(t).ID
		for id, status := range map[string]string{refund: "posted", pending: "pending", voided: "voided", declined: "declined"} {
			for _, got := range []answer{a.refund(t, id, "k", ""), a.get(t, "/transactions/"+id+"/refunds")} {
				assert.Equal(t, http.StatusUnprocessableEntity, got.Status)
				p := got.problem(t)
				assert.Equal(t, []string{"/problems/not-refundable", status}, []string{p.Type, p.TransactionStatus})
			}
		}
		entryID := ""
		_, entryID, _ = strings.Cut(a.get(t, "/transactions/"+posted).Body, `},{"id":"`)
		hold, err := ledger.ParseTransactionID(voided)
		require.NoError(t, err)
		for _, id := range []string{"none", missing, entryID[:36], hold.End().String()} {
			assert.Equal(t, http.StatusNotFound, a.refund(t, id, "k", "").Status, id)
			assert.Equal(t, http.StatusNotFound, a.get(t, "/transactions/"+id+"/refunds").Status, id)
		}

		// Of a captured payment, the captured amount is refunded.
		payment := a.pending(t, "payment", paymentBody("1", "2", "40"))
		require.Equal(t, http.StatusOK, a.end(t, payment, "capture", `{"ammount":"25"}`).Status)
		assert.Equal(t, `{"data":{"refunds":0,"entries":[{"entry":0,"ammount":"25","refunded":"0"},{"entry":1,"ammount":"25","refunded":"0"}]}}`, a.refunded(t, payment))
		assert.NotEmpty(t, a.refund(t, payment, "too much", `{"ammount":"26"}`).problem(t).Properties["ammount"])
		assert.Equal(t, http.StatusCreated, a.refund(t, payment, "all of it", "").Status)
	})
}

func TestRefundDeclinedOrReused(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		sale := a.pending(t, "sale", entries("", entry("1", "10", "debit"), entry("2", "10", "credit")))
		other := a.pending(t, "other", entries("", entry("1", "10", "debit"), entry("2", "10", "credit")))
		a.pending(t, "spend", body("2", "111", "debit"))
		first := a.refund(t, sale, "r", "")
		p := first.problem(t)
		assert.Equal(t, []any{"/problems/insufficient-funds", "9", 1}, []any{p.Type, p.Balance, *p.Entry})
		assert.Equal(t, "/transactions/"+p.ID, first.Header.Get("Location"))
		assert.Contains(t, a.get(t, "/transactions/"+p.ID).Body, `"refundOf":"`+sale+`"`)
		a.pending(t, "top up", body("2", "100", "credit"))
		again := a.refund(t, sale, "r", `{"ammount":"10"}`)
		assert.Equal(t, first.Body, again.Body)
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))

		a.Fill(t, "rich")
		paid := a.pending(t, "paid", entries("", entry("rich", "10", "debit"), entry("2", "10", "credit")))
		a.pending(t, "salary", body("rich", "105", "credit"))
		full := a.refund(t, paid, "r", "")
		p = full.problem(t)
		assert.Equal(t, []any{"/problems/balance-limit", "999999999999995", 0}, []any{p.Type, p.Balance, *p.Entry})
		assert.Equal(t, "/transactions/"+p.ID, full.Header.Get("Location"))

		const differs = "differs from the first call with this key"
		for _, c := range []struct {
			got    answer
			fields []string
		}{
			{a.refund(t, other, "r", ""), []string{"refundOf"}},
			{a.refund(t, other, "r", `{"ammount":"9"}`), []string{"refundOf", "entries"}},
			{a.refund(t, sale, "r", `{"ammount":"9"}`), []string{"entries"}},
			{a.refund(t, sale, "r", `{"metadata":{"a":"b"}}`), []string{"metadata"}},
			{a.post(t, "r", entries("", entry("1", "10", "credit"), entry("2", "10", "debit"))), []string{"refundOf"}},
			{a.refund(t, sale, "sale", ""), []string{"refundOf", "entries"}},
		} {
			p := c.got.problem(t)
			want := map[string][]string{}
			for _, field := range c.fields {
				want[field] = []string{differs}
			}
			assert.Equal(t, "/problems/idempotency-key-reused", p.Type)
			assert.Equal(t, want, p.Properties)
		}
		assert.Equal(t, 2, strings.Count(a.refunded(t, sale), `"refunded":"0"`))
	})
}

// A receiver whose debits are blocked declines a refund, like any debit, for ever.
func TestRefundOfABlockedReceiver(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		rules := func(key, debits string) {
			got := a.send(t, request{http.MethodPost, "/accounts", map[string]string{"Idempotent-Key": key}, `{"userId":"2","debits":"` + debits + `"}`})
			require.Equal(t, http.StatusCreated, got.Status, got.Body)
		}
		sale := a.pending(t, "sale", entries("", entry("1", "10", "debit"), entry("2", "10", "credit")))
		rules("block", "blocked")
		first := a.refund(t, sale, "r", "")
		assert.Equal(t, "/problems/account-blocked", first.problem(t).Type)
		assert.NotEmpty(t, first.Header.Get("Location"))
		rules("lift", "allowed")
		assert.Equal(t, first.Body, a.refund(t, sale, "r", "").Body)
		assert.Equal(t, 2, strings.Count(a.refunded(t, sale), `"refunded":"0"`))
		assert.Equal(t, http.StatusCreated, a.refund(t, sale, "another key", "").Status)
	})
}

// Refunds are for services only, whatever the token and the transaction, and nothing
// reaches DynamoDB.
func TestRefundsAreForServices(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		service := g.service(h)
		id := service.pending(t, "k", entries("", entry("1", "10", "debit"), entry("shop", "10", "credit")))
		books.Network.Requests()
		for _, a := range []*api{g.user("1", h), g.user("shop", h), g.scoped("1", h), g.scoped("shop", h)} {
			for _, target := range []string{id, missing, "none"} {
				assertForbidden(t, a.refund(t, target, "r", ""), target)
				assertForbidden(t, a.get(t, "/transactions/"+target+"/refunds"), target)
			}
		}
		assert.Empty(t, books.Network.Requests())
		refund := service.refund(t, id, "r", `{"metadata":{"by":"a clerk"}}`)
		assert.Equal(t, http.StatusCreated, refund.Status)
		assert.Equal(t, http.StatusOK, service.get(t, "/transactions/"+id+"/refunds").Status)
		assert.Contains(t, g.user("1", h).get(t, "/transactions?userId=1").Body, `"refundOf":"`+id+`"`)
		assert.Equal(t, refund.Body, g.user("1", h).get(t, refund.Header.Get("Location")).Body, "its own user's")
		assert.Equal(t, http.StatusNotFound, g.user("shop", h).get(t, refund.Header.Get("Location")).Status)

		refundID, err := ledger.ParseTransactionID(strings.TrimPrefix(refund.Header.Get("Location"), "/transactions/"))
		require.NoError(t, err)
		stored, err := books.Store.Transaction(t.Context(), refundID)
		require.NoError(t, err)
		assert.Equal(t, callerARN, stored.PostedBy.String())
	})
}

// A refund's line has its key's user and its own transaction.
func TestRefundLog(t *testing.T) {
	t.Parallel()
	h, _, log := newHandler(t)
	a := &api{send: overEvents(event2)(t, h)}
	id := a.pending(t, "k", body("1", "10", "debit"))
	log.Reset()
	location := a.refund(t, id, "r", "").Header.Get("Location")
	assert.Contains(t, log.String(), `"route":"POST /transactions/{id}/refunds","status":201,`)
	assert.Contains(t, log.String(), `"user":"1","transaction":"`+strings.TrimPrefix(location, "/transactions/")+`","outcome":"posted"`)
	for _, c := range []struct {
		send    func() answer
		outcome string
	}{
		{func() answer { return a.refund(t, id, "r", "") }, "replayed"},
		{func() answer { return a.refund(t, id, "s", "") }, "declined"},
		{func() answer { return a.refund(t, strings.TrimPrefix(location, "/transactions/"), "s", "") }, "rejected"},
		{func() answer { return a.get(t, "/transactions/"+id+"/refunds") }, "read"},
	} {
		log.Reset()
		c.send()
		assert.Contains(t, log.String(), `"outcome":"`+c.outcome+`"`)
	}
}
