package handler

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"onewrite/ledger"
)

// Authorization says whom a caller may touch, once API Gateway has let the
// call in. The names are those that API Gateway has for its routes.
type Authorization string

const (
	// IAM lets a caller touch every user: who may call at all is for IAM's
	// policies to say.
	IAM Authorization = "AWS_IAM"

	// JWT lets a caller touch one user, whom the "sub" of the token names. API
	// Gateway has checked the token and put its claims into the event, where
	// no caller can write. An event of an API or a function URL without them
	// is forbidden, and so is all that comes over plain HTTP. A direct
	// invocation may touch every user, as with IAM.
	JWT Authorization = "JWT"
)

// AuthorizationFromEnv reads AUTHORIZATION, which template.yaml sets. There is
// no default: a name that is misspelled must not open the ledger.
func AuthorizationFromEnv(getenv func(string) string) (Authorization, error) {
	const name = "AUTHORIZATION"
	switch a := Authorization(getenv(name)); a {
	case IAM, JWT:
		return a, nil
	default:
		return "", fmt.Errorf("%s in the environment must be %s or %s, and is %q", name, IAM, JWT, a)
	}
}

// Option is a choice for [New].
type Option func(*Handler)

// AuthorizedBy chooses the Authorization. The default is [IAM].
func AuthorizedBy(a Authorization) Option {
	return func(h *Handler) { h.authorization = a }
}

// caller is whom the sender of a call may touch. The zero caller may touch
// nobody.
type caller struct {
	all  bool
	user ledger.UserID
}

var anyone = caller{all: true}

// mayTouch is errForbidden where the caller may not touch that user.
func (c caller) mayTouch(user ledger.UserID) error {
	if c.all || user == c.user {
		return nil
	}
	return errForbidden
}

// refusal is why a call is refused before it reaches the ledger. Another's user
// comes first, so that nothing else is told about it; the zero user is one
// that could not be read.
func (c *call) refusal(user ledger.UserID, invalid *invalidRequest) error {
	if user != (ledger.UserID{}) {
		if err := c.caller.mayTouch(user); err != nil {
			return err
		}
	}
	return invalid.err()
}

// callerOf is the caller of an event, or errForbidden if the event does not
// name one. Claims bind in either mode: while a deployment changes the mode,
// the function and the API in front of it are not of the same one.
func (h *Handler) callerOf(payload []byte, e event) (caller, error) {
	claims := e.claims()
	if claims == nil && (h.authorization == IAM || direct(payload)) {
		return anyone, nil
	}
	var token struct {
		Sub string `json:"sub"`
	}
	if err := json.Unmarshal(claims, &token); err != nil {
		return caller{}, errForbidden
	}
	user, err := ledger.ParseUserID(token.Sub)
	if err != nil {
		return caller{}, errForbidden
	}
	return caller{user: user}, nil
}
