package handler_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
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

// The line for a call that ends a hold names the hold's user and transaction. No answer
// about a hold counts as a failure, which would raise alarms.
func TestLogLinesOfHolds(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	a := &api{Books: books, log: log, send: overEvents(event2)(t, h)}
	books.Fill(t, "rich")
	captured, voided := a.pending(t, "1", holdBody("1", "1")), a.pending(t, "2", holdBody("1", "1"))
	posted := a.pending(t, "3", body("1", "1", "debit"))
	toRich := a.pending(t, "4", paymentBody("1", "rich", "60"))
	require.Equal(t, http.StatusCreated, a.post(t, "5", body("rich", "50", "credit")).Status)
	for i := range ledger.MaxHolds {
		a.pending(t, fmt.Sprint(i), holdBody("2", "1"))
	}
	const none = "00000000-0000-8000-8000-000000000000"
	for _, c := range []struct {
		id, how, body              string
		status                     int
		user, transaction, outcome string
		counter                    string
	}{
		{captured, "capture", "", 200, "1", captured, "posted", "Posted"},
		{captured, "capture", "", 200, "1", captured, "replayed", "Replayed"},
		{voided, "void", "", 200, "1", voided, "posted", "Posted"},
		{voided, "void", "", 200, "1", voided, "replayed", "Replayed"},
		{voided, "capture", "", 422, "", voided, "declined", "Declined"},
		{captured, "void", "", 422, "", captured, "declined", "Declined"},
		{captured, "capture", `{"ammount":"0.5"}`, 422, "", captured, "declined", "Declined"},
		{posted, "capture", "", 422, "", posted, "rejected", "Rejected"},
		{posted, "void", "", 422, "", posted, "rejected", "Rejected"},
		{toRich, "capture", "", 422, "", toRich, "declined", "Declined"},
		{toRich, "capture", `{"ammount":"61"}`, 400, "", toRich, "rejected", "Rejected"},
		{toRich, "capture", `{"ammount":null}`, 400, "", toRich, "rejected", "Rejected"},
		{none, "capture", "", 404, "", none, "rejected", "Rejected"},
		{none, "void", "", 404, "", none, "rejected", "Rejected"},
		{"none", "void", "", 404, "", "", "rejected", "Rejected"},
		{"", "", holdBody("2", "1"), 422, "2", "-", "declined", "Declined"},
	} {
		log.Reset()
		if c.how == "" {
			assert.Equal(t, c.status, a.post(t, "one more", c.body).Status)
		} else {
			assert.Equal(t, c.status, a.end(t, c.id, c.how, c.body).Status, "%+v", c)
		}
		var line struct {
			Level, Route, User, Transaction, Outcome string
			Status                                   int
		}
		require.NoError(t, json.Unmarshal(log.Bytes(), &line), "one line: %s", log)
		assert.Equal(t, "INFO", line.Level, "%+v", c)
		assert.Equal(t, c.status, line.Status, "%+v", c)
		assert.Equal(t, c.user, line.User, "%+v", c)
		assert.Equal(t, c.outcome, line.Outcome, "%+v", c)
		assert.Contains(t, log.String(), `"`+c.counter+`":1`, "%+v", c)
		if c.how != "" {
			assert.Equal(t, "POST /transactions/{id}/"+c.how, line.Route)
			assert.Equal(t, c.transaction, line.Transaction, "%+v", c)
		}
	}
}

