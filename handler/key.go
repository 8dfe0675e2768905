package handler

import (
	"net/http"
	"slices"
	"strings"

	"onewrite/ledger"
)

// The header of the idempotency key has two names: ours, and that of
// draft-ietf-httpapi-idempotency-key-header-07.
const (
	keyHeader      = "Idempotent-Key"
	draftKeyHeader = "Idempotency-Key"
)

// parseKey reads the key from the headers. All that are sent must agree.
func parseKey(invalid *invalidRequest, header http.Header) ledger.IdempotencyKey {
	sent := slices.Concat(header[keyHeader], header[draftKeyHeader])
	if len(sent) == 0 {
		invalid.add(keyHeader, "is required: a name of your own for this transaction")
		return ledger.IdempotencyKey{}
	}
	for i, value := range sent {
		key, fine := unquote(strings.Trim(value, " \t"))
		if !fine {
			invalid.add(keyHeader, "begins as a quoted string and does not end as one")
			return ledger.IdempotencyKey{}
		}
		sent[i] = key
		if key != sent[0] {
			invalid.add(keyHeader, "is sent more than once, and the values differ")
			return ledger.IdempotencyKey{}
		}
	}
	return parse(invalid, keyHeader, sent[0], ledger.ParseIdempotencyKey)
}

// unquote reads the draft's form, a string of RFC 8941, section 3.3.3, in
// which a backslash stands before a quote or a backslash. A value that does
// not begin with a quote is the key itself.
func unquote(value string) (key string, fine bool) {
	rest, quoted := strings.CutPrefix(value, `"`)
	if !quoted {
		return value, true
	}
	var text strings.Builder
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			return text.String(), i == len(rest)-1
		case '\\':
			i++
			if i == len(rest) || rest[i] != '"' && rest[i] != '\\' {
				return "", false
			}
		}
		text.WriteByte(rest[i])
	}
	return "", false
}
