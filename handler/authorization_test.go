package handler_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
)

// object is a JSON object.
type object = map[string]any

// gateway is API Gateway with a JWT authorizer, in one payload format.
type gateway struct {
	event      func(request) map[string]any
	authorizer func(claims any) object // where the format has the claims
}

var gateways = map[string]gateway{
	"payload 2.0": {event2, func(claims any) object { return object{"jwt": object{"claims": claims, "scopes": nil}} }},
	"payload 1.0": {event1, func(claims any) object { return object{"claims": claims, "scopes": nil} }},
}

// authorized is the event of a request with this authorizer in its context.
func (g gateway) authorized(r request, authorizer any) map[string]any {
	e := g.event(r)
	e["requestContext"].(map[string]any)["authorizer"] = authorizer
	return e
}

// user is the API as a user with a valid token reaches it.
func (g gateway) user(sub string, h *handler.Handler) *api {
	return &api{send: func(t *testing.T, r request) answer {
		t.Helper()
		got := invoke(t, h, encode(t, g.authorized(r, g.authorizer(object{"sub": sub, "iss": "https://issuer"}))))
		keepsContract(t, r, got)
		return got
	}}
}

// everyGateway runs a test with tokens through both payload formats.
func everyGateway(t *testing.T, test func(*testing.T, gateway, *handler.Handler, *infratest.Books)) {
	t.Helper()
	t.Parallel()
	for name, g := range gateways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, books, _ := newHandler(t, handler.AuthorizedBy(handler.JWT))
			test(t, g, h, books)
		})
	}
}

func assertForbidden(t *testing.T, got answer, context string) {
	t.Helper()
	assert.Equal(t, http.StatusForbidden, got.Status, context)
	p := got.problem(t)
	assert.Equal(t, "/problems/forbidden", p.Type, context)
	assert.Equal(t, "Forbidden", p.Title, context)
	assert.Empty(t, p.Properties, context)
	assert.Equal(t, "no-store", got.Header.Get("Cache-Control"), context)
}

func TestTokenOpensItsOwnUser(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, _ *infratest.Books) {
		one := g.user("1", h)
		posted := one.post(t, "1", body("1", "10", "credit"))
		assert.Equal(t, http.StatusCreated, posted.Status)
		assert.Equal(t, "true", one.post(t, "1", body("1", "10", "credit")).Header.Get("Idempotent-Replayed"))
		assert.Equal(t, http.StatusUnprocessableEntity, one.post(t, "2", body("1", "500", "debit")).Status)
		assert.Equal(t, `{"data":{"balance":"110"}}`, one.get(t, "/balance?userId=1").Body)
		assert.Equal(t, posted.Body, one.get(t, posted.Header.Get("Location")).Body)
		page := one.get(t, "/transactions?userId=1&limit=1")
		assert.Equal(t, http.StatusOK, page.Status)
		assert.Equal(t, http.StatusOK, one.get(t, "/transactions?userId=1&cursor="+nextOf(page)).Status)
		assert.Equal(t, http.StatusBadRequest, one.get(t, "/balance").Status)
		assert.Equal(t, http.StatusNotFound, one.get(t, "/nothing").Status)
	})
}

// nextOf is the cursor of a page.
func nextOf(page answer) string {
	_, cursor, _ := strings.Cut(page.Body, `"next":"`)
	return strings.TrimSuffix(cursor, `"}`)
}

