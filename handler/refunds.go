package handler

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"onewrite/ledger"
)

// refund answers POST /transactions/{id}/refunds.
func (h *Handler) refund(c *call) (answer, error) {
	id, err := c.transactionID()
	if err != nil {
		return answer{}, err
	}
	body, err := readBody(c)
	if err != nil {
		return answer{}, err
	}
	invalid := &invalidRequest{}
	key := parseKey(invalid, c.Header)
	asked := parseRefund(invalid, h.settings, body)
	if err := invalid.err(); err != nil {
		return answer{}, err
	}
	original, err := h.ledger.Original(c.Context(), id)
	if err != nil {
		return answer{}, err
	}
	parts := asked.of(invalid, original)
	if err := invalid.err(); err != nil {
		return answer{}, err
	}
	request := original.Request(parts)
	request.IdempotencyKey, request.Metadata, request.PostedBy = key, asked.metadata, c.caller.name
	a, err := h.postRequest(c, request)
	if errors.Is(err, ledger.ErrInvalid) {
		invalid.addError(entriesField, err)
		err = invalid
	}
	return a, err
}

// refunds answers GET /transactions/{id}/refunds.
func (h *Handler) refunds(c *call) (answer, error) {
	id, err := c.transactionID()
	if err != nil {
		return answer{}, err
	}
	original, refunds, err := h.ledger.Refunds(c.Context(), id)
	if err != nil {
		return answer{}, err
	}
	body := refundsBody{Refunds: refunds.Count, Currency: h.currency()}
	for place, e := range original.Entries {
		refunded := "0"
		if sum, ok := refunds.Sums[place]; ok {
			refunded = sum.String()
		}
		body.Entries = append(body.Entries, refundedBody{place, e.Amount.String(), refunded})
	}
	return readAnswer(data{Data: body}), nil
}

// refundsBody reports how much of a transaction is refunded.
type refundsBody struct {
	Refunds  int            `json:"refunds"`
	Currency string         `json:"currency,omitempty"`
	Entries  []refundedBody `json:"entries"`
}

type refundedBody struct {
	Entry    int    `json:"entry"`
	Ammount  string `json:"ammount"`
	Refunded string `json:"refunded"`
}

// refundMembers are the members of a refund's body. A null amount, or null entries, is an
// error, because ignoring it would refund the whole instead of a part.
type refundMembers struct {
	Ammount  jsontext.Value `json:"ammount"`
	Amount   jsontext.Value `json:"amount"`
	Entries  jsontext.Value `json:"entries"`
	Currency member         `json:"currency"`
	Metadata member         `json:"metadata"`
}

// partMembers are the members of an entry in a refund's body.
type partMembers struct {
	Entry    member `json:"entry"`
	Ammount  member `json:"ammount"`
	Amount   member `json:"amount"`
	Currency member `json:"currency"`
}

// refundAsked is the refund that a body requests: some parts, or an amount with the name of
// its field. Without either it is a refund of everything.
type refundAsked struct {
	parts    []ledger.Part
	fields   []string // the field of each part's amount
	amount   ledger.Amount
	field    string
	metadata ledger.Metadata
}

// parseRefund parses a refund's body, which may be left out. Later, [refundAsked.of] checks
// whether the transaction has the named entries.
func parseRefund(invalid *invalidRequest, s ledger.Settings, body []byte) (asked refundAsked) {
	if len(body) == 0 {
		return asked
	}
	var m refundMembers
	readObject(invalid, body, &m, "a JSON object, or left out")
	checkCurrency(invalid, s, "", m.Currency)
	asked.metadata = parseMetadata(invalid, m.Metadata)
	if m.Ammount != nil || m.Amount != nil {
		asked.field = amountFieldOf(m.Ammount)
		asked.amount = parseAmount(invalid, s, "", member(m.Ammount), member(m.Amount))
		if m.Entries != nil {
			invalid.add(asked.field, "must be in an entry, or entries be left out")
		}
	}
	if m.Entries != nil {
		asked.parseParts(invalid, s, m.Entries)
	}
	return asked
}

func (asked *refundAsked) parseParts(invalid *invalidRequest, s ledger.Settings, text jsontext.Value) {
	var entries []jsontext.Value
	if text.Kind() != '[' || json.Unmarshal(text, &entries) != nil {
		invalid.add(entriesField, "must be an array")
		return
	}
	if len(entries) == 0 || len(entries) > ledger.MaxRefundPlaces {
		invalid.add(entriesField, fmt.Sprintf("must have 1 to %d entries", ledger.MaxRefundPlaces))
		return
	}
	for i, entry := range entries {
		field := partField(i)
		var m partMembers
		if entry.Kind() != '{' || json.Unmarshal(entry, &m) != nil {
			invalid.add(field, "must be an object")
			continue
		}
		checkCurrency(invalid, s, field+".", m.Currency)
		asked.parts = append(asked.parts, ledger.Part{
			Entry:  parseMember(invalid, field+"."+entryField, m.Entry, aNumber, parsePlace),
			Amount: parseAmount(invalid, s, field+".", m.Ammount, m.Amount),
		})
		asked.fields = append(asked.fields, field+"."+amountFieldOf(m.Ammount))
	}
}

func partField(i int) string { return fmt.Sprintf("%s[%d]", entriesField, i) }

// parsePlace parses the place of an entry. Only digits are allowed.
func parsePlace(text string) (place int, err error) {
	place, err = strconv.Atoi(text)
	if err != nil || place < 0 || strconv.Itoa(place) != text {
		return 0, &ledger.InvalidError{Kind: "place", Reason: "must be the place of an entry: a whole number from 0"}
	}
	return place, nil
}

// of returns the parts of the original to refund. It adds a fault for each part that does
// not fit the original.
func (asked refundAsked) of(invalid *invalidRequest, original ledger.Original) []ledger.Part {
	switch {
	case asked.field != "":
		parts, err := original.Sum(asked.amount)
		invalid.addError(asked.field, err)
		return parts
	case asked.parts == nil:
		return original.Whole()
	}
	for i, p := range asked.parts {
		switch {
		case !original.HasEntry(p.Entry):
			invalid.add(partField(i)+"."+entryField, fmt.Sprintf("must be the place of an entry, of which the transaction has %d, from 0", len(original.Entries)))
		case slices.ContainsFunc(asked.parts[:i], func(before ledger.Part) bool { return before.Entry >= p.Entry }):
			invalid.add(partField(i)+"."+entryField, "must be after the places before it")
		default:
			invalid.addError(asked.fields[i], original.CheckAmount(p))
		}
	}
	return asked.parts
}
