package handler

import (
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"onewrite/ledger"
)

// capture answers POST /transactions/{id}/capture.
func (h *Handler) capture(c *call) (answer, error) {
	r, err := c.endRequest()
	if err != nil {
		return answer{}, err
	}
	amount, field, err := h.parseCapture(c)
	if err != nil {
		return answer{}, err
	}
	result, err := h.ledger.Capture(c.Context(), r, amount)
	if errors.Is(err, ledger.ErrInvalid) {
		invalid := &invalidRequest{}
		invalid.addError(field, err)
		err = invalid
	}
	return h.endAnswer(c, result, err)
}

// void answers POST /transactions/{id}/void. It ignores the body.
func (h *Handler) void(c *call) (answer, error) {
	r, err := c.endRequest()
	if err != nil {
		return answer{}, err
	}
	result, err := h.ledger.Void(c.Context(), r)
	return h.endAnswer(c, result, err)
}

// endRequest returns the request to end the hold named in the path. The ledger calls Allow
// to check that the caller may end the hold.
func (c *call) endRequest() (ledger.EndRequest, error) {
	id, err := c.transactionID()
	if err != nil {
		return ledger.EndRequest{}, err
	}
	c.user = c.caller.user
	return ledger.EndRequest{TransactionID: id, Allow: c.allow, PostedBy: c.caller.name}, nil
}

// endAnswer returns the answer to a capture or void, or its error.
func (h *Handler) endAnswer(c *call, result ledger.Result, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	c.user = result.Transaction.UserID
	result.Transaction = c.visible(result.Transaction)
	return h.resultAnswer(http.StatusOK, result), nil
}

// parseCapture parses a capture's body, which may be left out. It returns the amount to
// capture and the name of its field. A zero amount means the whole hold.
func (h *Handler) parseCapture(c *call) (amount ledger.Amount, field string, err error) {
	body, err := readBody(c)
	if err != nil || len(body) == 0 {
		return amount, "", err
	}
	invalid := &invalidRequest{}
	var m captureMembers
	readObject(invalid, body, &m, "a JSON object, or left out")
	checkCurrency(invalid, h.settings, "", m.Currency)
	field = amountFieldOf(m.Ammount)
	const null = "must be an amount, not null: left out, it is all that is held"
	switch {
	case m.Ammount.Kind() == 'n':
		invalid.add(ammountField, null)
	case m.Amount.Kind() == 'n':
		invalid.add(amountField, null)
	case m.Ammount != nil || m.Amount != nil:
		amount = parseAmount(invalid, h.settings, "", member(m.Ammount), member(m.Amount))
	}
	return amount, field, invalid.err()
}

// captureMembers are the members of a capture's body. A null amount is an error, because
// ignoring it would capture the whole hold instead of a part.
type captureMembers struct {
	Ammount  jsontext.Value `json:"ammount"`
	Amount   jsontext.Value `json:"amount"`
	Currency member         `json:"currency"`
}
