package handler

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"onewrite/ledger"
)

// These are the names of fields, as callers spell them.
const (
	userField        = "userId"
	typeField        = "type"
	ammountField     = "ammount"
	amountField      = "amount"
	currencyField    = "currency"
	entriesField     = "entries"
	entryField       = "entry"
	metadataField    = "metadata"
	expiresInField   = "expiresIn"
	debitsField      = "debits"
	creditsField     = "credits"
	creditLimitField = "creditLimit"
	refundOfField    = "refundOf"
	balancedField    = "balanced"
	limitField       = "limit"
	cursorField      = "cursor"
	bodyField        = "body"
	queryField       = "query"
	eventField       = "event"
)

var errInvalidRequest = errors.New("invalid request")

// invalidRequest collects the faults in a call, so that one answer names them all. It
// unwraps to errInvalidRequest.
type invalidRequest struct {
	properties map[string][]string // faults by field
}

// invalidField returns the error for a call with one fault.
func invalidField(field, reason string) *invalidRequest {
	return &invalidRequest{map[string][]string{field: {reason}}}
}

func (e *invalidRequest) add(field, reason string) {
	if e.properties == nil {
		e.properties = map[string][]string{}
	}
	e.properties[field] = append(e.properties[field], reason)
}

// err returns e, or nil if there are no faults.
func (e *invalidRequest) err() error {
	if e.properties == nil {
		return nil
	}
	return e
}

// Error returns one sentence for each field. Together they are the problem's detail.
func (e *invalidRequest) Error() string {
	var sentences []string
	for _, field := range slices.Sorted(maps.Keys(e.properties)) {
		sentences = append(sentences, field+" "+strings.Join(e.properties[field], ", and ")+".")
	}
	return strings.Join(sentences, " ")
}

func (e *invalidRequest) Unwrap() error { return errInvalidRequest }

// addError adds the reason in an error from one of the ledger's parsers or checks. They
// return only *ledger.InvalidError. Any other error is a defect, and addError panics, so
// that no call continues with a zero value.
func (e *invalidRequest) addError(field string, err error) {
	if err == nil {
		return
	}
	invalid, ok := errors.AsType[*ledger.InvalidError](err)
	if !ok {
		panic(fmt.Sprintf("handler: parse %s: %v", field, err))
	}
	e.add(field, invalid.Reason)
}

// parse parses a field with one of the ledger's parsers, or adds a fault.
func parse[T any](e *invalidRequest, field, value string, parser func(string) (T, error)) T {
	parsed, err := parser(value)
	e.addError(field, err)
	return parsed
}
