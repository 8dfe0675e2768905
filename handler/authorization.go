package handler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"onewrite/ledger"
)

// Access decides who may do what:
//
//	                          AWS_IAM     JWT          NONE
//	direct invocation         everything  everything   everything
//	event with IAM's caller   everything  everything   everything
//	event with a token        nothing     [rights]     everything
//	event with both           nothing     nothing      everything
//	any other event           nothing     nothing      everything
//	plain HTTP                nothing     nothing      everything
//
// API Gateway, or a function URL, checks signature and token, and writes the result
// into the event's context, where no caller can write. The result also shows the
// event's API: the one for services has routes by IAM only, and the other one, with
// JWT, has routes by token only. The environment can't have the APIs' ids, because each
// API names the function. IAM decides who may invoke the function directly. The zero
// Access allows nothing.
type Access struct {
	Authorization Authorization

	// CreditScope is the scope of tokens that may credit any user, with money from
	// outside. If it is empty, no token has it.
	CreditScope string
}

// Authorization is the authority over callers. API Gateway and function URLs have these
// names for it.
type Authorization string

const (
	// IAM lets IAM's policies decide.
	IAM Authorization = "AWS_IAM"

	// JWT lets the call's token decide.
	JWT Authorization = "JWT"

	// None allows every call. It is for tests, and for sam local,
	// whose events name no caller; template.yaml can't deploy it.
	None Authorization = "NONE"
)

// AccessFromEnv reads the variables that template.yaml sets:
//
//	AUTHORIZATION  AWS_IAM, JWT or NONE
//	CREDIT_SCOPE   optional: one scope
//
// The first has no default: a misspelled name must not open the ledger.
func AccessFromEnv(getenv func(string) string) (Access, error) {
	a := Access{
		Authorization: Authorization(getenv("AUTHORIZATION")),
		CreditScope:   getenv("CREDIT_SCOPE"),
	}
	switch a.Authorization {
	case IAM, JWT, None:
	default:
		return Access{}, fmt.Errorf("AUTHORIZATION in the environment must be %s, %s or %s, and is %q", IAM, JWT, None, a.Authorization)
	}
	if strings.ContainsFunc(a.CreditScope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return Access{}, fmt.Errorf("CREDIT_SCOPE in the environment must be one scope (RFC 6749, section 3.3), and is %q", a.CreditScope)
	}
	return a, nil
}

var directCaller = ledger.NewCaller("direct")

// callerOf returns the event's caller, or errForbidden if it may do nothing.
func (h *Handler) callerOf(e event) (caller, error) {
	authorization := h.access.Authorization
	arn, signed := e.signature()
	service, claims := caller{name: ledger.NewCaller(arn), kind: service}, e.claims()
	if e.direct {
		service.name = directCaller
	}
	switch {
	case authorization == None:
		return service, nil
	case authorization != IAM && authorization != JWT, signed && claims != nil:
	case e.direct, arn != "":
		return service, nil
	case authorization == JWT && !signed:
		return h.access.bearer(claims)
	}
	return caller{}, errForbidden
}

// bearer returns the caller whose token has these claims.
func (a Access) bearer(claims jsontext.Value) (caller, error) {
	var payload struct {
		Sub   string         `json:"sub"`
		Scope jsontext.Value `json:"scope"` // RFC 8693, section 4.2
		Scp   jsontext.Value `json:"scp"`   // the same, from other issuers
	}
	if err := json.Unmarshal(claims, &payload); err != nil {
		return caller{}, errForbidden
	}
	user, err := ledger.ParseUserID(payload.Sub)
	if err != nil {
		return caller{}, errForbidden
	}
	kind := token
	if a.CreditScope != "" && slices.Contains(append(scopes(payload.Scope), scopes(payload.Scp)...), a.CreditScope) {
		kind = scoped
	}
	return caller{name: nameOfToken(payload.Sub), kind: kind, user: user}, nil
}

// nameOfToken returns the name for a token's caller: its sub, after "sub:" if it could
// pass for another caller's name. The issuer may let users choose it.
func nameOfToken(sub string) ledger.Caller {
	if sub == directCaller.String() || strings.HasPrefix(sub, "arn:") || strings.HasPrefix(sub, "sub:") {
		sub = "sub:" + sub
	}
	return ledger.NewCaller(sub)
}

// scopes returns the scopes in a claim: a text with spaces between them, or a list.
// HTTP APIs turn every claim into a text, and a list into "[a b]"; REST APIs keep a
// list. Beside the claims an HTTP API has "scopes", which is null unless its route asks
// for some; only the claims have the token's scopes.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-jwt-authorizer-claims.html
func scopes(claim jsontext.Value) []string {
	var list []string
	if json.Unmarshal(claim, &list) == nil {
		return list
	}
	var text string
	if json.Unmarshal(claim, &text) != nil {
		return nil
	}
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		text = text[1 : len(text)-1]
	}
	return strings.Split(text, " ")
}
