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

// maxBodyBytes bounds a body. An entry takes under 1 KB, and 99 entries fit unless
// their users' ids are long.
const maxBodyBytes = 16 << 10

// readBody reads a body. One longer than maxBodyBytes is errBodyTooLarge.
func readBody(c *call) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, c.Body, maxBodyBytes))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, errBodyTooLarge
	}
	if err != nil {
		return nil, invalidField(bodyField, "did not arrive whole")
	}
	return body, nil
}

// members are a transaction body's members, each as its own text, so that no amount
// passes through a float. Other members are ignored.
type members struct {
	entryMembers
	Entries member `json:"entries"`
}

// entryMembers are an entry's members. The short body has them too: it is a transaction
// with one entry.
type entryMembers struct {
	UserID   member `json:"userId"`
	Ammount  member `json:"ammount"`
	Amount   member `json:"amount"`
	Type     member `json:"type"`
	Currency member `json:"currency"`

	// These belong to the transaction. A null expiresIn is an error: ignoring it would
	// turn a hold into a payment.
	Metadata  member         `json:"metadata"`
	ExpiresIn jsontext.Value `json:"expiresIn"`
	Balanced  member         `json:"balanced"`
}

// member is a member's text. null is nil, like an absent member: generated clients send
// null for unset members.
type member jsontext.Value

// UnmarshalJSON implements [json.Unmarshaler].
func (m *member) UnmarshalJSON(text []byte) error {
	*m = nil
	if jsontext.Value(text).Kind() != jsontext.KindNull {
		*m = slices.Clone(text)
	}
	return nil
}

// readObject reads a JSON object into members. Any other body is a fault that asks for
// kind. If reading fails, members may have a part of the body. Names are
// case-sensitive. A duplicate member in any object and invalid UTF-8 are rejected,
// because two readers could read them differently (RFC 8259, section 4).
func readObject(invalid *invalidRequest, body []byte, members any, kind string) (ok bool) {
	if jsontext.Value(body).Kind() != '{' {
		invalid.add(bodyField, "must be "+kind)
		return false
	}
	if err := json.Unmarshal(body, members); err != nil {
		invalid.add(bodyField, "must be valid JSON: "+unreadable(err))
		return false
	}
	return true
}

// parseBody reads a transaction's body into r, by the ledger's settings.
func parseBody(invalid *invalidRequest, s ledger.Settings, body []byte, r *ledger.Request) {
	var m members
	if !readObject(invalid, body, &m, "a JSON object") {
		return
	}
	if m.Entries == nil {
		r.Entries = []ledger.Entry{parseEntry(invalid, s, "", m.entryMembers)}
	} else {
		parseEntries(invalid, s, m, r)
	}
	checkBalanced(invalid, m, r.Entries)
	r.Metadata = parseMetadata(invalid, m.Metadata)
	if m.ExpiresIn != nil {
		parseExpiresIn(invalid, m.ExpiresIn, r)
	}
}

// parseEntries reads the long body's entries.
func parseEntries(invalid *invalidRequest, s ledger.Settings, m members, r *ledger.Request) {
	for field, member := range map[string]member{
		userField: m.UserID, ammountField: m.Ammount, amountField: m.Amount, typeField: m.Type,
	} {
		if member != nil {
			invalid.add(field, "must be in an entry, or entries be left out")
		}
	}
	checkCurrency(invalid, s, "", m.Currency)
	var entries []jsontext.Value
	if jsontext.Value(m.Entries).Kind() != '[' || json.Unmarshal(m.Entries, &entries) != nil {
		invalid.add(entriesField, "must be an array")
		return
	}
	if len(entries) >= ledger.MaxItems { // too many to list every fault
		parsed := make([]ledger.Entry, len(entries))
		invalid.addError(entriesField, ledger.CheckEntries(parsed))
		return
	}
	for i, entry := range entries {
		field := fmt.Sprintf("%s[%d]", entriesField, i)
		var m entryMembers
		if entry.Kind() != '{' || json.Unmarshal(entry, &m) != nil {
			invalid.add(field, "must be an object")
			r.Entries = append(r.Entries, ledger.Entry{}) // keeps the others' places
			continue
		}
		field += "."
		for name, member := range map[string]member{metadataField: m.Metadata, expiresInField: member(m.ExpiresIn), balancedField: m.Balanced} {
			if member != nil {
				invalid.add(field+name, "must be beside entries, not in one")
			}
		}
		r.Entries = append(r.Entries, parseEntry(invalid, s, field, m))
	}
	invalid.addError(entriesField, ledger.CheckEntries(r.Entries))
}

