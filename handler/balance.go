package handler

import (
	"cmp"

	"onewrite/ledger"
)

// balance answers GET /balance.
func (h *Handler) balance(c *call) (answer, error) {
	invalid := &invalidRequest{}
	c.user = newQuery(c, invalid).user()
	if err := cmp.Or(c.mayRead(c.user), invalid.err()); err != nil {
		return answer{}, err
	}
	funds, err := h.ledger.Balance(c.Context(), c.user)
	if err != nil {
		return answer{}, err
	}
	body := balanceBody{Balance: funds.Balance.String(), Currency: h.currency()}
	if !funds.Held.IsZero() {
		body.Held = funds.Held.String()
	}
	if !funds.CreditLimit.IsZero() {
		body.CreditLimit = funds.CreditLimit.String()
	}
	if c.caller.kind == service {
		body.Blocked = blocked(funds.Rules)
	}
	return readAnswer(data{Data: body}), nil
}

// currency returns the currency for answers. It is empty for the default currency, because
// answers had no currency before others were supported.
func (h *Handler) currency() string {
	if h.settings.Currency == ledger.DefaultCurrency {
		return ""
	}
	return h.settings.Currency
}

type balanceBody struct {
	Balance     string   `json:"balance"`
	Held        string   `json:"held,omitempty"`
	CreditLimit string   `json:"creditLimit,omitempty"`
	Blocked     []string `json:"blocked,omitempty"`
	Currency    string   `json:"currency,omitempty"`
}