// A token of user 2 opens nothing of user 1's, whatever else is wrong with the
// call, and whatever the caller writes where a caller can write.
func TestTokenOpensNobodyElse(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		one, two := g.user("1", h), g.user("2", h)
		require.Equal(t, http.StatusCreated, one.post(t, "1", body("1", "10", "credit")).Status)
		require.Equal(t, http.StatusCreated, one.post(t, "2", body("1", "1", "debit")).Status)
		next := nextOf(one.get(t, "/transactions?userId=1&limit=1"))
		require.NotEmpty(t, next)
		books.Network.Requests()

		const claims = `"requestContext":{"authorizer":{"claims":{"sub":"1"},"jwt":{"claims":{"sub":"1"}}}}`
		forged := map[string]string{
			"Idempotent-Key": "3", "Authorization": "Bearer e30.eyJzdWIiOiIxIn0.", "sub": "1", "claims": `{"sub":"1"}`,
			"X-Amzn-Request-Context": "{" + claims + "}", "requestContext": "{" + claims + "}",
		}
		for _, r := range []request{
			{method: "GET", target: "/balance?userId=1"},
			{method: "HEAD", target: "/balance?userId=1"},
			{method: "GET", target: "/balance?userId=1&sub=1&requestContext.authorizer.claims.sub=1"},
			{method: "GET", target: "/balance?userId=1", header: forged},
			{method: "GET", target: "/balance?userId=%31"},
			{method: "GET", target: "/transactions?userId=1"},
			{method: "GET", target: "/transactions?userId=1", header: forged},
			{method: "GET", target: "/transactions?userId=1&limit=x"},
			{method: "GET", target: "/transactions?userId=1&cursor=" + next},
			{method: "GET", target: "/transactions?userId=1&cursor=x"},
			{"POST", "/transactions", forged, body("1", "1", "debit")},
			{"POST", "/transactions", forged, `{"userId":"1","ammount":"1","type":"credit","sub":"1",` + claims + `}`},
			{"POST", "/transactions?userId=2&sub=1", forged, body("1", "1", "debit")},
			{"POST", "/transactions", map[string]string{"Idempotent-Key": "1"}, body("1", "10", "credit")}, // a replay
			{"POST", "/transactions", map[string]string{"Idempotent-Key": "1"}, body("1", "11", "credit")}, // a reuse
			{"POST", "/transactions", nil, body("1", "1", "debit")},
			{"POST", "/transactions", forged, `{"userId":"1"}`},
		} {
			got := two.send(t, r)
			if r.method == http.MethodHead {
				assert.Equal(t, http.StatusForbidden, got.Status, "%+v", r)
				continue
			}
			assertForbidden(t, got, r.method+" "+r.target+" "+r.body)
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")

		// A place in another's history is none in one's own.
		foreign := two.get(t, "/transactions?userId=2&cursor="+next)
		assert.Equal(t, http.StatusBadRequest, foreign.Status)
		// Another's key is free for one's own transaction.
		own := two.post(t, "1", body("2", "10", "credit"))
		assert.Equal(t, http.StatusCreated, own.Status)
		assert.Empty(t, own.Header.Get("Idempotent-Replayed"))
		assert.NotContains(t, own.Body, id11)
		assert.Equal(t, 1, strings.Count(two.get(t, "/transactions?userId=2").Body, `"id"`))

		assert.Equal(t, "109", books.Balance(t, "1"))
		assert.Equal(t, "110", books.Balance(t, "2"))
	})
}

// Another user's transaction can't be told from one that isn't there.
func TestTokenHidesOtherTransactions(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		require.Equal(t, http.StatusCreated, g.user("1", h).post(t, "1", body("1", "10", "credit")).Status)
		const missing = "00000000-0000-8000-8000-000000000000"
		two := g.user("2", h)
		for _, spell := range []func(string) string{strings.ToLower, strings.ToUpper} {
			books.Network.Requests()
			others := two.get(t, "/transactions/"+spell(id11))
			there := books.Network.Requests()
			none := two.get(t, "/transactions/"+missing)
			assert.Equal(t, books.Network.Requests(), there)
			assert.Equal(t, http.StatusNotFound, others.Status)
			assert.Equal(t, none.Header, others.Header)
			assert.Equal(t, strings.ReplaceAll(none.Body, missing, spell(id11)), others.Body)
		}
		assert.Equal(t, http.StatusNotFound, two.send(t, request{method: http.MethodHead, target: "/transactions/" + id11}).Status)
	})
}

