package handler

import (
	"cmp"
	"errors"
	"net/http"

	"onewrite/ledger"
)

// post answers POST /transactions.
func (h *Handler) post(c *call) (answer, error) {
	request, err := h.parsePost(c)
	if err != nil {
		return answer{}, err
	}
	return h.postRequest(c, request)
}

func (h *Handler) postRequest(c *call, request ledger.Request) (answer, error) {
	c.user = request.UserID()
	c.transaction = request.TransactionID().String()

	result, err := h.ledger.Post(c.Context(), request)
	if errors.Is(err, ledger.ErrKeyReused) && !c.caller.mayReadBalance(c.user) {
		err = ledger.ErrKeyReused // hides the differences, which would describe another user's transaction
	}
	if err != nil {
		return answer{}, err
	}
	return h.createdAnswer(c, result), nil
}

// createdAnswer returns the 201 for a transaction that this call or an earlier one posted.
func (h *Handler) createdAnswer(c *call, result ledger.Result) answer {
	a := h.resultAnswer(http.StatusCreated, result)
	a.headers["Location"] = transactionPath + c.transaction
	return a
}

// resultAnswer returns the answer to a write, marked with replayedHeader if it is a replay.
func (h *Handler) resultAnswer(status int, result ledger.Result) answer {
	a := answer{status, newHeaders(jsonType), encode(data{Data: h.wholeBody(result.Transaction)}), outcomePosted}
	if result.Replayed {
		a.headers[replayedHeader] = "true"
		a.outcome = outcomeReplayed
	}
	return a
}

// parsePost parses the headers and the whole body before it rejects a call, so that one
// answer names all faults.
func (h *Handler) parsePost(c *call) (r ledger.Request, err error) {
	body, err := readBody(c)
	if err != nil {
		return r, err
	}
	invalid := &invalidRequest{}
	r.IdempotencyKey = parseKey(invalid, c.Header)
	parseBody(invalid, h.settings, body, &r)
	r.PostedBy = c.caller.name
	return r, cmp.Or(c.caller.may(c.route, subject{entries: r.Entries}), invalid.err())
}

// transaction answers GET /transactions/{id}.
func (h *Handler) transaction(c *call) (answer, error) {
	id, err := c.transactionID()
	if err != nil {
		return answer{}, err
	}
	t, err := h.ledger.TransactionIf(c.Context(), id, c.allow)
	if err != nil {
		return answer{}, err
	}
	c.user = t.UserID
	return readAnswer(data{Data: h.wholeBody(c.visible(t))}), nil
}

// transactionID parses the id in the path, and records it for the log line.
func (c *call) transactionID() (ledger.TransactionID, error) {
	id, err := ledger.ParseTransactionID(c.id)
	if err != nil {
		return id, ledger.ErrNotFound
	}
	c.transaction = id.String()
	return id, nil
}

// history answers GET /transactions.
func (h *Handler) history(c *call) (answer, error) {
	invalid := &invalidRequest{}
	q := newQuery(c, invalid)
	c.user = q.user()
	limit, cursor := q.limit(), q.cursor(c.user)
	if err := cmp.Or(c.mayRead(c.user), invalid.err()); err != nil {
		return answer{}, err
	}
	page, err := h.ledger.History(c.Context(), c.user, cursor, limit)
	if err != nil {
		return answer{}, err
	}
	body := make([]transactionBody, 0, len(page.Transactions))
	for _, t := range page.Transactions {
		body = append(body, h.lineBody(t))
	}
	next := ""
	if page.Next != (ledger.Cursor{}) {
		next = page.Next.Text(c.user)
	}
	return readAnswer(data{Data: body, Next: next}), nil
}
