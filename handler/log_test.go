package handler_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest/faults"
)

func TestLogLine(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	send := overEvents(event2)(t, h)
	post := func(key, body string) request {
		return request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": key}, body}
	}
	for _, c := range []struct {
		request                  request
		fault                    faults.Fault
		route, transaction, user string
		status, retries          int
		outcome, level           string
	}{
		{request{method: "GET", target: "/balance?userId=1"}, nil, "GET /balance", "", "1", 200, 0, "read", "INFO"},
		{post("1", body("1", "1", "credit")), nil, "POST /transactions", id11, "1", 201, 0, "posted", "INFO"},
		{post("1", body("1", "1", "credit")), nil, "POST /transactions", id11, "1", 201, 0, "replayed", "INFO"},
		{post("1", body("1", "2", "credit")), nil, "POST /transactions", id11, "1", 422, 0, "reused", "INFO"},
		{post("1", body("2", "500", "debit")), nil, "POST /transactions", "-", "2", 422, 0, "declined", "INFO"},
		{post("1", body("2", "500", "debit")), nil, "POST /transactions", "-", "2", 422, 0, "replayed", "INFO"},
		{post("1", `{"ammount":"secret"}`), nil, "POST /transactions", "", "", 400, 0, "rejected", "INFO"},
		{post("2", body("1", "1", "credit")), faults.Conflict, "POST /transactions", "-", "1", 201, 1, "posted", "INFO"},
		{request{method: "GET", target: "/transactions/" + id11}, nil, "GET /transactions/{id}", id11, "1", 200, 0, "read", "INFO"},
		{request{method: "GET", target: "/nothing"}, nil, "", "", "", 404, 0, "rejected", "INFO"},
		{request{method: "GET", target: "/balance?userId=1"}, damage, "GET /balance", "", "1", 500, 0, "failed", "ERROR"},
	} {
		log.Reset()
		if c.fault != nil {
			books.Network.Next(c.fault)
		}
		send(t, c.request)
		var line struct {
			Level, Message, Route, User, Transaction, Outcome, Cause string
			Status, Retries                                          int
			RequestID                                                string `json:"request_id"`
			Latency                                                  float64
		}
		require.NoError(t, json.Unmarshal(log.Bytes(), &line), "one line: %s", log)
		assert.Equal(t, "request", line.Message)
		assert.Equal(t, c.route, line.Route, "%+v", c.request)
		assert.Equal(t, c.status, line.Status, "%+v", c.request)
		assert.Equal(t, "gateway-1", line.RequestID)
		assert.Equal(t, c.user, line.User, "%+v", c.request)
		assert.Equal(t, c.outcome, line.Outcome, "%+v", c.request)
		assert.Equal(t, c.retries, line.Retries, "%+v", c.request)
		assert.Equal(t, c.level, line.Level, "%+v", c.request)
		assert.Equal(t, c.status == 500, line.Cause != "", "%+v", c.request)
		assert.Positive(t, line.Latency)
		if c.transaction == "-" {
			assert.Len(t, line.Transaction, 36)
		} else {
			assert.Equal(t, c.transaction, line.Transaction, "%+v", c.request)
		}
		assert.NotContains(t, log.String(), "ammount", "never a body")
	}
}

// Neither metadata nor the other users of a transaction are logged, whatever
// becomes of the call.
func TestMetadataIsNotLogged(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	send := overEvents(event2)(t, h)
	const secret = `,"metadata":{"hidden":"secret"}`
	for _, c := range []struct {
		key, body string
		fault     faults.Fault
		status    int
	}{
		{"1", entries(secret, entry("1", "10", "debit"), entry("recipient", "10", "credit")), nil, 201},
		{"1", entries(secret, entry("1", "10", "debit"), entry("recipient", "10", "credit")), nil, 201},
		{"1", entries(secret, entry("1", "11", "debit"), entry("recipient", "10", "credit")), nil, 422},
		{"2", entries(secret, entry("1", "1000", "debit"), entry("recipient", "10", "credit")), nil, 422},
		{"3", entries(secret, entry("1", "0", "debit"), entry("recipient", "10", "credit")), nil, 400},
		{"3", entries(`,"metadata":{"hidden":["secret"]}`, entry("1", "1", "debit")), nil, 400},
		{"3", entries(secret, entry("1", "1", "debit"), entry("recipient", "1", "credit")), damage, 500},
	} {
		if c.fault != nil {
			books.Network.Next(c.fault)
		}
		got := send(t, request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": c.key}, c.body})
		assert.Equal(t, c.status, got.Status, c.body)
	}
	assert.Equal(t, 7, strings.Count(log.String(), "\n"))
	for _, hidden := range []string{"hidden", `"secret"`, "recipient", "ammount\":"} {
		assert.NotContains(t, log.String(), hidden)
	}
}

// The line stays one line of JSON whatever comes in.
func TestLogLineOfStrangeCalls(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	const requestID = "\"}\n{\u2028\x00\\"
	payload, err := json.Marshal(map[string]any{
		"httpMethod": "GET", "path": "/balance", "queryStringParameters": map[string]string{"userId": "1"},
		"requestContext": map[string]string{"requestId": requestID},
	})
	require.NoError(t, err)
	books.Network.Next(faults.Rewrite(func(string) string { return `{"Item":{"balance":{"N":"` + "\xff" + `"}}}` }))
	invoke(t, h, payload)

	var line struct {
		Cause     string
		RequestID string `json:"request_id"`
	}
	require.NoError(t, json.Unmarshal(log.Bytes(), &line), "%s", log)
	assert.Equal(t, requestID, line.RequestID)
	assert.NotEmpty(t, line.Cause)
	assert.True(t, utf8.Valid(log.Bytes()))
	assert.Equal(t, 1, strings.Count(log.String(), "\n"))
}
