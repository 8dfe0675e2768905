package handler_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

func TestCaptureRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		id := a.pending(t, "k", holdBody("1", "40"))
		// A null could capture the whole instead of a part.
		for fields, bodies := range map[string][]string{
			"ammount":          {`{"ammount":"40.01"}`, `{"ammount":"0"}`, `{"ammount":null}`, `{"ammount":null,"amount":"5"}`, `{"ammount":null,"amount":null}`},
			"amount":           {`{"amount":"1000"}`, `{"amount":"x"}`, `{"amount":null}`, `{"ammount":"5","amount":null}`},
			"ammount currency": {`{"ammount":"0","currency":"EUR"}`},
			"currency":         {`{"currency":"EUR"}`},
			"body":             {`[]`, `{"ammount":"1","ammount":"1"}`, `null`},
		} {
			for _, sent := range bodies {
				assertInvalid(t, a.end(t, id, "capture", sent), sent, strings.Fields(fields)...)
			}
		}
		assert.Equal(t, `{"data":{"balance":"60","held":"40"}}`, a.get(t, "/balance?userId=1").Body)
	})
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

// No code runs when a hold expires: one second later every answer shows it as
// expired. A payment's credit has no row, before the release is written and after it, so
// no answer has its id.
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
		late := a.end(t, id, "capture", "").problem(t) // writes the release
		assert.Equal(t, []string{"/problems/hold-ended", "expired"}, []string{late.Type, late.Ended})
	}
	lines := a.get(t, "/transactions?userId=1").Body
	assert.Equal(t, 1, strings.Count(lines, `"type":"expiry","ammount":"40","status":"expired","createdAt":"2026-11-22T12:01:01.005Z"`), lines)
	assert.Equal(t, 1, strings.Count(lines, `"status":"pending"`), "the history is as it was written")
	assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=shop").Body)
}
