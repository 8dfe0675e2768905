package handler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A null member counts as absent, as many generated clients send it.
func TestNullMembers(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for i, c := range []struct{ null, without string }{
			{`{"userId":"1","ammount":"1","amount":null,"type":"credit"}`, body("1", "1", "credit")},
			{`{"userId":"1","ammount":null,"amount":"2","type":"credit"}`, body("1", "2", "credit")},
			{`{"userId":"1","ammount":"3","type":"credit","currency":null}`, body("1", "3", "credit")},
			{`{"userId":"1","ammount":"4","type":"credit","entries":null}`, body("1", "4", "credit")},
			{`{"userId":"1","ammount":"5","type":"credit","metadata":null}`, body("1", "5", "credit")},
			{`{"userId":"1","ammount":"6","type":"credit","balanced":null,"note":null}`, body("1", "6", "credit")},
			{`{"userId":null,"ammount":null,"amount":null,"type":null,"currency":null,"metadata":null,"entries":[` + entry("1", "7", "debit") + `]}`,
				body("1", "7", "debit")},
			{`{"entries":[{"userId":"1","ammount":"8","amount":null,"type":"debit","currency":null,"metadata":null,"balanced":null,"note":null}]}`,
				body("1", "8", "debit")},
			{`{"userId":"1","ammount":"9","type":"debit","expiresIn":60,"currency":null,"entries":null,"metadata":null}`, holdBody("1", "9")},
		} {
			first := a.post(t, fmt.Sprint("null ", i), c.null)
			require.Equal(t, http.StatusCreated, first.Status, "%s: %s", c.null, first.Body)
			again := a.post(t, fmt.Sprint("null ", i), c.without)
			assert.Equal(t, first.Body, again.Body, c.null)
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"), c.null)
		}
		// Null does not replace a required member.
		for sent, fields := range map[string][]string{
			`{"userId":null,"ammount":null,"amount":null,"type":null}`: {"userId", "ammount", "type"},
			`{"entries":null}`: {"userId", "ammount", "type"},
			`{"entries":[{"userId":null,"ammount":null,"type":null}]}`: {"entries[0].userId", "entries[0].ammount", "entries[0].type"},
			`{"entries":[null]}`: {"entries[0]"},
			`{"userId":"1","ammount":"1","ammount":null,"type":"credit"}`:            {"body"},
			`{"userId":"1","ammount":"1","type":"credit","metadata":{"order":null}}`: {"metadata"},
		} {
			got := a.post(t, "refused", sent)
			assert.Equal(t, http.StatusBadRequest, got.Status, sent)
			assert.Len(t, got.problem(t).Properties, len(fields), sent)
			for _, field := range fields {
				assert.NotEmpty(t, got.problem(t).Properties[field], sent)
			}
		}
	})
}

// A null is rejected where ignoring it could move other money: a payment instead of a
// hold, or the whole instead of a part.
func TestNullsThatCouldMoveOtherMoney(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		const debit = `{"userId":"1","ammount":"1","type":"debit"}`
		for sent, field := range map[string]string{
			`{"userId":"1","ammount":"1","type":"debit","expiresIn":null}`:                             "expiresIn",
			`{"entries":[` + debit + `],"expiresIn":null}`:                                             "expiresIn",
			`{"entries":[{"userId":"1","ammount":"1","type":"debit","expiresIn":null}]}`:               "entries[0].expiresIn",
			`{"entries":[` + debit + `,` + strings.Replace(debit, "}", `,"expiresIn":null}`, 1) + `]}`: "entries[1].expiresIn",
		} {
			got := a.post(t, "k", sent)
			assert.Equal(t, http.StatusBadRequest, got.Status, sent)
			assert.NotEmpty(t, got.problem(t).Properties[field], "%s: %s", sent, got.Body)
		}
		id := a.pending(t, "hold", holdBody("1", "40"))
		for sent, field := range map[string]string{
			`{"ammount":null}`: "ammount", `{"amount":null}`: "amount", `{"ammount":"5","amount":null}`: "amount",
			`{"ammount":null,"amount":"5"}`: "ammount", `{"ammount":null,"amount":null}`: "ammount", `null`: "body",
		} {
			got := a.end(t, id, "capture", sent)
			assert.Equal(t, http.StatusBadRequest, got.Status, sent)
			assert.NotEmpty(t, got.problem(t).Properties[field], "%s: %s", sent, got.Body)
		}
		got := a.end(t, id, "capture", `{"ammount":"5","currency":null,"metadata":null,"expiresIn":null,"userId":null,"note":null}`)
		assert.Equal(t, http.StatusOK, got.Status, got.Body)
		assert.Contains(t, got.Body, `"captured":"5"`)
		assert.Equal(t, "95", a.Balance(t, "1"))
	})
}

