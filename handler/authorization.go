package handler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"onewrite/ledger"
)

// Access says who may do what:
//
//	                          AWS_IAM     JWT                         NONE
//	direct invocation         everything  everything                  everything
//	event with IAM's caller   everything  nothing                     everything
//	event with a token        nothing     read and debit the token's  everything
//	                                      user; credit more than that,
//	                                      and capture, by scope
//	any other event           nothing     nothing                     everything
//	plain HTTP                nothing     nothing                     everything
//
// API Gateway, or a function URL, has checked signature and token, and put what
// it found out into the event, where no caller can write. IAM says who may
// invoke the function directly. What a caller may not do is answered 403;
// another user's transaction is answered 404, as if there were none. The zero
// Access allows nothing.
type Access struct {
	Authorization Authorization

	// CreditScope is the scope that a token needs to credit more than it
	// debits, which is money from outside, and to capture a hold. Without one
	// no token may.
	CreditScope string
}

// Authorization says who decides what a caller may do. The names are those
// that API Gateway and function URLs have for their routes.
type Authorization string

const (
	// IAM leaves it to IAM's policies.
	IAM Authorization = "AWS_IAM"

	// JWT leaves it to the token that a call brings.
	JWT Authorization = "JWT"

	// None lets everyone do everything. It is for tests, and for sam local,
	// whose events name no caller; template.yaml can't deploy it.
	None Authorization = "NONE"
)

// AccessFromEnv reads what template.yaml sets:
//
//	AUTHORIZATION  AWS_IAM, JWT or NONE
//	CREDIT_SCOPE   optional: one scope
//
// There is no default for the first: a name that is misspelled must not open
// the ledger.
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

// caller says who sent a call, and what it may do. The zero caller may do nothing.
type caller struct {
	name    ledger.Caller // the ARN of IAM's caller, a token's sub, or direct; none over plain HTTP
	all     bool          // everything
	user    ledger.UserID // whom it may read and debit
	credits bool          // whether it may credit more than it debits
}

var anyone = caller{all: true}

// mayRead returns errForbidden if the caller may not read that user. It goes
// before any other error of a call, so that the answer says nothing about
// another's user. The zero user is one that could not be parsed.
func (c caller) mayRead(user ledger.UserID) error {
	if c.all || user == c.user || user == (ledger.UserID{}) {
		return nil
	}
	return errForbidden
}

// mayPost returns errForbidden if the caller may not post these entries: the
// first and every debit must be of its own user, and without the scope for
// credits it may not bring in money from outside. Entries that could not be
// parsed are the answer 400's matter.
func (c caller) mayPost(entries []ledger.Entry) error {
	if c.all {
		return nil
	}
	for i, e := range entries {
		if i == 0 || e.Type == ledger.Debit {
			if err := c.mayRead(e.UserID); err != nil {
				return err
			}
		}
	}
	if !c.credits && mints(entries) {
		return errForbidden
	}
	return nil
}

// mayCapture returns errForbidden if the caller may not take what is held.
func (c caller) mayCapture() error {
	if c.all || c.credits {
		return nil
	}
	return errForbidden
}

// mints reports whether the entries bring in money. Where one could not be
// parsed, it may be a debit of as much as the credits.
func mints(entries []ledger.Entry) bool {
	debits := false
	for _, e := range entries {
		switch {
		case e.Type == ledger.Credit:
		case e.Type == "" || e.Amount.Equal(ledger.Amount{}):
			return false
		default:
			debits = true
		}
	}
	return len(entries) > 0 && (!debits || ledger.Mints(entries))
}

var directCaller = ledger.NewCaller("direct")

// callerOf returns the caller of an event, or errForbidden if it may do nothing.
func (h *Handler) callerOf(e event) (caller, error) {
	switch authorization := h.access.Authorization; {
	case authorization == None:
		return caller{name: e.callerName(), all: true}, nil
	case e.direct && authorization != "":
		return caller{name: directCaller, all: true}, nil
	case authorization == IAM && e.userARN() != "":
		return caller{name: e.callerName(), all: true}, nil
	case authorization == JWT:
		return h.access.bearer(e.claims())
	}
	return caller{}, errForbidden
}

// callerName returns the name of the caller that an event names, or nothing.
func (e event) callerName() ledger.Caller {
	if e.direct {
		return directCaller
	}
	return ledger.NewCaller(e.userARN())
}

// bearer returns the caller of a token with these claims.
func (a Access) bearer(claims jsontext.Value) (caller, error) {
	var token struct {
		Sub   string         `json:"sub"`
		Scope jsontext.Value `json:"scope"` // RFC 8693, section 4.2
		Scp   jsontext.Value `json:"scp"`   // the same, of other issuers
	}
	if err := json.Unmarshal(claims, &token); err != nil {
		return caller{}, errForbidden
	}
	user, err := ledger.ParseUserID(token.Sub)
	if err != nil {
		return caller{}, errForbidden
	}
	credits := a.CreditScope != "" && slices.Contains(append(scopes(token.Scope), scopes(token.Scp)...), a.CreditScope)
	return caller{name: ledger.NewCaller(token.Sub), user: user, credits: credits}, nil
}

// scopes returns the scopes in a claim: a text with spaces between them, or a
// list. HTTP APIs make a text of every claim, and "[a b]" of a list; REST APIs
// leave a list as it is. Beside the claims an HTTP API has "scopes", which is
// null unless its route asks for some; what the token has stands in the claims.
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
