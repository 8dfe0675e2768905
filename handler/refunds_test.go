package handler_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refunded returns what a transaction has refunded.
func (a *api) refunded(t *testing.T, id string) string {
	t.Helper()
	return a.get(t, "/transactions/"+id+"/refunds").Body
}

// transferOf returns the body of a transfer of 10.
func transferOf(from, to string) string {
	return entries("", entry(from, "10", "debit"), entry(to, "10", "credit"))
}

func TestRefund(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		original := a.post(t, "1", body("1", "30", "debit"))
		assert.Equal(t, `{"data":{"refunds":0,"entries":[{"entry":0,"ammount":"30","refunded":"0"}]}}`, a.refunded(t, id11))
		first := a.refund(t, id11, "part", `{"ammount":"20.00","metadata":{"why":"late"}}`)
		require.Equal(t, http.StatusCreated, first.Status, first.Body)
		id := first.id()
		assert.Equal(t, `{"data":{"id":"`+id+`","userId":"1","type":"credit","ammount":"20","status":"posted",`+
			`"createdAt":"2026-11-22T12:00:00.005Z","metadata":{"why":"late"},"refundOf":"`+id11+`"}}`, first.Body)
		assert.Equal(t, first.Body, a.get(t, "/transactions/"+id).Body)
		assert.Equal(t, original.Body, a.get(t, "/transactions/"+id11).Body, "the original's own answer does not change")
		assert.Contains(t, a.get(t, "/transactions?userId=1").Body, `"refundOf":"`+id11+`"`)
		assert.Equal(t, "90", a.Balance(t, "1"))
		for _, same := range []string{
			`{"amount":20,"metadata":{"why":"late"}}`, `{"entries":[{"entry":0,"ammount":"20"}],"metadata":{"why":"late"},"note":1}`,
		} {
			assertReplay(t, first, a.refund(t, id11, "part", same), same)
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
		for i, whole := range []string{
			"", "{}", `{"note":1,"metadata":null,"currency":null}`,
			`{"entries":[{"entry":0,"ammount":"10"},{"entry":1,"ammount":9},{"entry":2,"ammount":"1.00","currency":"USD"}]}`,
			`{"entries":[{"entry":0,"amount":"10"},{"entry":1,"amount":"9"},{"entry":2,"amount":"1"}]}`,
		} {
			sale := a.pending(t, fmt.Sprint("sale ", i), withFee)
			got := a.refund(t, sale, fmt.Sprint("refund ", i), whole)
			require.Equal(t, http.StatusCreated, got.Status, "%s: %s", whole, got.Body)
			id := parseID(t, got.id())
			assert.Contains(t, got.Body, `"entries":[{"id":"`+id.String()+`","userId":"1","type":"credit","ammount":"10"},`+
				`{"id":"`+id.Entry(1).String()+`","userId":"2","type":"debit","ammount":"9"},`+
				`{"id":"`+id.Entry(2).String()+`","userId":"shop","type":"debit","ammount":"1"}],"refundOf":"`+sale+`"`)
			for i := range 3 {
				assert.Contains(t, a.get(t, "/transactions/"+id.Entry(i).String()).Body, `"refundOf":"`+sale+`"`)
			}
			limit := a.refund(t, sale, "again", `{"entries":[{"entry":2,"ammount":"0.01"}]}`).problem(t)
			assert.Equal(t, []any{"/problems/refund-limit", "0", 2}, []any{limit.Type, limit.Refundable, *limit.Entry})
			for _, user := range []string{"1", "2", "shop"} {
				assert.Equal(t, "100", a.Balance(t, user))
			}
		}
	})
}

func TestRefundRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one, sale := a.pending(t, "one", body("1", "10", "debit")), a.pending(t, "sale", withFee)
		transfer := a.pending(t, "transfer", transferOf("1", "2"))
		parts := func(places ...string) string {
			for i, place := range places {
				places[i] = `{"entry":` + place + `,"ammount":"1"}`
			}
			return `{"entries":[` + strings.Join(places, ",") + `]}`
		}
		for _, c := range []struct {
			id, fields string
			bodies     []string
		}{
			{one, "body", []string{`[]`, `null`, `{"ammount":"1","ammount":"1"}`}},
			// A null could refund the whole instead of a part.
			{one, "ammount", []string{`{"ammount":"0"}`, `{"ammount":"1.001"}`, `{"ammount":"10.01"}`, `{"ammount":null}`}},
			{one, "amount", []string{`{"amount":"10.01"}`, `{"ammount":"1","amount":"2"}`, `{"ammount":"1","amount":null}`}},
			{one, "currency", []string{`{"ammount":"1","currency":"EUR"}`}},
			{one, "metadata", []string{`{"metadata":1}`}},
			{one, "entries ammount", []string{`{"entries":null,"ammount":null}`}},
			{transfer, "ammount", []string{`{"ammount":"10.01"}`}},
			{sale, "ammount", []string{`{"ammount":"1"}`}},
			{sale, "amount", []string{`{"amount":"1"}`}},
			{one, "ammount", []string{`{"ammount":"1","entries":[{"entry":0,"ammount":"1"}]}`}},
			{one, "entries", []string{`{"entries":[]}`, `{"entries":{}}`, `{"entries":null}`, parts(slices.Repeat([]string{"0"}, 51)...)}},
			{one, "entries[0]", []string{`{"entries":[null]}`}},
			{one, "entries[0].entry entries[0].ammount", []string{`{"entries":[{}]}`}},
			{one, "entries[0].entry", []string{parts(`"0"`), parts("0.0"), parts("-1"), parts("null"), parts("1")}},
			{sale, "entries[0].entry entries[1].entry", []string{parts("3", "98")}},
			{sale, "entries[1].entry entries[2].entry", []string{parts("1", "1", "0")}},
			{sale, "entries[0].ammount entries[1].ammount", []string{`{"entries":[{"entry":0,"ammount":"10.01"},{"entry":2,"ammount":"1.01"}]}`}},
			{sale, "entries[0].ammount entries[0].currency", []string{`{"entries":[{"entry":0,"ammount":"x","currency":"EUR"}]}`}},
		} {
			for _, sent := range c.bodies {
				assertInvalid(t, a.refund(t, c.id, "k", sent), sent, strings.Fields(c.fields)...)
			}
		}
		assertInvalid(t, a.send(t, request{method: http.MethodPost, target: "/transactions/" + one + "/refunds"}), "no key", "Idempotent-Key")
		assert.Equal(t, `{"data":{"refunds":0,"entries":[{"entry":0,"ammount":"10","refunded":"0"}]}}`, a.refunded(t, one))
	})
}

// As many entries as fit in one write are refunded at once; more are refunded in parts.
func TestRefundOfTooMany(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		id := a.pending(t, "k", entries("", slices.Repeat([]string{entry("1", "1", "credit")}, 99)...))
		for _, sent := range []string{"", "{}"} {
			got := a.refund(t, id, "r", sent)
			assertInvalid(t, got, sent, "entries")
			assert.Contains(t, got.problem(t).Properties["entries"][0], "must name entries for several refunds")
		}
		assert.Equal(t, http.StatusCreated, a.refund(t, id, "r", `{"entries":[{"entry":98,"ammount":"1"}]}`).Status)
	})
}
