package handler

import (
	"cmp"
	"net/http"
	"strings"

	"onewrite/ledger"
)

// post answers POST /transactions.
func (h *Handler) post(c *call) (answer, error) {
	request, err := parsePost(c)
	if err != nil {
		return answer{}, err
	}
	c.user = request.UserID
	c.transaction = ledger.NewTransactionID(request.UserID, request.IdempotencyKey).String()

	result, err := h.ledger.Post(c.Context(), request)
	if err != nil {
		return answer{}, err
	}
	a := answer{
		status:  http.StatusCreated,
		headers: []header{isJSON, {"Location", transactionPath + c.transaction}},
		body:    encode(data{Data: newTransactionBody(result.Transaction)}),
		outcome: outcomePosted,
	}
	if result.Replayed {
		a.headers = append(a.headers, isReplayed)
		a.outcome = outcomeReplayed
	}
	return a, nil
}

// parsePost reads headers and body whole before it refuses, so that the sender
// hears at once of all that is wrong.
func parsePost(c *call) (r ledger.Request, err error) {
	body, err := readBody(c)
	if err != nil {
		return r, err
	}
	invalid := &invalidRequest{}
	r.IdempotencyKey = parseKey(invalid, c.Header)
	parseBody(invalid, body, &r)
	return r, cmp.Or(c.caller.mayPost(r.UserID, r.Type), invalid.err())
}

// transaction answers GET /transactions/{id}.
func (h *Handler) transaction(c *call) (answer, error) {
	id, err := ledger.ParseTransactionID(strings.TrimPrefix(c.URL.Path, transactionPath))
	if err != nil {
		return answer{}, ledger.ErrNotFound
	}
	c.transaction = id.String()
	t, err := h.ledger.Transaction(c.Context(), id)
	if err != nil {
		return answer{}, err
	}
	if c.caller.mayRead(t.UserID) != nil {
		return answer{}, ledger.ErrNotFound // as if there were none
	}
	c.user = t.UserID
	return readAnswer(data{Data: newTransactionBody(t)}), nil
}

// history answers GET /transactions.
func (h *Handler) history(c *call) (answer, error) {
	invalid := &invalidRequest{}
	q := newQuery(c, invalid)
	c.user = q.user()
	limit, cursor := q.limit(), q.cursor(c.user)
	if err := cmp.Or(c.caller.mayRead(c.user), invalid.err()); err != nil {
		return answer{}, err
	}
	page, err := h.ledger.History(c.Context(), c.user, cursor, limit)
	if err != nil {
		return answer{}, err
	}
	body := make([]transactionBody, 0, len(page.Transactions))
	for _, t := range page.Transactions {
		body = append(body, newTransactionBody(t))
	}
	next := ""
	if page.Next != (ledger.Cursor{}) {
		next = page.Next.Text(c.user)
	}
	return readAnswer(data{Data: body, Next: next}), nil
}

type transactionBody struct {
	ID        string `json:"id"`
	UserID    string `json:"userId"`
	Type      string `json:"type"`
	Ammount   string `json:"ammount"`
	Status    string `json:"status"`
	CreatedAt string `json:"createdAt"`
}

func newTransactionBody(t ledger.Transaction) transactionBody {
	return transactionBody{
		ID:        t.ID.String(),
		UserID:    t.UserID.String(),
		Type:      string(t.Type),
		Ammount:   t.Amount.String(),
		Status:    string(t.Status),
		CreatedAt: ledger.FormatTime(t.CreatedAt),
	}
}
