package handler_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest/faults"
)

// damage is a DynamoDB error that no retry can pass.
var damage = faults.Exception(http.StatusBadRequest, "ValidationException", "secret table arn:aws:dynamodb:us-east-1:123456789012:table/secret")

func TestCauseOf500StaysInTheLog(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		a.Network.Always(damage)
		for _, r := range []request{
			{method: http.MethodGet, target: "/balance?userId=1"},
			{method: http.MethodGet, target: "/transactions?userId=1"},
			{method: http.MethodGet, target: "/transactions/" + id11},
			{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1"}, body("1", "1", "credit")},
		} {
			got := a.send(t, r)
			assert.Equal(t, http.StatusInternalServerError, got.Status, "%+v", r)
			assert.Equal(t, "The service failed. The same call with the same key is safe to send again.", got.problem(t).Detail)
			assert.NotContains(t, got.Body, "secret", "%+v", r)
			assert.NotContains(t, got.Header, "secret", "%+v", r)
			path, _, _ := strings.Cut(r.target, "?")
			assert.NotContains(t, strings.Replace(got.Body, path, "", 1), a.Config.TransactionsTable)
		}
		a.Network.Always(nil)
		assert.Equal(t, 4, strings.Count(a.log.String(), "secret table"))
	})
}

// A lost answer is a 503, and the same call again gets the outcome.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	h, books, _ := newHandler(t)
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	payload := encode(t, event1(request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1"}, body("1", "10", "debit")}))

	books.Network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		defer giveUp()
		return faults.LoseResponse(r, deliver)
	})
	output, err := h.Invoke(ctx, payload)
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, decodeAnswer(t, output).Status)
	books.Network.Always(nil)
	for range 2 {
		again := invoke(t, h, payload)
		assert.Equal(t, http.StatusCreated, again.Status)
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	}
	assert.Equal(t, "90", books.Balance(t, "1"))
}

func TestPanicIsA500(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	books.Network.Next(func(*http.Request, func() (*http.Response, error)) (*http.Response, error) { panic("secret") })
	got := invoke(t, h, []byte(`{"queryStringParameters":{"userId":"1"}}`))
	assert.Equal(t, http.StatusInternalServerError, got.Status)
	assert.NotContains(t, got.Body, "secret")
	assert.Contains(t, log.String(), "panic: secret")
	assert.Equal(t, http.StatusOK, invoke(t, h, []byte(`{"queryStringParameters":{"userId":"1"}}`)).Status)
}
