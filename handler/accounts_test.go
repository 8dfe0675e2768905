package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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

func TestAccountsRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for fields, bodies := range map[string][]string{
			"body": {
				``, `[]`, `{"userId":"1"}`, `{"userId":"1","debits":null,"credits":null,"creditLimit":null}`,
				`{"userId":"1","debits":"blocked","debits":"allowed"}`,
			},
			"userId debits credits creditLimit": {`{"debits":"stopped","credits":1,"creditLimit":true}`},
			"debits":                            {`{"userId":"1","debits":"Blocked"}`},
			"creditLimit": {
				`{"userId":"1","creditLimit":"-1"}`, `{"userId":"1","creditLimit":"0.001"}`, `{"userId":"1","creditLimit":"1000000000000.01"}`,
			},
			"currency metadata": {`{"userId":"1","creditLimit":"5","currency":"EUR","metadata":{"a":1}}`},
			"userId metadata":   {`{"userId":" ","creditLimit":"5","metadata":[]}`},
		} {
			for _, sent := range bodies {
				assertInvalid(t, a.rule(t, "k", sent), sent, strings.Fields(fields)...)
			}
		}
		keyless := request{method: http.MethodPost, target: "/accounts", body: `{"userId":"1","debits":"blocked"}`}
		assertInvalid(t, a.send(t, keyless), "no key", "Idempotent-Key")
		assert.Empty(t, a.Network.Requests(), "nothing reaches DynamoDB")
	})
}

// A block declines for ever, and the problem names it.
func TestBlocked(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		pending := a.pending(t, "order", paymentBody("payer", "1", "40"))
		require.Equal(t, http.StatusCreated, a.rule(t, "close", `{"userId":"1","debits":"blocked","credits":"blocked"}`).Status)
		assert.Equal(t, `{"data":{"balance":"100","blocked":["debits","credits"]}}`, a.get(t, "/balance?userId=1").Body)

		debit := a.post(t, "debit", body("1", "101", "debit"))
		p := debit.problem(t)
		assert.Equal(t, []any{http.StatusUnprocessableEntity, "/problems/account-blocked", []string{"debits"}, "/transactions/" + p.ID, ""},
			[]any{debit.Status, p.Type, p.Blocked, debit.Header.Get("Location"), p.Balance}, "a block is the first reason")
		assert.Nil(t, p.Entry)
		assert.Equal(t, "/problems/account-blocked", a.post(t, "hold", holdBody("1", "1")).problem(t).Type)
		transfer := a.post(t, "transfer", entries("", entry("payer", "1", "debit"), entry("1", "1", "credit"))).problem(t)
		assert.Equal(t, []any{[]string{"credits"}, 1}, []any{transfer.Blocked, *transfer.Entry})
		capture := a.end(t, pending, "capture", "")
		c := capture.problem(t)
		assert.Equal(t, []any{"/problems/account-blocked", []string{"credits"}, "", ""}, []any{c.Type, c.Blocked, c.ID, capture.Header.Get("Location")})
		assert.Contains(t, a.get(t, "/transactions/"+pending).Body, `"status":"pending"`)
		assert.Contains(t, a.get(t, debit.Header.Get("Location")).Body, `"status":"declined"`)

		require.Equal(t, http.StatusCreated, a.rule(t, "open", `{"userId":"1","debits":"allowed","credits":"allowed"}`).Status)
		assertReplay(t, debit, a.post(t, "debit", body("1", "101", "debit")), "late")
		assert.Equal(t, http.StatusOK, a.end(t, pending, "capture", "").Status)
		assert.Equal(t, `{"data":{"balance":"140"}}`, a.get(t, "/balance?userId=1").Body)
	})
}

// A limit in use stays, and so does the declined change.
func TestCreditInUse(t *testing.T) {
	everyDoorInMemory(t, func(t *testing.T, a *api) {
		require.Equal(t, http.StatusCreated, a.rule(t, "lend", `{"userId":"1","creditLimit":"50"}`).Status)
		require.Equal(t, http.StatusCreated, a.post(t, "spend", body("1", "110", "debit")).Status)
		const end = `{"userId":"1","creditLimit":"0","debits":"blocked"}`
		got := a.rule(t, "end", end)
		p := got.problem(t)
		assert.Equal(t, []any{http.StatusUnprocessableEntity, "/problems/credit-in-use", "40", "/transactions/" + p.ID},
			[]any{got.Status, p.Type, p.Balance, got.Header.Get("Location")})
		assert.Contains(t, a.get(t, got.Header.Get("Location")).Body, `"type":"account","status":"declined"`)
		require.Equal(t, http.StatusCreated, a.post(t, "pay back", body("1", "10", "credit")).Status)
		assertReplay(t, got, a.rule(t, "end", end), end)
		assert.Equal(t, http.StatusCreated, a.rule(t, "end again", `{"userId":"1","creditLimit":"0"}`).Status)
		assert.Equal(t, `{"data":{"balance":"0"}}`, a.get(t, "/balance?userId=1").Body)

		a.Fill(t, "rich")
		limit := a.rule(t, "more", `{"userId":"rich","creditLimit":"101"}`).problem(t)
		assert.Equal(t, []string{"/problems/balance-limit", "999999999999900", "1000000000000000"}, []string{limit.Type, limit.Balance, limit.Limit})
	})
}
