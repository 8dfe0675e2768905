package handler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"onewrite/ledger"
)

// Access decides what each caller may do:
//
//	                          AWS_IAM     JWT          NONE
//	direct invocation         everything  everything   everything
//	event with IAM's caller   everything  everything   everything
//	event with a token        nothing     [rights]     everything
//	event with both           nothing     nothing      everything
//	any other event           nothing     nothing      everything
//	plain HTTP                nothing     nothing      everything
//
// API Gateway or a function URL checks the signature or the token, and writes the result
// into the event's requestContext, where no caller can write. The result also shows which
// API the call came through. With JWT, IAM authorizes all routes of the API for services,
// and tokens authorize all routes of the other API. The function can't compare API ids
// instead: its environment can't contain them, because each API refers to the function. IAM
// decides who may invoke the function directly. The zero Access allows nothing.
type Access struct {
	Authorization Authorization

	// CreditScope is the scope that allows a token to credit any user with money from
	// outside. If it is empty, no token has that right.
	CreditScope string
}

// Authorization is the way in which callers are authorized. The values are the names that
// API Gateway and function URLs use.
type Authorization string

const (
	// IAM means that IAM's policies decide.
	IAM Authorization = "AWS_IAM"

	// JWT means that the call's token decides.
	JWT Authorization = "JWT"

	// None means that every call is allowed. It is for tests and for sam local, whose
	// events name no caller. template.yaml can't deploy it.
	None Authorization = "NONE"
)

// AccessFromEnv reads the variables that template.yaml sets:
//
//	AUTHORIZATION  AWS_IAM, JWT or NONE
//	CREDIT_SCOPE   optional: one scope
//
// AUTHORIZATION has no default, so that a misspelled name can't open the ledger to
// everyone.
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

// callerOf returns the event's caller, or errForbidden if the caller has no rights.
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

// bearer returns the caller whose token has the claims, or errForbidden if sub is invalid.
func (a Access) bearer(claims jsontext.Value) (caller, error) {
	var payload struct {
		Sub   string         `json:"sub"`
		Scope jsontext.Value `json:"scope"` // RFC 8693, section 4.2
		Scp   jsontext.Value `json:"scp"`   // the name that some issuers use instead
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

// nameOfToken returns the name of a token's caller: the token's sub. An issuer can let
// users choose it, so a sub that could be another caller's name gets the prefix "sub:".
func nameOfToken(sub string) ledger.Caller {
	if sub == directCaller.String() || strings.HasPrefix(sub, "arn:") || strings.HasPrefix(sub, "sub:") {
		sub = "sub:" + sub
	}
	return ledger.NewCaller(sub)
}

// scopes returns the scopes in a claim, either a list or a space-separated string. HTTP
// APIs turn every claim into a string, and a list into "[a b]". REST APIs keep a list. The
// "scopes" that an HTTP API sends beside the claims are not used, because they are only the
// scopes that its route requires.
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
