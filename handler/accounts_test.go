package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
)

func (a *api) rule(t *testing.T, key, body string) answer {
	t.Helper()
	return a.send(t, request{http.MethodPost, "/accounts", map[string]string{"Idempotent-Key": key}, body})
}

func TestAccounts(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		first := a.rule(t, "limit-1", `{"userId":"1","debits":"blocked","credits":"allowed","creditLimit":50.0,"metadata":{"case":"7"},"other":1}`)
		require.Equal(t, http.StatusCreated, first.Status, first.Body)
		location := first.Header.Get("Location")
		id := strings.TrimPrefix(location, "/transactions/")
		assert.Equal(t, `{"data":{"id":"`+id+`","userId":"1","type":"account","status":"posted","createdAt":"2026-11-22T12:00:00.005Z",`+
			`"metadata":{"case":"7"},"debits":"blocked","credits":"allowed","creditLimit":"50"}}`, first.Body)
		assert.Equal(t, first.Body, a.get(t, location).Body)
		assert.Equal(t, `{"data":{"balance":"150","creditLimit":"50","blocked":["debits"]}}`, a.get(t, "/balance?userId=1").Body)
		assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=1").Body)
		for _, same := range []string{
			`{"userId":"1","credits":"allowed","creditLimit":"50.00","debits":"blocked","currency":"USD","metadata":{"case":"7"}}`,
		} {
			again := a.rule(t, "limit-1", same)
			assert.Equal(t, []any{http.StatusCreated, first.Body, "true", location}, []any{again.Status, again.Body, again.Header.Get("Idempotent-Replayed"), again.Header.Get("Location")})
		}
		for sent, field := range map[string]string{
			`{"userId":"1","debits":"allowed","credits":"allowed","creditLimit":"50","metadata":{"case":"7"}}`:  "debits",
			`{"userId":"1","debits":"blocked","creditLimit":"50","metadata":{"case":"7"}}`:                      "credits",
			`{"userId":"1","debits":"blocked","credits":"allowed","metadata":{"case":"7"}}`:                     "creditLimit",
			`{"userId":"1","debits":"blocked","credits":"allowed","creditLimit":"0","metadata":{"case":"7"}}`:   "creditLimit",
			`{"userId":"1","debits":"blocked","credits":"allowed","creditLimit":"50","metadata":{"case":"8"}}`:  "metadata",
			`{"userId":"1","debits":"blocked","credits":"allowed","creditLimit":"50","metadata":null,"x":null}`: "metadata",
		} {
			p := a.rule(t, "limit-1", sent).problem(t)
			assert.Equal(t, "/problems/idempotency-key-reused", p.Type)
			assert.Equal(t, map[string][]string{field: {"differs from the first call with this key"}}, p.Properties, sent)
		}
		reused := a.post(t, "limit-1", body("1", "1", "credit")).problem(t)
		assert.Equal(t, []string{"/problems/idempotency-key-reused", "differs from the first call with this key"}, []string{reused.Type, reused.Properties["type"][0]})
		assert.Equal(t, http.StatusCreated, a.rule(t, "limit-1", `{"userId":"2","debits":"blocked"}`).Status, "another user's key")

		for _, r := range []request{
			{http.MethodPost, location + "/capture", nil, ""}, {http.MethodPost, location + "/void", nil, ""},
			{http.MethodPost, location + "/refunds", map[string]string{"Idempotent-Key": "r"}, ""}, {method: http.MethodGet, target: location + "/refunds"},
		} {
			assert.Equal(t, http.StatusNotFound, a.send(t, r).Status, "a change of rules is no transaction: %+v", r)
		}
		other := a.send(t, request{method: http.MethodGet, target: "/accounts"})
		assert.Equal(t, []any{http.StatusMethodNotAllowed, "POST"}, []any{other.Status, other.Header.Get("Allow")})
	})
}

func TestAccountsRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for sent, want := range map[string]map[string]string{
			"":               {"body": "must be a JSON object"},
			"[]":             {"body": "must be a JSON object"},
			`{"userId":"1"}`: {"body": "must have debits, credits or creditLimit"},
			`{"userId":"1","debits":null,"credits":null,"creditLimit":null}`:              {"body": "must have debits, credits or creditLimit"},
			`{"debits":"stopped","credits":1,"creditLimit":true}`:                         {"userId": "is required", "debits": `must be "blocked" or "allowed"`, "credits": "must be a string", "creditLimit": "must be a string or a number"},
			`{"userId":"1","debits":"Blocked"}`:                                           {"debits": `must be "blocked" or "allowed"`},
			`{"userId":"1","debits":"blocked","debits":"allowed"}`:                        {"body": "must be valid JSON: "},
			`{"userId":"1","creditLimit":"-1"}`:                                           {"creditLimit": "must be a plain decimal"},
			`{"userId":"1","creditLimit":"0.001"}`:                                        {"creditLimit": "must have at most two decimal places"},
			`{"userId":"1","creditLimit":"1000000000000.01"}`:                             {"creditLimit": "must be at most 1000000000000"},
			`{"userId":"1","creditLimit":"5","currency":"EUR","metadata":{"a":1}}`:        {"currency": `must be "USD", or left out`, "metadata": "must have no other values than strings"},
			`{"userId":" ","creditLimit":"5","metadata":[]}`:                              {"userId": "must not be blank", "metadata": "must be an object"},
			`{"userId":"1","debits":"blocked","x":"` + strings.Repeat("x", 16<<10) + `"}`: nil,
		} {
			got := a.rule(t, "k", sent)
			if want == nil {
				assert.Equal(t, http.StatusRequestEntityTooLarge, got.Status)
				continue
			}
			require.Equal(t, http.StatusBadRequest, got.Status, sent)
			properties := got.problem(t).Properties
			assert.Len(t, properties, len(want), "%s: %s", sent, got.Body)
			for field, reason := range want {
				require.Len(t, properties[field], 1, "%s: %s", sent, got.Body)
				assert.Contains(t, properties[field][0], reason, sent)
			}
		}
		got := a.send(t, request{method: http.MethodPost, target: "/accounts", body: `{"userId":"1","debits":"blocked"}`})
		assert.Contains(t, got.problem(t).Properties, "Idempotent-Key")
		assert.Equal(t, `{"data":{"balance":"100"}}`, a.get(t, "/balance?userId=1").Body, "nothing changed")
	})
}

// A block declines for ever, and the problem names it.
func TestBlocked(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		pending := a.pending(t, "order", entries(`,"expiresIn":60`, entry("payer", "40", "debit"), entry("1", "40", "credit")))
		require.Equal(t, http.StatusCreated, a.rule(t, "close", `{"userId":"1","debits":"blocked","credits":"blocked"}`).Status)
		assert.Equal(t, `{"data":{"balance":"100","blocked":["debits","credits"]}}`, a.get(t, "/balance?userId=1").Body)

		debit := a.post(t, "debit", body("1", "101", "debit"))
		p := debit.problem(t)
		assert.Equal(t, []any{http.StatusUnprocessableEntity, "/problems/account-blocked", []string{"debits"}, "/transactions/" + p.ID, ""},
			[]any{debit.Status, p.Type, p.Blocked, debit.Header.Get("Location"), p.Balance}, "a block is the first reason")
		assert.Nil(t, p.Entry)
		hold := a.post(t, "hold", strings.Replace(body("1", "1", "debit"), "{", `{"expiresIn":60,`, 1)).problem(t)
		assert.Equal(t, "/problems/account-blocked", hold.Type)
		transfer := a.post(t, "transfer", entries("", entry("payer", "1", "debit"), entry("1", "1", "credit"))).problem(t)
		assert.Equal(t, []any{[]string{"credits"}, 1}, []any{transfer.Blocked, *transfer.Entry})
		capture := a.send(t, request{method: http.MethodPost, target: "/transactions/" + pending + "/capture"})
		c := capture.problem(t)
		assert.Equal(t, []any{"/problems/account-blocked", []string{"credits"}, "", ""}, []any{c.Type, c.Blocked, c.ID, capture.Header.Get("Location")})
		assert.Contains(t, a.get(t, "/transactions/"+pending).Body, `"status":"pending"`)
		assert.Contains(t, a.get(t, debit.Header.Get("Location")).Body, `"status":"declined"`)

		require.Equal(t, http.StatusCreated, a.rule(t, "open", `{"userId":"1","debits":"allowed","credits":"allowed"}`).Status)
		late := a.post(t, "debit", body("1", "101", "debit"))
		assert.Equal(t, []string{debit.Body, "true"}, []string{late.Body, late.Header.Get("Idempotent-Replayed")})
		assert.Equal(t, http.StatusOK, a.send(t, request{method: http.MethodPost, target: "/transactions/" + pending + "/capture"}).Status)
		assert.Equal(t, `{"data":{"balance":"140"}}`, a.get(t, "/balance?userId=1").Body)
	})
}

// A limit in use stays, and so does the declined change.
func TestCreditInUse(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		require.Equal(t, http.StatusCreated, a.rule(t, "lend", `{"userId":"1","creditLimit":"50"}`).Status)
		require.Equal(t, http.StatusCreated, a.post(t, "spend", body("1", "110", "debit")).Status)
		got := a.rule(t, "end", `{"userId":"1","creditLimit":"0","debits":"blocked"}`)
		p := got.problem(t)
		assert.Equal(t, []any{http.StatusUnprocessableEntity, "/problems/credit-in-use", "40", "/transactions/" + p.ID},
			[]any{got.Status, p.Type, p.Balance, got.Header.Get("Location")})
		assert.Contains(t, a.get(t, got.Header.Get("Location")).Body, `"type":"account","status":"declined"`)
		require.Equal(t, http.StatusCreated, a.post(t, "pay back", body("1", "10", "credit")).Status)
		again := a.rule(t, "end", `{"userId":"1","creditLimit":"0","debits":"blocked"}`)
		assert.Equal(t, []string{got.Body, "true"}, []string{again.Body, again.Header.Get("Idempotent-Replayed")})
		assert.Equal(t, http.StatusCreated, a.rule(t, "end again", `{"userId":"1","creditLimit":"0"}`).Status)
		assert.Equal(t, `{"data":{"balance":"0"}}`, a.get(t, "/balance?userId=1").Body)

		a.Fill(t, "rich")
		limit := a.rule(t, "more", `{"userId":"rich","creditLimit":"101"}`).problem(t)
		assert.Equal(t, []string{"/problems/balance-limit", "999999999999900", "1000000000000000"}, []string{limit.Type, limit.Balance, limit.Limit})
	})
}

