package handler

import "cmp"

// balance answers GET /balance.
func (h *Handler) balance(c *call) (answer, error) {
	invalid := &invalidRequest{}
	c.user = newQuery(c, invalid).user()
	if err := cmp.Or(c.caller.mayRead(c.user), invalid.err()); err != nil {
		return answer{}, err
	}
	balance, err := h.ledger.Balance(c.Context(), c.user)
	if err != nil {
		return answer{}, err
	}
	return readAnswer(data{Data: balanceBody{balance.String()}}), nil
}

type balanceBody struct {
	Balance string `json:"balance"`
}
