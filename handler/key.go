package handler

import (
	"net/http"
	"slices"
	"strings"

	"onewrite/ledger"
)

// The idempotency key's header has two names: ours, and the one in
// draft-ietf-httpapi-idempotency-key-header-07.
const (
	keyHeader      = "Idempotent-Key"
	draftKeyHeader = "Idempotency-Key"
)

// parseKey parses the idempotency key. Each header may be sent at most once, and if both
// are sent, they must agree.
func parseKey(invalid *invalidRequest, header http.Header) ledger.IdempotencyKey {
	own, draft := header[keyHeader], header[draftKeyHeader]
	if len(own) > 1 || len(draft) > 1 {
		invalid.add(keyHeader, "is sent more than once")
		return ledger.IdempotencyKey{}
	}
	var keys []string
	for _, value := range slices.Concat(own, draft) {
		key, reason := keyOf(strings.Trim(value, " \t"))
		if reason != "" {
			invalid.add(keyHeader, reason)
			return ledger.IdempotencyKey{}
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		invalid.add(keyHeader, "is required: a name of your own for this transaction")
		return ledger.IdempotencyKey{}
	}
	if keys[0] != keys[len(keys)-1] {
		invalid.add(keyHeader, "is sent more than once, and the values differ")
		return ledger.IdempotencyKey{}
	}
	return parse(invalid, keyHeader, keys[0], ledger.ParseIdempotencyKey)
}

// keyOf returns the key in a bare or quoted value, or the reason to reject it. A bare value
// with a comma is rejected, because it could come from a header that was sent twice:
// gateways join repeated values with a comma (RFC 9110, section 5.3).
func keyOf(value string) (key, reason string) {
	if !strings.HasPrefix(value, `"`) {
		if strings.Contains(value, ",") {
			return "", "must be one key: with a comma in it, it must be quoted"
		}
		return value, ""
	}
	key, ok := unquote(value[1:])
	if !ok {
		return "", "begins as a quoted string and does not end as one"
	}
	return key, ""
}

// unquote returns the key in a quoted value. rest is the value without its opening quote.
// As in RFC 8941, section 3.3.3, a backslash precedes each quote or backslash in the key.
func unquote(rest string) (key string, ok bool) {
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
