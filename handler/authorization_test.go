package handler_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

type object = map[string]any

// gateway builds API Gateway's events in one payload format.
type gateway struct {
	event      func(request) object
	authorizer func(claims any) object // returns an authorizer with a token's claims
	signature  func(by any) object     // returns the requestContext's members for IAM's caller
}

const callerARN = "arn:aws:sts::123456789012:assumed-role/shop/shop"

var gateways = map[string]gateway{
	"payload 2.0": {
		event2, func(claims any) object { return object{"jwt": object{"claims": claims, "scopes": nil}} },
		func(by any) object { return object{"authorizer": object{"iam": by}} },
	},
	"payload 1.0": {
		event1, func(claims any) object { return object{"claims": claims, "scopes": nil} },
		func(by any) object { return object{"identity": by} },
	},
}

// authorized returns the event for the request r, with authorizer in its requestContext.
func (g gateway) authorized(r request, authorizer any) object {
	e := g.event(r)
	e["requestContext"].(object)["authorizer"] = authorizer
	return e
}

// signedBy returns the event for the request r from the caller arn, authorized by IAM.
func (g gateway) signedBy(arn string, r request) object {
	e := g.event(r)
	maps.Copy(e["requestContext"].(object), g.signature(object{"userArn": arn}))
	return e
}

// byTokens authorizes by token. Tokens with the scope ledger/credit may credit any user.
var byTokens = handler.Access{Authorization: handler.JWT, CreditScope: "ledger/credit"}

// token returns an api whose calls carry a token with this sub and scope.
func (g gateway) token(sub, scope string, h *handler.Handler) *api {
	return g.sender(h, func(r request) object {
		return g.authorized(r, g.authorizer(object{"sub": sub, "iss": "https://issuer", "scope": scope}))
	})
}

func (g gateway) user(sub string, h *handler.Handler) *api { return g.token(sub, "openid", h) }

func (g gateway) scoped(sub string, h *handler.Handler) *api {
	return g.token(sub, "openid ledger/credit", h)
}

// service returns an api that calls as callerARN, through IAM.
func (g gateway) service(h *handler.Handler) *api {
	return g.sender(h, func(r request) object { return g.signedBy(callerARN, r) })
}

func (g gateway) sender(h *handler.Handler, event func(request) object) *api {
	a := &api{unchecked: func(t *testing.T, r request) answer {
		t.Helper()
		return invoke(t, h, encode(t, event(r)))
	}}
	a.send = func(t *testing.T, r request) answer {
		t.Helper()
		got := a.unchecked(t, r)
		keepsContract(t, h, r, got)
		return got
	}
	return a
}

// everyGateway runs a test in both payload formats, with authorization by token.
func everyGateway(t *testing.T, test func(*testing.T, gateway, *handler.Handler, *infratest.Books)) {
	t.Helper()
	t.Parallel()
	for name, g := range gateways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, books, _ := handlerOf(newBooks(t, name, ledger.DefaultSettings()), byTokens)
			test(t, g, h, books)
		})
	}
}

var oneLine = strings.Join(strings.Fields(handler.OpenAPI), " ")

func assertForbidden(t *testing.T, got answer, context string) {
	t.Helper()
	assert.Equal(t, http.StatusForbidden, got.Status, context)
	p := got.problem(t)
	assert.Equal(t, "/problems/forbidden", p.Type, context)
	assert.Equal(t, "Forbidden", p.Title, context)
	assert.Empty(t, p.Properties, context)
	assert.Contains(t, oneLine, p.Detail, context)
	assert.Equal(t, "no-store", got.Header.Get("Cache-Control"), context)
}

// bare returns a request as a bare event, which a direct invocation sends.
func bare(r request) object {
	if r.method == http.MethodPost {
		return object{"headers": r.header, "body": r.body}
	}
	_, user, _ := strings.Cut(r.target, "userId=")
	return object{"queryStringParameters": object{"userId": user}}
}

