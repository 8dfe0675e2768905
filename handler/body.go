package handler

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"onewrite/ledger"
)

// maxBodyBytes bounds a body. One entry takes under 1 KB of it, and 99 fit if
// their users' ids are not long.
const maxBodyBytes = 16 << 10

// currency is the only one there is.
const currency = "USD"

// readBody reads a whole body of at most maxBodyBytes. A longer one is
// errBodyTooLarge.
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
	entryMembers
	Entries jsontext.Value `json:"entries"`
}

// entryMembers are the members of an entry. The short body has them too: it is a
// transaction of one entry.
type entryMembers struct {
	UserID    jsontext.Value `json:"userId"`
	Ammount   jsontext.Value `json:"ammount"`
	Amount    jsontext.Value `json:"amount"`
	Type      jsontext.Value `json:"type"`
	Currency  jsontext.Value `json:"currency"`
	Metadata  jsontext.Value `json:"metadata"`  // of the transaction
	ExpiresIn jsontext.Value `json:"expiresIn"` // of the transaction
}

// parseBody reads a transaction's body into r. Names are case-sensitive; a
// member that stands twice, in any object, and invalid UTF-8 are rejected, as
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
	if m.Entries == nil {
		r.Entries = []ledger.Entry{parseEntry(invalid, "", m.entryMembers)}
	} else {
		parseEntries(invalid, m, r)
	}
	r.Metadata = parseMetadata(invalid, m.Metadata)
	if m.ExpiresIn != nil {
		parseExpiresIn(invalid, m.ExpiresIn, r)
	}
}

// parseEntries reads the entries of the long body.
func parseEntries(invalid *invalidRequest, m members, r *ledger.Request) {
	for field, member := range map[string]jsontext.Value{
		userField: m.UserID, ammountField: m.Ammount, amountField: m.Amount, typeField: m.Type,
	} {
		if member != nil {
			invalid.add(field, "must be in an entry, or entries be left out")
		}
	}
	checkCurrency(invalid, "", m.Currency)
	var entries []jsontext.Value
	if m.Entries.Kind() != '[' || json.Unmarshal(m.Entries, &entries) != nil {
		invalid.add(entriesField, "must be an array")
		return
	}
	if len(entries) >= ledger.MaxItems { // too many to say what is wrong with each
		parsed := make([]ledger.Entry, len(entries))
		invalid.addError(entriesField, ledger.CheckEntries(parsed))
		return
	}
	for i, entry := range entries {
		field := fmt.Sprintf("%s[%d]", entriesField, i)
		var m entryMembers
		if entry.Kind() != '{' || json.Unmarshal(entry, &m) != nil {
			invalid.add(field, "must be an object")
			r.Entries = append(r.Entries, ledger.Entry{}) // which keeps the places of the others
			continue
		}
		field += "."
		for name, member := range map[string]jsontext.Value{metadataField: m.Metadata, expiresInField: m.ExpiresIn} {
			if member != nil {
				invalid.add(field+name, "must be beside entries, not in one")
			}
		}
		r.Entries = append(r.Entries, parseEntry(invalid, field, m))
	}
	invalid.addError(entriesField, ledger.CheckEntries(r.Entries))
}

// parseEntry reads an entry. What is wrong with it is named by the field of a
// member, which begins with the prefix.
func parseEntry(invalid *invalidRequest, prefix string, m entryMembers) ledger.Entry {
	checkCurrency(invalid, prefix, m.Currency)
	return ledger.Entry{
		UserID: parseMember(invalid, prefix+userField, m.UserID, aString, ledger.ParseUserID),
		Type:   parseMember(invalid, prefix+typeField, m.Type, aString, ledger.ParseType),
		Amount: parseAmount(invalid, prefix, m),
	}
}

func checkCurrency(invalid *invalidRequest, prefix string, member jsontext.Value) {
	if member != nil && textOf(member) != currency {
		invalid.add(prefix+currencyField, `must be "USD", or left out`)
	}
}

// parseAmount reads the amount under either of its names.
func parseAmount(invalid *invalidRequest, prefix string, m entryMembers) ledger.Amount {
	if m.Amount == nil {
		return parseMember(invalid, prefix+ammountField, m.Ammount, aStringOrNumber, ledger.ParseAmount)
	}
	amount := parseMember(invalid, prefix+amountField, m.Amount, aStringOrNumber, ledger.ParseAmount)
	if m.Ammount != nil {
		same := parseMember(invalid, prefix+ammountField, m.Ammount, aStringOrNumber, ledger.ParseAmount)
		if !same.Equal(amount) {
			invalid.add(prefix+amountField, "must be the same as ammount, or left out")
		}
	}
	return amount
}

// parseExpiresIn reads how long the transaction is pending, and checks that it
// can be, if all its entries could be parsed.
func parseExpiresIn(invalid *invalidRequest, member jsontext.Value, r *ledger.Request) {
	r.ExpiresIn = parseMember(invalid, expiresInField, member, aNumber, ledger.ParseExpiresIn)
	if !slices.ContainsFunc(r.Entries, unparsed) {
		invalid.addError(expiresInField, ledger.CheckHold(r.Entries))
	}
}

func unparsed(e ledger.Entry) bool {
	return e.UserID == (ledger.UserID{}) || e.Type == "" || e.Amount.Equal(ledger.Amount{})
}

// parseMetadata reads the metadata, which may be left out.
func parseMetadata(invalid *invalidRequest, member jsontext.Value) ledger.Metadata {
	if member == nil {
		return ledger.Metadata{}
	}
	var values map[string]jsontext.Value
	if member.Kind() != '{' || json.Unmarshal(member, &values) != nil {
		invalid.add(metadataField, "must be an object")
		return ledger.Metadata{}
	}
	texts := make(map[string]string, len(values))
	for name, value := range values {
		if value.Kind() != '"' {
			invalid.add(metadataField, "must have no other values than strings")
			return ledger.Metadata{}
		}
		texts[name] = textOf(value)
	}
	metadata, err := ledger.NewMetadata(texts)
	invalid.addError(metadataField, err)
	return metadata
}

// kinds are the JSON kinds that a member may have, by their first byte.
type kinds struct{ allowed, reason string }

var (
	aString         = kinds{`"`, "must be a string"}
	aNumber         = kinds{`0`, "must be a number"}
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

// unreadable returns where and why JSON can't be read, for the caller.
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