// parseEntry reads an entry. A fault is named by its field, with the prefix.
func parseEntry(invalid *invalidRequest, s ledger.Settings, prefix string, m entryMembers) ledger.Entry {
	checkCurrency(invalid, s, prefix, m.Currency)
	return ledger.Entry{
		UserID: parseMember(invalid, prefix+userField, m.UserID, aString, ledger.ParseUserID),
		Type:   parseMember(invalid, prefix+typeField, m.Type, aString, ledger.ParseType),
		Amount: parseAmount(invalid, s, prefix, m.Ammount, m.Amount),
	}
}

func checkCurrency(invalid *invalidRequest, s ledger.Settings, prefix string, m member) {
	if m != nil && textOf(m) != s.Currency {
		invalid.add(prefix+currencyField, `must be "`+s.Currency+`", or left out`)
	}
}

// checkBalanced checks that the entries credit as much as they debit, if the caller
// asks for it and all are valid.
func checkBalanced(invalid *invalidRequest, m members, entries []ledger.Entry) {
	switch kind := jsontext.Value(m.Balanced).Kind(); {
	case m.Balanced == nil || kind == 'f':
	case kind != 't':
		invalid.add(balancedField, "must be true or false")
	case m.Entries == nil:
		invalid.add(balancedField, "must be beside entries, as one entry can't balance")
	case len(entries) > 0 && !slices.ContainsFunc(entries, unparsed) && !ledger.Balanced(entries):
		invalid.add(balancedField, "must be false or left out, or the entries must credit as much as they debit")
	}
}

// parseAmount reads the amount under either of its names.
func parseAmount(invalid *invalidRequest, s ledger.Settings, prefix string, ammount, amount member) ledger.Amount {
	if amount == nil {
		return parseMember(invalid, prefix+ammountField, ammount, aStringOrNumber, s.ParseAmount)
	}
	parsed := parseMember(invalid, prefix+amountField, amount, aStringOrNumber, s.ParseAmount)
	if ammount != nil {
		same := parseMember(invalid, prefix+ammountField, ammount, aStringOrNumber, s.ParseAmount)
		if !same.Equal(parsed) {
			invalid.add(prefix+amountField, "must be the same as ammount, or left out")
		}
	}
	return parsed
}

// parseExpiresIn reads the time until a hold expires, and checks that the entries can
// be pending, if all are valid.
func parseExpiresIn(invalid *invalidRequest, expiresIn jsontext.Value, r *ledger.Request) {
	r.ExpiresIn = parseMember(invalid, expiresInField, member(expiresIn), aNumber, ledger.ParseExpiresIn)
	if !slices.ContainsFunc(r.Entries, unparsed) {
		invalid.addError(expiresInField, ledger.CheckHold(r.Entries))
	}
}

func unparsed(e ledger.Entry) bool {
	return e.UserID == (ledger.UserID{}) || e.Type == "" || e.Amount.Equal(ledger.Amount{})
}

func parseMetadata(invalid *invalidRequest, m member) ledger.Metadata {
	if m == nil {
		return ledger.Metadata{}
	}
	var values map[string]jsontext.Value
	if jsontext.Value(m).Kind() != '{' || json.Unmarshal(m, &values) != nil {
		invalid.add(metadataField, "must be an object")
		return ledger.Metadata{}
	}
	texts := make(map[string]string, len(values))
	for name, value := range values {
		if value.Kind() != '"' {
			invalid.add(metadataField, "must have no other values than strings")
			return ledger.Metadata{}
		}
		texts[name] = textOf(member(value))
	}
	metadata, err := ledger.NewMetadata(texts)
	invalid.addError(metadataField, err)
	return metadata
}

// kinds are a member's JSON kinds, by their first byte.
type kinds struct{ allowed, reason string }

var (
	aString         = kinds{`"`, "must be a string"}
	aNumber         = kinds{`0`, "must be a number"}
	aStringOrNumber = kinds{`"0`, "must be a string or a number"}
)

// parseMember reads a member with one of the ledger's parsers, or adds its fault.
func parseMember[T any](invalid *invalidRequest, field string, m member, k kinds, parser func(string) (T, error)) T {
	var none T
	if m == nil {
		invalid.add(field, "is required")
		return none
	}
	if !strings.ContainsRune(k.allowed, rune(jsontext.Value(m).Kind())) {
		invalid.add(field, k.reason)
		return none
	}
	return parse(invalid, field, textOf(m), parser)
}

// textOf returns a string's text, and any other value's JSON text.
func textOf(m member) string {
	if text, err := jsontext.AppendUnquote(nil, m); err == nil {
		return string(text)
	}
	return string(m)
}

// unreadable returns where and why reading the JSON failed, for the caller.
func unreadable(err error) string {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Sprintf("%v at byte %d", syntax.Err, syntax.ByteOffset)
	}
	if kind, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Sprintf("a JSON %v is not expected at %q", kind.JSONKind, kind.JSONPointer)
	}
	return "it can't be read"
}