// A token's scope is found in every form that issuers and API Gateway use.
func TestTokenScopes(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		credit := posting("1", body("1", "1", "credit"))
		for _, claims := range []object{
			{"scope": "ledger/credit"}, {"scope": "openid ledger/credit email"}, {"scope": "[ledger/credit]"}, {"scope": "[openid ledger/credit]"},
			{"scope": []string{"ledger/credit"}}, {"scope": []string{"openid", "ledger/credit"}},
			{"scp": "ledger/credit"}, {"scp": "openid ledger/credit"}, {"scp": "[openid ledger/credit email]"}, {"scp": []string{"openid", "ledger/credit"}},
			{"scope": "openid", "scp": "ledger/credit"}, {"scope": nil, "scp": "ledger/credit"}, {"scope": 1, "scp": []string{"ledger/credit"}},
		} {
			claims["sub"] = "1"
			got := invoke(t, h, encode(t, g.authorized(credit, g.authorizer(claims))))
			assert.Equal(t, http.StatusCreated, got.Status, "%v", claims)
		}
		books.Network.Requests()
		for _, claims := range []object{
			{}, {"scope": ""}, {"scope": nil}, {"scope": "[]"}, {"scope": "["}, {"scope": "openid"}, {"scope": "ledger"}, {"scope": "credit"},
			{"scope": "ledger/credits"}, {"scope": "ledger/credit/all"}, {"scope": "Ledger/Credit"}, {"scope": "ledger/credit,openid"},
			{"scope": "[ledger/credit openid"}, {"scope": "openid ledger/credit]"}, {"scope": "ledger /credit"}, {"scope": `["ledger/credit"]`},
			{"scope": []string{}}, {"scope": []string{"ledger/ credit"}}, {"scope": []string{"openid ledger/credit"}}, {"scope": []any{"ledger/credit", 1}},
			{"scope": []any{[]string{"ledger/credit"}}}, {"scope": object{"ledger/credit": true}}, {"scope": true}, {"scope": 1},
			{"Scope": "ledger/credit"}, {"scopes": "ledger/credit"}, {"scopes": []string{"ledger/credit"}}, {"permissions": []string{"ledger/credit"}},
			{"aud": "ledger/credit"}, {"cognito:groups": "ledger/credit"},
		} {
			claims["sub"] = "1"
			assertForbidden(t, invoke(t, h, encode(t, g.authorized(credit, g.authorizer(claims)))), fmt.Sprint(claims))
		}
		// Members beside the claims grant no scope.
		authorizer := g.authorizer(object{"sub": "1"})
		for _, beside := range []object{authorizer, {"jwt": object{"claims": object{"sub": "1"}, "scopes": []string{"ledger/credit"}}, "claims": object{"sub": "1"}}} {
			beside["scope"], beside["scopes"] = "ledger/credit", []string{"ledger/credit"}
			assertForbidden(t, invoke(t, h, encode(t, g.authorized(credit, beside))), fmt.Sprint(beside))
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
	})
}

// forged are headers in which a caller claims to be another user.
var forged = map[string]string{
	"Idempotent-Key": "3", "Authorization": "Bearer e30.eyJzdWIiOiJhbm90aGVyIn0.", "sub": "another", "claims": `{"sub":"another"}`,
	"X-Amzn-Request-Context": "{" + forgedClaims + "}", "requestContext": "{" + forgedClaims + "}",
}

const forgedClaims = `"requestContext":{"authorizer":{"claims":{"sub":"another"},"jwt":{"claims":{"sub":"another"}}}}`

// calls are requests about user 1 or the user "another". Some are invalid, and some name
// "another" in every place that a caller can write.
var calls = []request{
	reading("/balance?userId=1"),
	reading("/transactions?userId=1"),
	reading("/transactions/" + id11),
	posting("1", `{"userId":"1","ammount":"0.01","type":"debit"}`),
	reading("/nothing"),
	{method: "PUT", target: "/balance"},
	reading("/balance"),
	reading("/balance?userId=%61nother"),
	reading("/balance?userId=another&sub=another&requestContext.authorizer.claims.sub=another"),
	{method: "GET", target: "/balance?userId=another", header: forged},
	reading("/transactions?userId=another&limit=x"),
	reading("/transactions?userId=another&cursor=x"),
	posting("1", `{"userId":"another","ammount":"0.01","type":"debit"}`),
	{"POST", "/transactions?userId=1&sub=another", forged, `{"userId":"another","ammount":"1","type":"debit","sub":"another",` + forgedClaims + `}`},
	{"POST", "/transactions", nil, body("another", "1", "debit")},
}

