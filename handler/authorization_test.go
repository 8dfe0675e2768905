package handler_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// object is a JSON object.
type object = map[string]any

// gateway is API Gateway, in one payload format.
type gateway struct {
	event      func(request) object
	authorizer func(claims any) object // where the format has a token's claims
	sign       func(context object)    // puts IAM's caller where the format has it
}

const callerARN = "arn:aws:sts::123456789012:assumed-role/shop/shop"

var gateways = map[string]gateway{
	"payload 2.0": {
		event2, func(claims any) object { return object{"jwt": object{"claims": claims, "scopes": nil}} },
		func(context object) { context["authorizer"] = object{"iam": object{"userArn": callerARN}} },
	},
	"payload 1.0": {
		event1, func(claims any) object { return object{"claims": claims, "scopes": nil} },
		func(context object) { context["identity"] = object{"userArn": callerARN} },
	},
}

// authorized returns the event of a request with this authorizer in its context.
func (g gateway) authorized(r request, authorizer any) object {
	e := g.event(r)
	e["requestContext"].(object)["authorizer"] = authorizer
	return e
}

// signed returns the event of a request that IAM let in.
func (g gateway) signed(r request) object {
	e := g.event(r)
	g.sign(e["requestContext"].(object))
	return e
}

// byTokens lets tokens decide, and those with a scope credit.
var byTokens = handler.Access{Authorization: handler.JWT, CreditScope: "ledger/credit"}

