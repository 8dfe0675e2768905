package handler_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest/faults"
)

// damage is a DynamoDB error that the client does not retry.
var damage = faults.Exception(http.StatusBadRequest, "ValidationException", "secret table arn:aws:dynamodb:us-east-1:123456789012:table/secret")

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

// hang delivers the request and never answers; the attempt ends with its context.
func hang(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	_, err := faults.LoseResponse(r, deliver)
	<-r.Context().Done()
	return nil, err
}

// If DynamoDB does not answer, a caller gets a 503 after eight seconds, or half a second
// before Lambda would end the function. Virtual time makes that exact. The log line is a
// warning, because the caller can get the outcome by sending the same call again.
func TestAnswersInTime(t *testing.T) {
	t.Parallel()
	post, read := posting("1", body("1", "10", "credit")), reading("/balance?userId=1")
	for _, c := range []struct {
		deadline       string
		call           request
		lambda, answer time.Duration // Lambda's deadline, or 0 for none; the time until the answer
	}{
		{"no deadline", post, 0, 8 * time.Second},
		{"no deadline", read, 0, 8 * time.Second},
		{"Lambda's usual deadline", post, 10 * time.Second, 8 * time.Second},
		{"a late deadline", post, 8500 * time.Millisecond, 8 * time.Second},
		{"a near deadline", post, 8499 * time.Millisecond, 7999 * time.Millisecond},
		{"a nearer deadline", read, 3 * time.Second, 2500 * time.Millisecond},
		{"no time left", post, 400 * time.Millisecond, 0},
	} {
		t.Run(c.call.method+", "+c.deadline, func(t *testing.T) {
			t.Parallel()
			h, books, log := newHandler(t)
			books.Network.Always(hang)
			payload := encode(t, event2(c.call))
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				if c.lambda > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), c.lambda)
				}
				defer cancel()
				began := time.Now()
				output, err := h.Invoke(ctx, payload)
				took := time.Since(began)
				require.NoError(t, err)
				assert.Equal(t, http.StatusServiceUnavailable, decodeAnswer(t, output).Status)
				assert.Equal(t, c.answer, took)
			})
			books.Network.Always(nil)
			var line struct {
				Level, Outcome, Cause string
				Latency               float64 // milliseconds
			}
			require.NoError(t, json.Unmarshal(log.Bytes(), &line))
			assert.Equal(t, []string{"WARN", "try_again"}, []string{line.Level, line.Outcome})
			assert.NotEmpty(t, line.Cause)
			assert.InDelta(t, float64(c.answer.Milliseconds()), line.Latency, 0)
			assert.Contains(t, log.String(), `"TryAgain":1`)
			again := invoke(t, h, payload)
			assert.Less(t, again.Status, 300)
			applied := c.call.method == http.MethodPost && c.answer > 0
			assert.Equal(t, applied, again.Header.Get("Idempotent-Replayed") == "true")
		})
	}
}
