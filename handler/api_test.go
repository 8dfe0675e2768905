package handler_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

func TestMain(m *testing.M) { infratest.Main(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 5e6, time.UTC)

// api sends calls to a handler, through one of the doors or as a caller of a gateway.
type api struct {
	*infratest.Books
	log  *bytes.Buffer // not safe for concurrent calls
	send func(t *testing.T, r request) answer

	unchecked func(t *testing.T, r request) answer // like send, without the check against openapi.yaml
}

type request struct {
	method, target string // target: the path and the query
	header         map[string]string
	body           string
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

// newHandler returns a handler that allows every call.
func newHandler(t *testing.T) (*handler.Handler, *infratest.Books, *bytes.Buffer) {
	t.Helper()
	return newHandlerFor(t, handler.Access{Authorization: handler.None})
}

func newHandlerFor(t *testing.T, access handler.Access) (*handler.Handler, *infratest.Books, *bytes.Buffer) {
	t.Helper()
	return handlerOf(infratest.NewInMemory(t, ledger.DefaultSettings()), access)
}

// newBooks returns the books for the tests of one door. Only payload 2.0 uses DynamoDB
// Local, and the others an in-memory model, because the code behind all doors is the same.
func newBooks(t *testing.T, door string, s ledger.Settings) *infratest.Books {
	t.Helper()
	if door == "payload 2.0" {
		return infratest.NewWith(t, s)
	}
	return infratest.NewInMemory(t, s)
}

// handlerOf returns a handler for these books. Its clock always returns noon.
func handlerOf(books *infratest.Books, access handler.Access) (*handler.Handler, *infratest.Books, *bytes.Buffer) {
	l, log := ledger.New(books.Store, func() time.Time { return noon }), &bytes.Buffer{}
	return handler.New(l, handler.NewLogger(log, "ledger", "7"), access), books, log
}

// doors are the ways to call the handler. A call must get the same answer through each.
var doors = map[string]func(*testing.T, *handler.Handler) func(*testing.T, request) answer{
	"http":        overHTTP,
	"payload 2.0": overEvents(event2),
	"payload 1.0": overEvents(event1),
}

func everyDoor(t *testing.T, test func(*testing.T, *api)) {
	t.Helper()
	t.Parallel()
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, books, log := handlerOf(newBooks(t, name, ledger.DefaultSettings()), handler.Access{Authorization: handler.None})
			test(t, &api{Books: books, log: log, send: door(t, h)})
		})
	}
}

func overHTTP(t *testing.T, h *handler.Handler) func(*testing.T, request) answer {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return func(t *testing.T, r request) answer {
		t.Helper()
		outgoing, err := http.NewRequestWithContext(t.Context(), r.method, server.URL+r.target, strings.NewReader(r.body))
		require.NoError(t, err)
		for name, value := range r.header {
			outgoing.Header.Set(name, value)
		}
		response, err := server.Client().Do(outgoing)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		got := answer{response.StatusCode, response.Header, string(body)}
		keepsContract(t, h, r, got)
		return got
	}
}

func overEvents(event func(request) map[string]any) func(*testing.T, *handler.Handler) func(*testing.T, request) answer {
	return func(_ *testing.T, h *handler.Handler) func(*testing.T, request) answer {
		return func(t *testing.T, r request) answer {
			t.Helper()
			got := invoke(t, h, encode(t, event(r)))
			keepsContract(t, h, r, got)
			return got
		}
	}
}

func encode(t *testing.T, event map[string]any) []byte {
	t.Helper()
	payload, err := json.Marshal(event)
	require.NoError(t, err)
	return payload
}

func invoke(t *testing.T, h *handler.Handler, payload []byte) answer {
	t.Helper()
	output, err := h.Invoke(t.Context(), payload)
	require.NoError(t, err, "the function's own error")
	return decodeAnswer(t, output)
}

func decodeAnswer(t *testing.T, output []byte) answer {
	t.Helper()
	var got struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
	}
	require.NoError(t, json.Unmarshal(output, &got))
	assert.False(t, got.IsBase64Encoded)
	header := http.Header{}
	for name, value := range got.Headers {
		header.Set(name, value)
	}
	return answer{got.StatusCode, header, got.Body}
}

// event2 returns a request as the event that an HTTP API sends, in payload 2.0.
func event2(r request) map[string]any {
	path, query, _ := strings.Cut(r.target, "?")
	headers := map[string]string{}
	for name, value := range r.header {
		headers[strings.ToLower(name)] = value
	}
	return map[string]any{
		"version": "2.0", "rawPath": path, "rawQueryString": query, "headers": headers, "body": r.body,
		"requestContext": map[string]any{
			"requestId": "gateway-1", "stage": "$default",
			"http": map[string]any{"method": r.method, "path": path},
		},
	}
}

// event1 returns a request as the event that a REST API sends, in payload 1.0.
func event1(r request) map[string]any {
	path, query, _ := strings.Cut(r.target, "?")
	e := map[string]any{
		"httpMethod": r.method, "path": path, "headers": r.header, "body": nil,
		"requestContext": map[string]any{"requestId": "gateway-1", "stage": "prod"},
	}
	if r.body != "" {
		e["body"] = r.body
	}
	if values, err := url.ParseQuery(query); err == nil && len(values) > 0 {
		e["multiValueQueryStringParameters"] = values
	}
	return e
}

