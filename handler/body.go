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

// maxBodyBytes is the size limit of a request body. A transaction can have 99 entries if
// all are of one user. They fit if the user id has at most about 100 bytes.
const maxBodyBytes = 16 << 10

// readBody reads a call's body. It returns errBodyTooLarge if the body is longer than
// maxBodyBytes.
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

// members are the members of a transaction's body. Each is kept as JSON text, so that no
// amount is ever a float. Other members are ignored.
type members struct {
	entryMembers
	Entries member `json:"entries"`
}

// entryMembers are the members of an entry. A short body has the same members, because it
// is a transaction with one entry.
type entryMembers struct {
	UserID   member `json:"userId"`
	Ammount  member `json:"ammount"`
	Amount   member `json:"amount"`
	Type     member `json:"type"`
	Currency member `json:"currency"`

	// The next three belong to the transaction, and are rejected in an entry. A null
	// expiresIn is an error, because ignoring it would turn a hold into a payment.
	Metadata  member         `json:"metadata"`
	ExpiresIn jsontext.Value `json:"expiresIn"`
	Balanced  member         `json:"balanced"`
}

// member is the JSON text of a member. It is nil for an absent member and for null, which
// generated clients send for unset members.
type member jsontext.Value

// UnmarshalJSON implements [json.Unmarshaler].
func (m *member) UnmarshalJSON(text []byte) error {
	*m = nil
	if jsontext.Value(text).Kind() != jsontext.KindNull {
		*m = slices.Clone(text)
	}
	return nil
}

// readObject decodes a JSON object into members. If that fails, it adds a fault and ok is
// false; members can then contain part of the body. For a body that is not an object, the
// fault is "must be " + kind. Names are case-sensitive. Invalid UTF-8 and duplicate members
// are rejected, because two parsers could read them differently (RFC 8259, section 4).
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

// parseBody parses a transaction's body into r. The settings s determine the currency and
// the amounts' decimal places.
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
	if len(entries) >= ledger.MaxItems { // too many entries to list every fault
		parsed := make([]ledger.Entry, len(entries))
		invalid.addError(entriesField, ledger.CheckEntries(parsed))
		return
	}
	for i, entry := range entries {
		field := fmt.Sprintf("%s[%d]", entriesField, i)
		var m entryMembers
		if entry.Kind() != '{' || json.Unmarshal(entry, &m) != nil {
			invalid.add(field, "must be an object")
			r.Entries = append(r.Entries, ledger.Entry{}) // so that the other entries keep their places
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

// parseEntry parses an entry. The prefix goes before each field's name in a fault, as in
// "entries[1].ammount".
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

// checkBalanced checks the member balanced. If it is true and all entries are valid, the
// entries must credit as much as they debit.
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

// parseAmount parses the amount, which may be sent under either of its two names or both.
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

// amountFieldOf returns the name under which an amount was sent, given the member ammount.
func amountFieldOf(ammount []byte) string {
	if ammount == nil {
		return amountField
	}
	return ammountField
}

// parseExpiresIn parses the time until a hold expires. If all entries are valid, it also
// checks that a hold can have these entries.
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

// kinds are the JSON kinds that a member may have, as [jsontext.Kind] bytes, and the reason
// for rejecting all others.
type kinds struct{ allowed, reason string }

var (
	aString         = kinds{`"`, "must be a string"}
	aNumber         = kinds{`0`, "must be a number"}
	aStringOrNumber = kinds{`"0`, "must be a string or a number"}
)

// parseMember parses a member with one of the ledger's parsers. It adds a fault if the
// member is absent, has a JSON kind that k does not allow, or is invalid.
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

// textOf returns the value of a JSON string, or the JSON of any other member.
func textOf(m member) string {
	if text, err := jsontext.AppendUnquote(nil, m); err == nil {
		return string(text)
	}
	return string(m)
}

// unreadable describes for the caller where and why decoding the JSON failed. It shortens the
// pointer, because a name can be as long as the event.
func unreadable(err error) string {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Sprintf("%v at byte %d", syntax.Err, syntax.ByteOffset)
	}
	if kind, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Sprintf("a JSON %v is not expected at %.100q", kind.JSONKind, kind.JSONPointer)
	}
	return "it can't be read"
}