// A line has these members and no others: not the key, and nothing from a body.
func TestMembersOfALogLine(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	send := overEvents(event2)(t, h)
	members := func() (names []string) {
		line := map[string]json.RawMessage{}
		require.NoError(t, json.Unmarshal(log.Bytes(), &line))
		log.Reset()
		return slices.Sorted(maps.Keys(line))
	}
	want := func(more ...string) []string {
		all := append([]string{"timestamp", "level", "message", "service", "version", "route", "status", "request_id", "caller", "user",
			"transaction", "outcome", "Retries", "Latency", "_aws"}, more...)
		slices.Sort(all)
		return all
	}
	post := func(key, body string) {
		send(t, request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": key}, body})
	}
	post("secret-key", body("1", "1", "credit"))
	assert.NotContains(t, log.String(), "secret-key")
	assert.Equal(t, want("Posted"), members())
	post("secret-key", body("1", "1000", "debit"))
	assert.Equal(t, want("Reused"), members())
	post("secret-key-2", body("1", "1000", "debit"))
	assert.Equal(t, want("Declined"), members())
	post("secret,key", body("1", "1000", "debit"))
	assert.Equal(t, want("Rejected"), members())
	send(t, request{method: http.MethodGet, target: "/transactions?userId=1&limit=1"})
	assert.Equal(t, want("Read"), members())
	books.Network.Next(damage)
	send(t, request{method: http.MethodGet, target: "/balance?userId=1"})
	assert.Equal(t, want("Failed", "cause"), members())
}

// The line names the caller, as API Gateway and IAM identified it. No call can name
// another.
func TestCallerInTheLog(t *testing.T) {
	t.Parallel()
	const forged = `sub" , "caller":"admin"}` + "\n" + `{"caller":"admin"`
	long := "arn:aws:iam::123456789012:user/" + strings.Repeat("path/", 100) + "shop"
	post := request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1", "caller": "admin"}, `{"userId":"1","ammount":"1","type":"debit","caller":"admin"}`}
	for format, g := range gateways {
		signed := func(arn string) object {
			return replaced(t, g.signed(post), callerARN, arn)
		}
		token := func(sub string) object { return g.authorized(post, g.authorizer(object{"sub": sub})) }
		for _, c := range []struct {
			access handler.Access
			event  object
			caller string
		}{
			{handler.Access{Authorization: handler.IAM}, signed(callerARN), callerARN},
			{handler.Access{Authorization: handler.IAM}, signed(forged), strings.ReplaceAll(forged, "\n", "?")},
			{handler.Access{Authorization: handler.IAM}, signed(long), long[:126] + "..." + long[len(long)-126:]},
			{handler.Access{Authorization: handler.IAM}, signed(strings.Repeat("é", 200)), strings.Repeat("é", 63) + "..." + strings.Repeat("é", 63)},
			{handler.Access{Authorization: handler.IAM}, g.event(post), ""},
			{handler.Access{Authorization: handler.IAM}, token("1"), ""},
			{handler.Access{Authorization: handler.IAM}, bare(post), "direct"},
			{byTokens, token("1"), "1"},
			{byTokens, token(`1","caller":"admin`), `1","caller":"admin`},
			{byTokens, token(forged), ""}, // no user's name has a line break
			// No token has another caller's name.
			{byTokens, token("direct"), "sub:direct"},
			{byTokens, token("sub:direct"), "sub:sub:direct"},
			{byTokens, token(callerARN), "sub:" + callerARN},
			{byTokens, token("sub:" + callerARN), "sub:sub:" + callerARN},
			{byTokens, token("arn:" + strings.Repeat("€", 124)), "sub:arn:" + strings.Repeat("€", 39) + "..." + strings.Repeat("€", 42)},
			{byTokens, token("directs"), "directs"},
			{byTokens, signed(callerARN), callerARN},
			{byTokens, bare(post), "direct"},
			{handler.Access{Authorization: handler.None}, signed(callerARN), callerARN},
			{handler.Access{Authorization: handler.None}, g.event(post), ""},
			{handler.Access{Authorization: handler.None}, bare(post), "direct"},
			{handler.Access{}, bare(post), ""},
		} {
			h, _, log := newHandlerFor(t, c.access)
			got := invoke(t, h, encode(t, c.event))
			assert.NotContains(t, got.Body, "direct")
			assert.Equal(t, 1, strings.Count(log.String(), "\n"), "one line")
			assert.Equal(t, 1, strings.Count(log.String(), `"caller":`), "%s: %s", format, log)
			var line struct{ Caller string }
			require.NoError(t, json.Unmarshal(log.Bytes(), &line))
			assert.Equal(t, c.caller, line.Caller, "%s: %+v", format, c.event)
		}
	}
	h, _, log := newHandler(t)
	require.Equal(t, http.StatusCreated, overHTTP(t, h)(t, post).Status)
	assert.Contains(t, log.String(), `"caller":"",`, "over plain HTTP nobody is known")
}

func replaced(t *testing.T, event object, from, to string) (changed object) {
	t.Helper()
	quoted := string(encode(t, object{"": to}))
	quoted = strings.TrimSuffix(strings.TrimPrefix(quoted, `{"":"`), `"}`)
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(encode(t, event)), from, quoted)), &changed))
	return changed
}

func TestLatencyIsInMilliseconds(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	books.Network.Next(func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		time.Sleep(30 * time.Millisecond)
		return deliver()
	})
	invoke(t, h, []byte(`{"queryStringParameters":{"userId":"1"}}`))
	var line struct{ Latency float64 }
	require.NoError(t, json.Unmarshal(log.Bytes(), &line))
	assert.GreaterOrEqual(t, line.Latency, 30.0)
	assert.Less(t, line.Latency, 8000.0)
}

// Neither metadata nor a transaction's other users are logged, whatever the outcome.
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

// Any input leaves one line with one JSON object.
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