func reading(target string) request { return request{method: http.MethodGet, target: target} }

func posting(key, body string) request { return keyed("/transactions", key, body) }

// ending returns a request to end the hold with this id. how is "capture" or "void".
func ending(id, how, body string) request {
	return request{method: http.MethodPost, target: "/transactions/" + id + "/" + how, body: body}
}

func refunding(id, key, body string) request { return keyed("/transactions/"+id+"/refunds", key, body) }

func ruling(key, body string) request { return keyed("/accounts", key, body) }

func keyed(target, key, body string) request {
	return request{http.MethodPost, target, map[string]string{"Idempotent-Key": key}, body}
}

func (a *api) get(t *testing.T, target string) answer {
	t.Helper()
	return a.send(t, reading(target))
}

func (a *api) post(t *testing.T, key, body string) answer {
	t.Helper()
	return a.send(t, posting(key, body))
}

// pending posts a body and returns the transaction's id.
func (a *api) pending(t *testing.T, key, body string) string {
	t.Helper()
	got := a.post(t, key, body)
	require.Equal(t, http.StatusCreated, got.Status, got.Body)
	return got.id()
}

func (a *api) end(t *testing.T, id, how, body string) answer {
	t.Helper()
	return a.send(t, ending(id, how, body))
}

func (a *api) refund(t *testing.T, id, key, body string) answer {
	t.Helper()
	return a.send(t, refunding(id, key, body))
}

func (a *api) rule(t *testing.T, key, body string) answer {
	t.Helper()
	return a.send(t, ruling(key, body))
}

// id returns the id in the answer's Location.
func (a answer) id() string { return strings.TrimPrefix(a.Header.Get("Location"), "/transactions/") }

// body returns the short body of a transaction, which has the same members as an entry.
func body(user, amount, kind string) string { return entry(user, amount, kind) }

func entry(user, amount, kind string) string {
	return fmt.Sprintf(`{"userId":%q,"ammount":%q,"type":%q}`, user, amount, kind)
}

// entries returns a body with all entries and with more members, such as `,"expiresIn":60`.
func entries(members string, all ...string) string {
	return `{"entries":[` + strings.Join(all, ",") + `]` + members + `}`
}

var withFee = entries("", entry("1", "10", "debit"), entry("2", "9", "credit"), entry("shop", "1", "credit"))

// holdBody returns a body for a hold that lasts a minute.
func holdBody(user, amount string) string {
	return strings.TrimSuffix(body(user, amount, "debit"), "}") + `,"expiresIn":60}`
}

// paymentBody returns a body for a payment that is on hold for a minute.
func paymentBody(from, to, amount string) string {
	return entries(`,"expiresIn":60`, entry(from, amount, "debit"), entry(to, amount, "credit"))
}

// refunded returns the body of the answer to GET /transactions/{id}/refunds.
func (a *api) refunded(t *testing.T, id string) string {
	t.Helper()
	return a.get(t, "/transactions/"+id+"/refunds").Body
}

// transferOf returns a body for a transfer of 10.
func transferOf(from, to string) string {
	return entries("", entry(from, "10", "debit"), entry(to, "10", "credit"))
}

type problem struct {
	Type, Title, Detail, Instance, ID, Balance, Limit, Ended, Currency string
	Refundable, TransactionStatus                                      string
	Status                                                             int
	Entry                                                              *int
	Properties                                                         map[string][]string
	Blocked                                                            []string
}

// problem decodes the answer, which must be a problem document.
func (a answer) problem(t *testing.T) (p problem) {
	t.Helper()
	assert.Equal(t, "application/problem+json", a.Header.Get("Content-Type"), a.Body)
	decoder := json.NewDecoder(strings.NewReader(a.Body))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&p), a.Body)
	assert.Equal(t, a.Status, p.Status, a.Body)
	return p
}

// assertInvalid checks that got is a 400 for exactly these fields.
func assertInvalid(t *testing.T, got answer, sent string, fields ...string) {
	t.Helper()
	assert.Equal(t, http.StatusBadRequest, got.Status, "%.300s", sent)
	p := got.problem(t)
	assert.Equal(t, "/problems/invalid-request", p.Type, "%.300s", sent)
	assert.ElementsMatch(t, fields, slices.Collect(maps.Keys(p.Properties)), "%.300s: %s", sent, got.Body)
	for _, field := range fields {
		assert.Contains(t, p.Detail, field, "%.300s", sent)
	}
}

// assertReplay checks that again is the same answer as first, but marked as a replay.
func assertReplay(t *testing.T, first, again answer, sent string) {
	t.Helper()
	assert.Equal(t, first.Status, again.Status, sent)
	assert.Equal(t, first.Body, again.Body, sent)
	assert.Equal(t, first.Header.Get("Location"), again.Header.Get("Location"), sent)
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"), sent)
}

// assertReused checks that got reports a reused key, and names exactly the members in
// differs.
func assertReused(t *testing.T, got answer, differs ...string) {
	t.Helper()
	want := map[string][]string{}
	for _, member := range differs {
		want[member] = []string{"differs from the first call with this key"}
	}
	assert.Equal(t, http.StatusUnprocessableEntity, got.Status)
	assert.Equal(t, "/problems/idempotency-key-reused", got.problem(t).Type)
	assert.Equal(t, want, got.problem(t).Properties)
}