// user returns the API as a user with a valid token reaches it, who may credit.
func (g gateway) user(sub string, h *handler.Handler) *api {
	return &api{send: func(t *testing.T, r request) answer {
		t.Helper()
		got := invoke(t, h, encode(t, g.authorized(r, g.authorizer(object{"sub": sub, "iss": "https://issuer", "scope": "openid ledger/credit"}))))
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
			h, books, _ := newHandlerFor(t, byTokens)
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

func TestTokenOfTheUser(t *testing.T) {
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

// nextOf returns the cursor of a page.
func nextOf(page answer) string {
	_, cursor, _ := strings.Cut(page.Body, `"next":"`)
	return strings.TrimSuffix(cursor, `"}`)
}

// A token of user 2 may do nothing to user 1, whatever else is wrong with the
// call, and whatever the caller writes where a caller can write.
func TestTokenOfAnotherUser(t *testing.T) {
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

// Who may do what, row by row of the table in [handler.Access].
func TestAccess(t *testing.T) {
	t.Parallel()
	post := func(user, kind string) request {
		return request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": kind}, body(user, "1", kind)}
	}
	get := func(user string) request { return request{method: http.MethodGet, target: "/balance?userId=" + user} }
	calls := map[string]request{
		"read": get("1"), "debit": post("1", "debit"), "credit": post("1", "credit"),
		"read another": get("2"), "debit another": post("2", "debit"), "credit another": post("2", "credit"),
	}
	all := slices.Collect(maps.Keys(calls))
	token := func(claims object) func(gateway, request) object {
		return func(g gateway, r request) object { return g.authorized(r, g.authorizer(claims)) }
	}
	senders := map[string]func(gateway, request) object{
		"direct":    func(_ gateway, r request) object { return bare(r) },
		"signed":    gateway.signed,
		"token":     token(object{"sub": "1"}),
		"scope":     token(object{"sub": "1", "scope": "openid ledger/credit"}),
		"otherwise": func(g gateway, r request) object { return g.event(r) },
	}
	own, ownAndCredit := []string{"read", "debit"}, []string{"read", "debit", "credit"}
	scoped, unscoped := byTokens, handler.Access{Authorization: handler.JWT}
	iam, open := handler.Access{Authorization: handler.IAM, CreditScope: "ledger/credit"}, handler.Access{Authorization: handler.None}
	for _, c := range []struct {
		access  handler.Access
		sender  string
		allowed []string
	}{
		{iam, "direct", all}, {iam, "signed", all}, {iam, "token", nil}, {iam, "scope", nil}, {iam, "otherwise", nil},
		{scoped, "direct", all}, {scoped, "signed", nil}, {scoped, "token", own}, {scoped, "scope", ownAndCredit}, {scoped, "otherwise", nil},
		{unscoped, "direct", all}, {unscoped, "signed", nil}, {unscoped, "token", own}, {unscoped, "scope", own}, {unscoped, "otherwise", nil},
		{open, "direct", all}, {open, "signed", all}, {open, "token", all}, {open, "scope", all}, {open, "otherwise", all},
		{handler.Access{}, "direct", nil}, {handler.Access{}, "signed", nil}, {handler.Access{}, "scope", nil}, {handler.Access{}, "otherwise", nil},
	} {
		for format, g := range gateways {
			h, books, _ := newHandlerFor(t, c.access)
			for name, call := range calls {
				row := fmt.Sprintf("%+v %s, %s: %s", c.access, format, c.sender, name)
				books.Network.Requests()
				got := invoke(t, h, encode(t, senders[c.sender](g, call)))
				if slices.Contains(c.allowed, name) {
					assert.Contains(t, []int{http.StatusOK, http.StatusCreated}, got.Status, row)
					continue
				}
				assertForbidden(t, got, row)
				assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB: %s", row)
			}
		}
	}
}

// What a token may post, row by row: the first entry and every debit are its own
// user's, and it credits at most what it debits, or has the scope.
func TestTokenAndEntries(t *testing.T) {
	t.Parallel()
	own, another := entry("1", "10", "debit"), entry("2", "10", "credit")
	const never, scoped, always = 0, 1, 2
	for _, c := range []struct {
		name, body string
		allowed    int
	}{
		{"debit", entries("", own), always},
		{"transfer", entries("", own, another), always},
		{"transfer of less", entries("", own, entry("2", "9.99", "credit")), always},
		{"transfer with a fee", withFee, always},
		{"transfer to oneself", entries("", own, entry("1", "10", "credit")), always},
		{"two debits and their sum", entries("", own, own, entry("2", "20", "credit")), always},
		{"own credit first, as much as the debit", entries("", entry("1", "10", "credit"), own), always},
		{"credit", entries("", entry("1", "10", "credit")), scoped},
		{"transfer of more", entries("", own, entry("2", "10.01", "credit")), scoped},
		{"transfer of more in parts", entries("", own, another, entry("3", "0.01", "credit")), scoped},
		{"own credit, and a smaller debit", entries("", entry("1", "10", "credit"), entry("1", "9", "debit")), scoped},
		{"another's credit first", entries("", another, own), never},
		{"another's debit", entries("", entry("2", "10", "debit"), entry("1", "10", "credit")), never},
		{"another's debit beside one's own", entries("", own, entry("2", "10", "debit")), never},
		{"another's debit for one's own credit", entries("", entry("1", "10", "credit"), entry("2", "10", "debit")), never},
		{"another's debit last", entries("", own, another, entry("3", "0.01", "debit")), never},
		// What is wrong besides is not told where the call is forbidden.
		{"another's debit, unreadable", entries("", own, entry("2", "x", "debit")), never},
		{"another's first, beside what is no entry", entries("", another, "1"), never},
		{"unreadable credit alone", entries("", entry("1", "x", "credit")), scoped},
		{"unreadable for want of entries", entries(""), always},
	} {
		for format, g := range gateways {
			for scope, least := range map[string]int{"openid": always, "openid ledger/credit": scoped} {
				row := fmt.Sprintf("%s, %s, scope %s", c.name, format, scope)
				h, books, _ := newHandlerFor(t, byTokens)
				r := request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1"}, c.body}
				got := invoke(t, h, encode(t, g.authorized(r, g.authorizer(object{"sub": "1", "scope": scope}))))
				keepsContract(t, r, got)
				switch {
				case c.allowed < least:
					assertForbidden(t, got, row)
					assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB: %s", row)
				case strings.HasPrefix(c.name, "unreadable"):
					assert.Equal(t, http.StatusBadRequest, got.Status, row)
				default:
					assert.Equal(t, http.StatusCreated, got.Status, row)
				}
			}
		}
	}
}

// A decline by another user's balance doesn't tell it, now or in a replay; one
// by one's own does.
func TestTokenHearsNoBalanceOfAnother(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		books.Fill(t, "rich")
		one := g.user("1", h)
		for range 2 {
			got := one.post(t, "1", entries("", entry("1", "99", "debit"), entry("rich", "101", "credit")))
			assert.Equal(t, http.StatusUnprocessableEntity, got.Status)
			p := got.problem(t)
			assert.Equal(t, "/problems/balance-limit", p.Type)
			assert.Equal(t, 1, *p.Entry)
			assert.Empty(t, p.Balance)
			assert.NotContains(t, got.Body, "999999999999900")
			assert.NotContains(t, one.get(t, got.Header.Get("Location")).Body, "999999999999900")

			p = one.post(t, "2", entries("", entry("1", "60", "debit"), entry("2", "60", "credit"), entry("1", "60", "debit"))).problem(t)
			assert.Equal(t, 2, *p.Entry)
			assert.Equal(t, "40", p.Balance)
		}
		assert.NotContains(t, one.get(t, "/transactions?userId=1").Body, "999999999999900")
	})
}

// Each user of a transaction sees its own entry, and nothing of the whole but
// its id.
func TestTokenSeesItsOwnEntry(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, _ *infratest.Books) {
		one, two := g.user("1", h), g.user("2", h)
		posted := one.post(t, "1", entries(`,"metadata":{"order":"secret"}`, entry("1", "10", "debit"), entry("2", "10", "credit")))
		require.Equal(t, http.StatusCreated, posted.Status)
		const entryPath = "/transactions/" + id11Entry1
		for _, seen := range []answer{two.get(t, entryPath), two.get(t, "/transactions?userId=2")} {
			assert.Equal(t, http.StatusOK, seen.Status)
			assert.Contains(t, seen.Body, `"userId":"2","type":"credit","ammount":"10","status":"posted"`)
			assert.Contains(t, seen.Body, `"transactionId":"`+id11+`"`)
			assert.NotContains(t, seen.Body, "secret")
			assert.NotContains(t, seen.Body, `"userId":"1"`)
		}
		assert.Equal(t, http.StatusNotFound, two.get(t, "/transactions/"+id11).Status, "the whole")
		assert.Equal(t, http.StatusNotFound, one.get(t, entryPath).Status, "another's entry")
		assert.Equal(t, posted.Body, one.get(t, "/transactions/"+id11).Body)
		assert.Contains(t, one.get(t, "/transactions?userId=1").Body, `"metadata":{"order":"secret"}`)
	})
}

// bare returns a request as a direct invocation.
func bare(r request) object {
	if r.method == http.MethodPost {
		return object{"headers": r.header, "body": r.body}
	}
	_, user, _ := strings.Cut(r.target, "userId=")
	return object{"queryStringParameters": object{"userId": user}}
}

// A token's scopes, in every shape that issuers and API Gateway give them.
func TestTokenScopes(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		credit := request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1"}, body("1", "1", "credit")}
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
		// What stands beside the claims is not the token's to say.
		authorizer := g.authorizer(object{"sub": "1"})
		for _, beside := range []object{authorizer, {"jwt": object{"claims": object{"sub": "1"}, "scopes": []string{"ledger/credit"}}, "claims": object{"sub": "1"}}} {
			beside["scope"], beside["scopes"] = "ledger/credit", []string{"ledger/credit"}
			assertForbidden(t, invoke(t, h, encode(t, g.authorized(credit, beside))), fmt.Sprint(beside))
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
	})
}