func TestAccountsOfSettings(t *testing.T) {
	everyScale(t, func(t *testing.T, a *api, s scale) {
		currency := `"currency":"` + s.currency + `"`
		if s.currency == "USD" {
			currency = ""
		}
		assert.Equal(t, map[string][]string{"creditLimit": {s.tooMany}}, a.rule(t, "k", `{"userId":"1","creditLimit":"`+s.finer+`"}`).problem(t).Properties)
		assert.Equal(t, map[string][]string{"currency": {`must be "` + s.currency + `", or left out`}}, a.rule(t, "k", `{"userId":"1","creditLimit":"1","currency":"USD"}`).problem(t).Properties)
		got := a.rule(t, "k", `{"userId":"1","creditLimit":"`+s.unit+`","currency":"`+s.currency+`"}`)
		assert.Contains(t, got.Body, `"type":"account",`+currency)
		assert.Contains(t, got.Body, `"creditLimit":"`+s.unit+`"`)
		assert.Contains(t, a.get(t, "/balance?userId=1").Body, `"creditLimit":"`+s.unit+`",`+currency)
		require.Equal(t, http.StatusCreated, a.post1(t, "spend", s.unit, "debit").Status)
		a.post1(t, "rest", s.opening, "debit")
		p := a.rule(t, "end", `{"userId":"1","creditLimit":"0"}`).problem(t)
		assert.Equal(t, []string{"/problems/credit-in-use", s.currency}, []string{p.Type, p.Currency})
	})
}

// Only services may change rules. A token sees only the rules that its own calls meet.
func TestAccountsAreForServices(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		service := g.service(h)
		block := service.rule(t, "block", `{"userId":"1","debits":"blocked","creditLimit":"50"}`)
		require.Equal(t, http.StatusCreated, block.Status)
		location := block.Header.Get("Location")
		assert.Equal(t, `{"data":{"balance":"150","creditLimit":"50","blocked":["debits"]}}`, service.get(t, "/balance?userId=1").Body)
		for _, a := range []*api{g.user("1", h), g.scoped("1", h)} {
			assert.Equal(t, `{"data":{"balance":"150","creditLimit":"50"}}`, a.get(t, "/balance?userId=1").Body)
			assert.Equal(t, http.StatusNotFound, a.get(t, location).Status)
			assert.Equal(t, []string{"debits"}, a.post(t, "d", body("1", "1", "debit")).problem(t).Blocked)
			books.Network.Requests()
			for _, sent := range []string{`{"userId":"1","debits":"allowed"}`, `{"userId":"1","creditLimit":"1000"}`, `{}`, ""} {
				assertForbidden(t, a.rule(t, "k", sent), sent)
			}
			assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
		}
		require.Equal(t, http.StatusCreated, service.rule(t, "credits", `{"userId":"shop","credits":"blocked"}`).Status)
		p := g.user("2", h).post(t, "pay", entries("", entry("2", "1", "debit"), entry("shop", "1", "credit"))).problem(t)
		assert.Equal(t, []any{"/problems/account-blocked", 1, ""}, []any{p.Type, *p.Entry, p.Balance})
		row, err := books.Ledger.Transaction(t.Context(), infratest.Rules(t, "1", "block").TransactionID())
		require.NoError(t, err)
		assert.NotEmpty(t, row.PostedBy.String())
	})
}

// A change's line has the user and its row's id.
func TestAccountsLog(t *testing.T) {
	t.Parallel()
	h, _, log := newHandler(t)
	a := &api{send: overEvents(event2)(t, h)}
	for _, c := range []struct {
		key, sent, outcome string
	}{
		{"k", `{"userId":"1","creditLimit":"50"}`, "posted"},
		{"k", `{"userId":"1","creditLimit":"50"}`, "replayed"},
		{"k", `{"userId":"1","creditLimit":"51"}`, "reused"},
	} {
		log.Reset()
		a.rule(t, c.key, c.sent)
		id := infratest.Rules(t, "1", c.key).TransactionID()
		assert.Contains(t, log.String(), `"route":"POST /accounts","status":`)
		assert.Contains(t, log.String(), `"user":"1","transaction":"`+id.String()+`","outcome":"`+c.outcome+`"`)
	}
	require.Equal(t, http.StatusCreated, a.post(t, "spend", body("1", "110", "debit")).Status)
	log.Reset()
	a.rule(t, "end", `{"userId":"1","creditLimit":"0"}`)
	assert.Contains(t, log.String(), `"outcome":"declined"`)
	log.Reset()
	a.rule(t, "end", `{"userId":"1"}`)
	assert.Contains(t, log.String(), `"outcome":"rejected"`)
}
