package handler_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

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

// If all attempts conflict, the caller gets the answer before Lambda ends the
// function, and the key stays unused.
func TestConflictsUntilTheDeadline(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	payload := encode(t, event2(request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1"}, body("1", "10", "credit")}))

	books.Network.Always(faults.Conflict)
	output, err := h.Invoke(ctx, payload)
	require.NoError(t, err)
	got := decodeAnswer(t, output)
	require.NoError(t, ctx.Err(), "answered before Lambda's deadline")
	assert.Equal(t, http.StatusServiceUnavailable, got.Status)
	assert.Equal(t, "1", got.Header.Get("Retry-After"))
	p := got.problem(t)
	assert.Equal(t, "/problems/try-again", p.Type)
	assert.Equal(t, "Service unavailable", p.Title)
	assert.Greater(t, len(books.Network.Requests()), 1, "attempts")
	assert.Equal(t, "TryAgain", readLine(t, log).metrics[0].Metrics[0].Name)

	books.Network.Always(nil)
	again := invoke(t, h, payload)
	assert.Equal(t, http.StatusCreated, again.Status)
	assert.Empty(t, again.Header.Get("Idempotent-Replayed"), "the key was unused")
	assert.Equal(t, "110", books.Balance(t, "1"))
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