// Without a scope for credits no token may credit, not even by an empty scope;
// and the answer says nothing of what else is wrong with such a credit.
func TestTokenMayNotCredit(t *testing.T) {
	t.Parallel()
	for name, g := range gateways {
		h, books, _ := newHandlerFor(t, handler.Access{Authorization: handler.JWT})
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "paid", ledger.Credit, "10"))
		require.NoError(t, err)
		books.Network.Requests()
		for _, r := range []request{
			{"POST", "/transactions", map[string]string{"Idempotent-Key": "1"}, `{"userId":"1","ammount":"1000000000000","type":"credit"}`},
			{"POST", "/transactions", map[string]string{"Idempotent-Key": "1"}, `{"userId":"1","ammount":"x","type":"credit"}`},
			{"POST", "/transactions", nil, `{"userId":"1","type":"credit"}`},
			{"POST", "/transactions", map[string]string{"Idempotent-Key": "paid"}, body("1", "10", "credit")}, // a replay
		} {
			assertForbidden(t, g.user("1", h).send(t, r), name+" "+r.body)
		}
		credit := request{"POST", "/transactions", map[string]string{"Idempotent-Key": "1"}, body("1", "1", "credit")}
		for _, scope := range []any{nil, "", " ", "[]", "openid  email", []string{""}, []string{}} {
			token := g.authorizer(object{"sub": "1", "scope": scope})
			assertForbidden(t, invoke(t, h, encode(t, g.authorized(credit, token))), fmt.Sprint(name, scope))
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
		assert.Equal(t, http.StatusBadRequest, g.user("1", h).post(t, "1", `{"userId":"1","ammount":"1","type":"transfer"}`).Status, name)
		assert.Equal(t, "110", books.Balance(t, "1"), name)
	}
}