func TestBalanced(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one, two := entry("1", "10", "debit"), entry("2", "10", "credit")
		for i, c := range []struct {
			body  string
			field string // the fault's, if there is one
		}{
			{entries(`,"balanced":true`, one, two), ""},
			{entries(`,"balanced":true`, two, one), ""},
			{entries(`,"balanced":true`, one, entry("2", "9.99", "credit"), entry("shop", "0.01", "credit")), ""},
			{entries(`,"balanced":true,"expiresIn":60`, one, two), ""},
			{entries(`,"balanced":true`, one, entry("2", "9.99", "credit")), "balanced"},
			{entries(`,"balanced":true`, one, entry("2", "10.01", "credit")), "balanced"},
			{entries(`,"balanced":true`, one), "balanced"},
			{entries(`,"balanced":true`, two), "balanced"},
			{entries(`,"balanced":true,"expiresIn":60`, one), "balanced"},
			{entries(`,"balanced":false`, one), ""},
			{entries(`,"balanced":null`, one), ""},
			{entries(`,"balanced":"true"`, one, two), "balanced"},
			{entries(`,"balanced":1`, one, two), "balanced"},
			{entries(`,"balanced":[true]`, one, two), "balanced"},
			{entries(`,"balanced":{}`, one, two), "balanced"},
			{`{"userId":"1","ammount":"1","type":"credit","balanced":true}`, "balanced"},
			{`{"userId":"1","ammount":"1","type":"credit","balanced":"no"}`, "balanced"},
			{`{"userId":"1","ammount":"1","type":"credit","balanced":false}`, ""},
			{`{"userId":"1","ammount":"1","type":"debit","balanced":true,"expiresIn":60}`, "balanced"},
			{`{"entries":[{"userId":"1","ammount":"1","type":"credit","balanced":true}]}`, "entries[0].balanced"},
			{entries(`,"balanced":true`, one, entry("2", "x", "credit")), "entries[1].ammount"},
			{entries(`,"balanced":true`), "entries"},
		} {
			got := a.post(t, fmt.Sprint(i), c.body)
			if c.field == "" {
				assert.Equal(t, http.StatusCreated, got.Status, "%s: %s", c.body, got.Body)
				continue
			}
			assert.Equal(t, http.StatusBadRequest, got.Status, c.body)
			assert.Len(t, got.problem(t).Properties, 1, "%s: %s", c.body, got.Body)
			assert.NotEmpty(t, got.problem(t).Properties[c.field], "%s: %s", c.body, got.Body)
		}
		got := a.post(t, "k", entries(`,"balanced":true`, one, entry("2", "9", "credit")))
		assert.Equal(t, []string{"must be false or left out, or the entries must credit as much as they debit"}, got.problem(t).Properties["balanced"])
	})
}

// The request for balanced entries is neither kept nor compared.
func TestBalancedIsNotCompared(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		transfer := []string{entry("1", "10", "debit"), entry("2", "10", "credit")}
		asked, unasked := entries(`,"balanced":true`, transfer...), entries("", transfer...)
		for key, bodies := range map[string][]string{"asked first": {asked, unasked}, "asked then": {unasked, asked}} {
			first := a.post(t, key, bodies[0])
			require.Equal(t, http.StatusCreated, first.Status, first.Body)
			assert.NotContains(t, first.Body, "balanced")
			again := a.post(t, key, bodies[1])
			assert.Equal(t, first.Body, again.Body)
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
			assert.NotContains(t, a.get(t, first.Header.Get("Location")).Body, "balanced")
		}
	})
}
