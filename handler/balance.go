package handler

import "cmp"

// balance answers GET /balance.
func (h *Handler) balance(c *call) (answer, error) {
	invalid := &invalidRequest{}
	c.user = newQuery(c, invalid).user()
	if err := cmp.Or(c.caller.mayRead(c.user), invalid.err()); err != nil {
		return answer{}, err
	}
	funds, err := h.ledger.Balance(c.Context(), c.user)
	if err != nil {
		return answer{}, err
	}
	body := balanceBody{Balance: funds.Balance.String()}
	if !funds.Held.IsZero() {
		body.Held = funds.Held.String()
	}
	return readAnswer(data{Data: body}), nil
}

type balanceBody struct {
	Balance string `json:"balance"`
	Held    string `json:"held,omitempty"`
}