// Where IAM decides, the event must name its caller, in the format's own place.
func TestSignatureMissing(t *testing.T) {
	t.Parallel()
	for name, g := range gateways {
		h, books, _ := newHandlerFor(t, handler.Access{Authorization: handler.IAM})
		for _, r := range calls {
			assert.NotEqual(t, http.StatusForbidden, invoke(t, h, encode(t, g.signed(r))).Status, "%s %+v", name, r)
		}
		books.Network.Requests()
		iam := object{"userArn": callerARN}
		contexts := []object{{"userArn": callerARN}, {"iam": iam}, {"Identity": iam}, {"authorizer": object{"identity": iam}}, {"authorizer": object{"lambda": object{"iam": iam}}}}
		for _, wrong := range []any{nil, "", callerARN, true, []any{iam}, object{}, object{"userArn": nil}, object{"userArn": ""}, object{"userArn": 1},
			object{"userARN": callerARN}, object{"caller": "c", "user": "u", "accessKey": "k", "userId": "u"}} {
			contexts = append(contexts, object{"identity": wrong}, object{"authorizer": object{"iam": wrong}}, object{"authorizer": wrong})
		}
		for other, foreign := range gateways {
			if other != name {
				context := object{}
				foreign.sign(context)
				contexts = append(contexts, context)
			}
		}
		for _, context := range contexts {
			for _, r := range calls {
				e := g.event(r)
				maps.Copy(e["requestContext"].(object), context)
				assertForbidden(t, invoke(t, h, encode(t, e)), fmt.Sprint(name, context, r))
			}
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
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
			object{"iam": object{"userId": "1", "userArn": callerARN, "claims": one}}, object{"principalId": "1"},
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
func TestDirectInvocations(t *testing.T) {
	t.Parallel()
	const query, post = `"queryStringParameters":{"userId":"1"}`, `"headers":{"Idempotent-Key":"2"},"body":"{\"userId\":\"1\",\"ammount\":\"1\",\"type\":\"debit\"}"`
	for _, access := range []handler.Access{byTokens, {Authorization: handler.IAM}} {
		h, books, _ := newHandlerFor(t, access)
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
		for payload, status := range map[string]int{
			`{` + query + `,"httpMethod":"GET","path":"/balance"}`:                                                        403,
			`{` + query + `,"requestContext":{"http":{"method":"GET"}},"rawPath":"/balance"}`:                             403,
			`{` + query + `,"requestContext":null}`:                                                                       400,
			`{` + query + `,"requestContext":{}}`:                                                                         400,
			`{` + query + `,"requestContext":{"http":{"method":""}}}`:                                                     400,
			`{` + query + `,"httpMethod":""}`:                                                                             400,
			`{` + query + `,"version":"2.0"}`:                                                                             400,
			`{` + query + `,"rawPath":"/balance"}`:                                                                        400,
			`{` + query + `,"isBase64Encoded":false}`:                                                                     400,
			`{` + query + `,"multiValueQueryStringParameters":{}}`:                                                        400,
			`{` + query + `,"anything":null}`:                                                                             400,
			`{` + query + `,"requestContext":{"elb":{"targetGroupArn":"arn"}},"httpMethod":"GET","path":"/balance"}`:      400, // a load balancer
			`{` + post + `,"raw_path":"/transactions","method":"POST","is_base64_encoded":false}`:                         400, // VPC Lattice, version 1.0
			`{` + post + `,"version":"2.0","path":"/transactions","method":"POST","requestContext":{"serviceArn":"arn"}}`: 400, // and 2.0
			`{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}`:                                                         400,
		} {
			assert.Equal(t, status, invoke(t, h, []byte(payload)).Status, payload)
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
		assert.Equal(t, "110", books.Balance(t, "1"))
	}
}

// Of the recorded events, those with a caller of the right kind are let in.
func TestAccessOfRecordedEvents(t *testing.T) {
	t.Parallel()
	events, err := filepath.Glob("../testdata/events/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, events)
	for kind, access := range map[string]handler.Access{"-iam-": {Authorization: handler.IAM}, "-jwt-": byTokens} {
		h, _, _ := newHandlerFor(t, access)
		for _, path := range events {
			payload, err := os.ReadFile(path)
			require.NoError(t, err)
			got := invoke(t, h, payload)
			switch name := filepath.Base(path); {
			case strings.HasPrefix(name, "bare-"), strings.Contains(name, kind):
				assert.NotEqual(t, http.StatusForbidden, got.Status, name)
			case strings.HasPrefix(name, "unreadable-"), strings.HasPrefix(name, "other-"):
				assert.Equal(t, http.StatusBadRequest, got.Status, name)
			default:
				assertForbidden(t, got, name)
			}
		}
	}
}

// Before plain HTTP nobody has checked who calls.
func TestAccessOverPlainHTTP(t *testing.T) {
	t.Parallel()
	for _, access := range []handler.Access{{}, {Authorization: handler.IAM}, byTokens} {
		h, books, _ := newHandlerFor(t, access)
		send := overHTTP(t, h)
		for _, r := range calls {
			assertForbidden(t, send(t, r), fmt.Sprint(access, r))
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
	}
}

// No deployment lets everyone do everything.
func TestTemplateAuthorizes(t *testing.T) {
	t.Parallel()
	assert.ElementsMatch(t, []handler.Authorization{handler.IAM, handler.JWT}, readTemplate(t).Parameters.Authorization.AllowedValues)
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
