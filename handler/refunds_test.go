package handler_test

import (
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

func TestRefundRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one, sale := a.pending(t, "one", body("1", "10", "debit")), a.pending(t, "sale", withFee)
		transfer := a.pending(t, "transfer", transferOf("1", "2"))
		most := a.pending(t, "most", entries("", slices.Repeat([]string{entry("1", "1", "credit")}, 99)...))
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
			{most, "entries", []string{"", "{}"}}, // more than fit in one write
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