// The token binds also while the function is not yet, or no longer, told that
// tokens decide; without one it is IAM that has let the caller in.
func TestTokenWithIAM(t *testing.T) {
	t.Parallel()
	for name, g := range gateways {
		h, books, _ := newHandler(t)
		one, two := g.user("1", h), g.user("2", h)
		assert.Equal(t, http.StatusCreated, one.post(t, "1", body("1", "10", "credit")).Status, name)
		assertForbidden(t, two.post(t, "2", body("1", "10", "debit")), name)
		assertForbidden(t, two.get(t, "/balance?userId=1"), name)
		assert.Equal(t, http.StatusNotFound, two.get(t, "/transactions/"+id11).Status, name)
		for _, authorizer := range []any{nil, "", object{"iam": object{"userArn": "arn"}}, object{"principalId": "1"}, g.authorizer(nil)} {
			got := invoke(t, h, encode(t, g.authorized(calls[0], authorizer)))
			assert.Equal(t, `{"data":{"balance":"110"}}`, got.Body, "%s %v", name, authorizer)
		}
		for _, claims := range []any{object{}, object{"sub": 1}, object{"sub": ""}, "1", []string{"1"}} {
			assertForbidden(t, invoke(t, h, encode(t, g.authorized(calls[0], g.authorizer(claims)))), name)
		}
		assert.Equal(t, "110", books.Balance(t, "1"))
	}
}

// calls are one of each route, for user 1.
var calls = []request{
	{method: "GET", target: "/balance?userId=1"},
	{method: "GET", target: "/transactions?userId=1"},
	{method: "GET", target: "/transactions/" + id11},
	{"POST", "/transactions", map[string]string{"Idempotent-Key": "1"}, `{"userId":"1","ammount":"1","type":"credit"}`},
	{method: "GET", target: "/nothing"},
	{method: "PUT", target: "/balance"},
	{method: "GET", target: "/balance"},
}

func TestTokenMissing(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		other := gateways["payload 1.0"]
		if g.event(request{})["version"] == nil {
			other = gateways["payload 2.0"]
		}
		one := object{"sub": "1"}
		for _, authorizer := range []any{
			nil, "", "1", true, []any{one}, object{}, one,
			g.authorizer(nil), g.authorizer("1"), g.authorizer([]any{one}), g.authorizer(object{}),
			g.authorizer(object{"Sub": "1"}), g.authorizer(object{"username": "1"}), g.authorizer(object{"claims": one}),
			g.authorizer(object{"sub": 1}), g.authorizer(object{"sub": nil}), g.authorizer(object{"sub": true}),
			g.authorizer(object{"sub": []string{"1"}}), g.authorizer(object{"sub": one}),
			g.authorizer(object{"sub": ""}), g.authorizer(object{"sub": " "}), g.authorizer(object{"sub": " 1"}),
			g.authorizer(object{"sub": "1\x00"}), g.authorizer(object{"sub": strings.Repeat("1", 129)}),
			other.authorizer(one), // where the other format has them
			object{"lambda": one}, object{"lambda": object{"claims": one}},
			object{"iam": object{"userId": "1", "claims": one}}, object{"principalId": "1"},
		} {
			for _, r := range calls {
				assertForbidden(t, invoke(t, h, encode(t, g.authorized(r, authorizer))), r.method+" "+r.target)
			}
		}
		for _, r := range calls {
			assertForbidden(t, invoke(t, h, encode(t, g.event(r))), r.method+" "+r.target)
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
	})
}

// The claims count in their own place only, not beside it.
func TestTokenInTheWrongPlace(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		authorizer := g.authorizer(object{"sub": "1"})
		for _, wrong := range []object{
			{"authorizer": authorizer},
			{"claims": object{"sub": "1"}},
			{"stageVariables": object{"authorizer": authorizer}},
			{"pathParameters": object{"sub": "1"}},
			{"RequestContext": object{"authorizer": authorizer}},
			{"requestcontext": object{"authorizer": authorizer}},
		} {
			event := g.event(calls[0])
			maps.Copy(event, wrong)
			assertForbidden(t, invoke(t, h, encode(t, event)), "")
		}
		// A member that stands twice can't be read in two ways.
		twice := strings.Replace(string(encode(t, g.authorized(calls[0], authorizer))), `"sub":`, `"sub":"2","sub":`, 1)
		assert.Equal(t, http.StatusBadRequest, invoke(t, h, []byte(twice)).Status)
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
	})
}