// The handler accepts IAM's caller and a token's claims only where API Gateway puts them.
// contexts lists members of a requestContext by the caller that they must identify.
func TestAuthorizers(t *testing.T) {
	t.Parallel()
	const service, token, rejected = "service", "token", "rejected"
	iam, one := object{"userArn": callerARN}, object{"sub": "1"}
	imitation := object{
		"sub": "1", "userArn": callerARN, "iam": iam, "identity": iam, "jwt": one, "authorizer": object{"iam": iam}, "principalId": callerARN,
	}
	for format, g := range gateways {
		other := gateways["payload 1.0"]
		if format == "payload 1.0" {
			other = gateways["payload 2.0"]
		}
		bearer := func(claims any) object { return object{"authorizer": g.authorizer(claims)} }
		both := func(signature, token object) object {
			context := maps.Clone(signature)
			for name, value := range token {
				if members, ok := context[name].(object); ok {
					members = maps.Clone(members)
					maps.Copy(members, value.(object))
					value = members
				}
				context[name] = value
			}
			return context
		}
		contexts := map[string][]object{
			service: {
				g.signature(iam),
				g.signature(object{"userArn": callerARN, "sub": "1", "claims": one, "jwt": object{"claims": one}}), // these claims are not a token's
			},
			token: {
				bearer(one), bearer(object{"sub": "1", "scope": "openid ledger/credit"}),
				// A token never gets a service's rights.
				bearer(imitation), both(bearer(one), object{"userArn": callerARN, "principalId": callerARN}),
				both(bearer(one), object{"authorizer": object{"userArn": callerARN, "lambda": object{"iam": iam}}}),
				both(bearer(one), other.signature(iam)), // IAM's caller, where the other payload format has it
			},
			rejected: {
				{},
				// API Gateway never sends both a signature and a token.
				both(g.signature(iam), bearer(one)), both(g.signature(iam), bearer("1")), both(g.signature(iam), bearer(object{})),
				both(g.signature(object{"userArn": 1}), bearer(one)), both(g.signature(object{"userArn": ""}), bearer(one)),
				// These are in the wrong place, or have the wrong JSON type.
				other.signature(iam), {"authorizer": other.authorizer(one)}, iam, one, {"iam": iam}, {"claims": one},
				{"Identity": iam}, {"Authorizer": g.authorizer(one)}, {"authorizer": object{"identity": iam}}, {"authorizer": object{"principalId": "1"}},
				{"authorizer": object{"lambda": object{"iam": iam, "jwt": one, "claims": one, "sub": "1"}}},
				{"authorizer": object{"Iam": iam, "JWT": object{"claims": one}, "Claims": one}},
			},
		}
		for _, wrong := range []any{
			nil, "", callerARN, true, 1, []any{iam}, object{}, object{"userArn": nil}, object{"userArn": ""}, object{"userArn": 1}, object{"userArn": iam},
			object{"userArn": []string{callerARN}}, object{"userARN": callerARN}, object{"caller": "c", "user": "u", "accessKey": "k", "userId": "u"},
		} {
			contexts[rejected] = append(contexts[rejected], g.signature(wrong), object{"authorizer": wrong})
		}
		for _, wrong := range []any{
			nil, "", "1", true, 1, []any{one}, object{}, object{"claims": one}, object{"Sub": "1"}, object{"username": "1"}, object{"client_id": "1"},
		} {
			contexts[rejected] = append(contexts[rejected], bearer(wrong))
		}
		for _, wrong := range []any{
			nil, 1, 1.5, true, []string{}, []string{"1"}, one, "", " ", " 1", "1 ", "1\x00", "1\n", strings.Repeat("1", 129), strings.Repeat("1", 4<<10),
		} {
			contexts[rejected] = append(contexts[rejected], bearer(object{"sub": wrong}))
		}
		for _, access := range []handler.Access{byTokens, {Authorization: handler.IAM, CreditScope: "ledger/credit"}} {
			h, books, _ := newHandlerFor(t, access)
			plain := overHTTP(t, h)
			for _, r := range calls { // plain HTTP has no authenticated caller
				assertForbidden(t, plain(t, r), fmt.Sprint("plain HTTP ", access, r))
			}
			for who, all := range contexts {
				for _, context := range all {
					for _, r := range calls {
						e := g.event(r)
						maps.Copy(e["requestContext"].(object), context)
						books.Network.Requests()
						got := invoke(t, h, encode(t, e))
						what := fmt.Sprint(format, " ", access, " ", r, " ", context)
						byToken := who == token && access == byTokens && !strings.Contains(r.target+r.body, "nother")
						if who == service || byToken {
							assert.NotEqual(t, http.StatusForbidden, got.Status, what)
							continue
						}
						assertForbidden(t, got, what)
						assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB: %s", what)
					}
				}
			}
		}
	}
}

// A token's sub is its user id, and can contain spaces and any letters.
func TestSubIsTheUser(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, _ *infratest.Books) {
		for _, sub := range []string{"a b", "auth0|5f7c", "é", "1,2", `"1"`, "[1]", strings.Repeat("é", 128)} {
			assert.Equal(t, http.StatusCreated, g.user(sub, h).post(t, "1", body(sub, "1", "debit")).Status, sub)
			assertForbidden(t, g.user(sub, h).get(t, "/balance?userId=1"), sub)
		}
	})
}

func TestTemplateAuthorizes(t *testing.T) {
	t.Parallel()
	assert.ElementsMatch(t, []handler.Authorization{handler.IAM, handler.JWT}, readTemplate(t).Parameters["Authorization"].AllowedValues)
}

func TestAccessFromEnv(t *testing.T) {
	t.Parallel()
	read := func(authorization, scope string) (handler.Access, error) {
		return handler.AccessFromEnv(func(name string) string {
			return map[string]string{"AUTHORIZATION": authorization, "CREDIT_SCOPE": scope}[name]
		})
	}
	for _, authorization := range []handler.Authorization{handler.IAM, handler.JWT, handler.None} {
		for _, scope := range []string{"", "credit", "ledger/credit", "https://ledger.example.com/credit", "urn:ledger:[credit]", "~"} {
			got, err := read(string(authorization), scope)
			require.NoError(t, err, scope)
			assert.Equal(t, handler.Access{Authorization: authorization, CreditScope: scope}, got)
		}
	}
	for _, wrong := range []string{"", "IAM", "jwt", "none", "JWT "} {
		_, err := read(wrong, "")
		assert.ErrorContains(t, err, "AUTHORIZATION in the environment must be AWS_IAM, JWT or NONE", wrong)
	}
	for _, wrong := range []string{" ", "a b", "a,b\t", "\"a\"", `a\b`, "crédit", "a\x7f"} {
		_, err := read("JWT", wrong)
		assert.ErrorContains(t, err, "CREDIT_SCOPE in the environment must be one scope", wrong)
	}
}
