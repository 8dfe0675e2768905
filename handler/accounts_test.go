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