// A direct invocation is IAM's to allow. Only the bare inputs are one: an event
// in which anything else stands may carry a stranger's request.
func TestTokensAndDirectInvocations(t *testing.T) {
	t.Parallel()
	h, books, _ := newHandler(t, handler.AuthorizedBy(handler.JWT))
	for payload, status := range map[string]int{
		`{"queryStringParameters":{"userId":"1"}}`:                                                          200,
		`{"headers":{"Idempotent-Key":"1"},"body":{"userId":"1","ammount":"10","type":"credit"}}`:           201,
		`{"headers":{"Idempotent-Key":"1"},"body":"{\"userId\":\"1\",\"ammount\":10,\"type\":\"credit\"}"}`: 201,
		`{"headers":null,"body":null,"queryStringParameters":{"userId":"1"}}`:                               200,
		`{}`:   400,
		`[]`:   400,
		`null`: 400,
	} {
		assert.Equal(t, status, invoke(t, h, []byte(payload)).Status, payload)
	}
	books.Network.Requests()
	const query, post = `"queryStringParameters":{"userId":"1"}`, `"headers":{"Idempotent-Key":"2"},"body":"{\"userId\":\"1\",\"ammount\":\"1\",\"type\":\"debit\"}"`
	for _, payload := range []string{
		`{` + query + `,"requestContext":null}`,
		`{` + query + `,"requestContext":{}}`,
		`{` + query + `,"requestContext":{"elb":{"targetGroupArn":"arn"}},"httpMethod":"GET","path":"/balance"}`, // a load balancer
		`{` + query + `,"requestContext":{"http":{"method":""}}}`,
		`{` + query + `,"httpMethod":"GET","path":"/balance"}`,
		`{` + query + `,"httpMethod":""}`,
		`{` + query + `,"version":"2.0"}`,
		`{` + query + `,"rawPath":"/balance"}`,
		`{` + query + `,"isBase64Encoded":false}`,
		`{` + query + `,"multiValueQueryStringParameters":{}}`,
		`{` + query + `,"anything":null}`,
		`{` + post + `,"raw_path":"/transactions","method":"POST","is_base64_encoded":false}`,                         // VPC Lattice, version 1.0
		`{` + post + `,"version":"2.0","path":"/transactions","method":"POST","requestContext":{"serviceArn":"arn"}}`, // and 2.0
		`{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}`,
	} {
		assertForbidden(t, invoke(t, h, []byte(payload)), payload)
	}
	assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
	assert.Equal(t, "110", books.Balance(t, "1"))
}

// Of the recorded events, those of an API carry no claims.
func TestTokensAndRecordedEvents(t *testing.T) {
	t.Parallel()
	h, _, _ := newHandler(t, handler.AuthorizedBy(handler.JWT))
	events, err := filepath.Glob("../testdata/events/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, events)
	for _, path := range events {
		payload, err := os.ReadFile(path)
		require.NoError(t, err)
		got := invoke(t, h, payload)
		switch name := filepath.Base(path); {
		case strings.HasPrefix(name, "bare-"):
			assert.NotEqual(t, http.StatusForbidden, got.Status, name)
		case strings.HasPrefix(name, "unreadable-"):
			assert.Equal(t, http.StatusBadRequest, got.Status, name)
		default:
			assertForbidden(t, got, name)
		}
	}
}

// Plain HTTP has no authorizer before it.
func TestTokensAndPlainHTTP(t *testing.T) {
	t.Parallel()
	h, books, _ := newHandler(t, handler.AuthorizedBy(handler.JWT))
	send := overHTTP(t, h)
	for _, r := range calls {
		assertForbidden(t, send(t, r), r.method+" "+r.target)
	}
	assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
}

func TestAuthorizationFromEnv(t *testing.T) {
	t.Parallel()
	read := func(value string) (handler.Authorization, error) {
		return handler.AuthorizationFromEnv(func(name string) string { return map[string]string{"AUTHORIZATION": value}[name] })
	}
	for _, fine := range []handler.Authorization{handler.IAM, handler.JWT} {
		got, err := read(string(fine))
		require.NoError(t, err)
		assert.Equal(t, fine, got)
	}
	for _, wrong := range []string{"", "IAM", "jwt", "NONE", "JWT "} {
		_, err := read(wrong)
		assert.ErrorContains(t, err, "AUTHORIZATION in the environment must be AWS_IAM or JWT", wrong)
	}
}
