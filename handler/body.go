package handler

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"onewrite/ledger"
)

// maxBodyBytes bounds a body. A transaction takes under 1 KB of it.
const maxBodyBytes = 16 << 10

// currency is the only one there is.
const currency = "USD"

// readBody reads a whole body of at most maxBodyBytes, or is errBodyTooLarge.
func readBody(c *call) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, c.Body, maxBodyBytes))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, errBodyTooLarge
	}
	if err != nil {
		invalid := &invalidRequest{}
		invalid.add(bodyField, "did not arrive whole")
		return nil, invalid
	}
	return body, nil
}

// members are the members of a transaction's body, each as its own text, so
// that no digit of an amount goes through a float. Others are ignored.
type members struct {
	UserID   jsontext.Value `json:"userId"`
	Ammount  jsontext.Value `json:"ammount"`
	Amount   jsontext.Value `json:"amount"`
	Type     jsontext.Value `json:"type"`
	Currency jsontext.Value `json:"currency"`
}

// parseBody reads a transaction's body into r. Names are case-sensitive; a
// member that stands twice, in any object, and invalid UTF-8 are refused, as
// two readers could read them in two ways (RFC 8259, section 4).
func parseBody(invalid *invalidRequest, body []byte, r *ledger.Request) {
	if jsontext.Value(body).Kind() != '{' {
		invalid.add(bodyField, "must be a JSON object")
		return
	}
	var m members
	if err := json.Unmarshal(body, &m); err != nil {
		invalid.add(bodyField, "must be valid JSON: "+unreadable(err))
		return
	}
	r.UserID = parseMember(invalid, userField, m.UserID, aString, ledger.ParseUserID)
	r.Type = parseMember(invalid, typeField, m.Type, aString, ledger.ParseType)
	r.Amount = parseAmount(invalid, m)
	if m.Currency != nil && textOf(m.Currency) != currency {
		invalid.add(currencyField, `must be "USD", or left out`)
	}
}

// parseAmount reads the amount under either of its names.
func parseAmount(invalid *invalidRequest, m members) ledger.Amount {
	if m.Amount == nil {
		return parseMember(invalid, ammountField, m.Ammount, aStringOrNumber, ledger.ParseAmount)
	}
	amount := parseMember(invalid, amountField, m.Amount, aStringOrNumber, ledger.ParseAmount)
	if m.Ammount != nil {
		same := parseMember(invalid, ammountField, m.Ammount, aStringOrNumber, ledger.ParseAmount)
		if !same.Equal(amount) {
			invalid.add(amountField, "must be the same as ammount, or left out")
		}
	}
	return amount
}

// kinds are the JSON kinds that a member may have, by their first byte.
type kinds struct{ allowed, reason string }

var (
	aString         = kinds{`"`, "must be a string"}
	aStringOrNumber = kinds{`"0`, "must be a string or a number"}
)

// parseMember reads a member by one of the ledger's parsers, and adds why it
// can't.
func parseMember[T any](invalid *invalidRequest, field string, member jsontext.Value, k kinds, parser func(string) (T, error)) T {
	var none T
	if member == nil {
		invalid.add(field, "is required")
		return none
	}
	if !strings.ContainsRune(k.allowed, rune(member.Kind())) {
		invalid.add(field, k.reason)
		return none
	}
	return parse(invalid, field, textOf(member), parser)
}

// textOf returns the text of a string, and of anything else its own digits or
// letters.
func textOf(member jsontext.Value) string {
	if text, err := jsontext.AppendUnquote(nil, member); err == nil {
		return string(text)
	}
	return string(member)
}

// unreadable says where and why JSON can't be read, for its sender.
func unreadable(err error) string {
	var (
		syntax *jsontext.SyntacticError
		kind   *json.SemanticError
	)
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("%v at byte %d", syntax.Err, syntax.ByteOffset)
	case errors.As(err, &kind):
		return fmt.Sprintf("a JSON %v is not expected at %q", kind.JSONKind, kind.JSONPointer)
	}
	return "it can't be read"
}
