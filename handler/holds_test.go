package handler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

func TestCapture(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for i, c := range []struct{ body, captured string }{
			{"", "40"}, {"{}", "40"}, {`{"ammount":"40"}`, "40"}, {`{"ammount":25}`, "25"}, {`{"amount":"25.00","currency":"USD","note":1}`, "25"},
			{`{"ammount":"5","currency":null,"metadata":null,"expiresIn":null,"userId":null,"note":null}`, "5"},
		} {
			user := fmt.Sprintf("user %d", i)
			id := a.pending(t, "k", holdBody(user, "40"))
			got := a.end(t, id, "capture", c.body)
			assert.Equal(t, http.StatusOK, got.Status, c.body)
			assert.Equal(t, fmt.Sprintf(`{"data":{"id":%q,"userId":%q,"type":"debit","ammount":"40","status":"posted",`+
				`"createdAt":"2026-11-22T12:00:00.005Z","expiresAt":"2026-11-22T12:01:00.005Z","captured":%q}}`, id, user, c.captured), got.Body)
			assert.Empty(t, got.Header.Values("Idempotent-Replayed"), c.body)
			assertReplay(t, got, a.end(t, id, "capture", `{"ammount":"`+c.captured+`"}`), c.body)
			assert.Equal(t, got.Body, a.get(t, "/transactions/"+id).Body)
		}
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

func TestHoldEnded(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		captured, voided := a.pending(t, "1", holdBody("1", "40")), a.pending(t, "2", holdBody("1", "30"))
		require.Equal(t, http.StatusOK, a.end(t, captured, "capture", `{"ammount":"25"}`).Status)
		require.Equal(t, http.StatusOK, a.end(t, voided, "void", "").Status)
		for _, c := range []struct{ id, how, body, ended string }{
			{captured, "capture", "", "captured"},
			{captured, "capture", `{"ammount":"24"}`, "captured"},
			{captured, "void", "", "captured"},
			{voided, "capture", "", "voided"},
		} {
			p := a.end(t, c.id, c.how, c.body).problem(t)
			assert.Equal(t, []string{"/problems/hold-ended", c.ended, "/transactions/" + c.id + "/" + c.how}, []string{p.Type, p.Ended, p.Instance}, c)
		}
		assertInvalid(t, a.end(t, captured, "capture", `{"ammount":"41"}`), "more than was held, always", "ammount")
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

// A capture does not lift its receiver above the limit. Voiding a hold may, and the
// description allows such a balance.
func TestHoldsAtTheLimit(t *testing.T) {
	everyDoorInMemory(t, func(t *testing.T, a *api) {
		a.Fill(t, "rich") // 100 below the limit
		id := a.pending(t, "order", paymentBody("1", "rich", "60"))
		require.Equal(t, http.StatusCreated, a.post(t, "k", body("rich", "50", "credit")).Status)
		got := a.end(t, id, "capture", "")
		p := got.problem(t)
		assert.Equal(t, http.StatusUnprocessableEntity, got.Status)
		assert.Equal(t, []string{"/problems/balance-limit", "999999999999950", "1000000000000000", ""}, []string{p.Type, p.Balance, p.Limit, p.ID})
		assert.Equal(t, http.StatusOK, a.end(t, id, "capture", `{"ammount":"50"}`).Status, "the hold has not ended")

		id = a.pending(t, "1", holdBody("rich", "40"))
		require.Equal(t, http.StatusCreated, a.post(t, "2", body("rich", "40", "credit")).Status)
		require.Equal(t, http.StatusOK, a.end(t, id, "void", "").Status)
		assert.Equal(t, `{"data":{"balance":"1000000000000040"}}`, a.get(t, "/balance?userId=rich").Body)
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
	id, other := a.pending(t, "1", paymentBody("1", "shop", "40")), a.pending(t, "2", holdBody("1", "50"))
	at := func(after time.Duration) { now = noon.Add(after) }
	assertExpired := func() {
		got := a.get(t, "/transactions/"+id).Body
		assert.Contains(t, got, `"status":"expired"`)
		assert.Contains(t, got, `"entries":[{"id":"`+id+`","userId":"1","type":"debit","ammount":"40"},{"userId":"shop","type":"credit","ammount":"40"}]`)
	}

	at(time.Minute + 999*time.Millisecond)
	assert.Equal(t, `{"data":{"balance":"10","held":"90"}}`, a.get(t, "/balance?userId=1").Body)
	assert.Contains(t, a.get(t, "/transactions/"+id).Body, `"status":"pending"`)
	at(time.Minute + time.Second)
	assert.Equal(t, `{"data":{"balance":"100"}}`, a.get(t, "/balance?userId=1").Body)
	assertExpired()
	assert.NotContains(t, a.get(t, "/transactions?userId=1").Body, "expiry", "no release is written")
	assert.Equal(t, "expired", a.refund(t, id, "r", "").problem(t).TransactionStatus)

	at(time.Minute)
	for range 2 {
		got := a.end(t, id, "capture", "").problem(t)
		assert.Equal(t, []string{"/problems/hold-ended", "expired"}, []string{got.Type, got.Ended})
	}
	assertExpired()
	at(time.Minute + time.Second)
	require.Equal(t, http.StatusCreated, a.post(t, "3", body("1", "100", "debit")).Status, "what has expired is spent")
	assert.Equal(t, "expired", a.end(t, other, "void", "").problem(t).Ended)
	lines := a.get(t, "/transactions?userId=1").Body
	assert.Equal(t, 1, strings.Count(lines, `"type":"expiry","ammount":"40","status":"expired","createdAt":"2026-11-22T12:01:00.005Z"`), lines)
	assert.Equal(t, 1, strings.Count(lines, `"type":"expiry","ammount":"50","status":"expired","createdAt":"2026-11-22T12:01:01.005Z"`), lines)
	assert.Equal(t, 2, strings.Count(lines, `"status":"pending"`), "the history is as it was written")
	assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=shop").Body)
}
