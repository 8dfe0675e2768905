package handler

import (
	"errors"
	"net/http"
	"strings"

	"onewrite/ledger"
)

var (
	errForbidden    = errors.New("forbidden")
	errNotFound     = errors.New("no such route")
	errBodyTooLarge = errors.New("body too large")
	errMethod       = errors.New("method not allowed")
)

// methodError means that a path has no route for the call's method, only for the methods in
// allow. It unwraps to errMethod.
type methodError struct{ allow []string }

func (e *methodError) Error() string { return errMethod.Error() }
func (e *methodError) Unwrap() error { return errMethod }

// problemKind is a row in the table problems.
type problemKind struct {
	err     error
	status  int
	uri     string // the document's type; must not change, because programs branch on it
	title   string
	detail  string // for people; an invalidRequest has its own detail
	outcome outcome
}

// problems maps errors to HTTP answers. Any other error is internal: a 500 whose cause is
// logged and never sent.
var problems = []problemKind{
	{errInvalidRequest, http.StatusBadRequest, "/problems/invalid-request", "Bad request",
		"", outcomeRejected},
	{errForbidden, http.StatusForbidden, "/problems/forbidden", "Forbidden",
		"Where tokens decide, a token reads, debits and holds for the user that its sub names. That user must be the user of " +
			"the first entry, and credits at most the debits, unless the token has the scope that this deployment asks for. The " +
			"receiver of a payment on hold reads it, and only its receiver may capture or void it. Everything else is for " +
			"services. Where IAM decides, sign the call (AWS Signature Version 4).", outcomeRejected},
	{errNotFound, http.StatusNotFound, "/problems/not-found", "Not found",
		"There is no such route.", outcomeRejected},
	{ledger.ErrNotFound, http.StatusNotFound, "/problems/not-found", "Not found",
		"There is no transaction with this id.", outcomeRejected},
	{errMethod, http.StatusMethodNotAllowed, "/problems/method-not-allowed", "Method not allowed",
		"This route has other methods; the Allow header names them.", outcomeRejected},
	{errBodyTooLarge, http.StatusRequestEntityTooLarge, "/problems/body-too-large", "Content too large",
		"The body may have at most 16384 bytes.", outcomeRejected},
	{ledger.ErrInsufficientFunds, http.StatusUnprocessableEntity, "/problems/insufficient-funds", "Unprocessable entity",
		"Your balance can't be negative.", outcomeDeclined},
	{ledger.ErrBalanceLimit, http.StatusUnprocessableEntity, "/problems/balance-limit", "Unprocessable entity",
		"The balance can't be above the limit.", outcomeDeclined},
	{ledger.ErrAccountBlocked, http.StatusUnprocessableEntity, "/problems/account-blocked", "Unprocessable entity",
		"This account is blocked for such entries. When the block is lifted, a new attempt takes a new key; a capture does not.", outcomeDeclined},
	{ledger.ErrCreditInUse, http.StatusUnprocessableEntity, "/problems/credit-in-use", "Unprocessable entity",
		"More than this credit limit is in use. A limit can be lowered by the balance at most.", outcomeDeclined},
	{ledger.ErrKeyReused, http.StatusUnprocessableEntity, "/problems/idempotency-key-reused", "Unprocessable entity",
		"This key was used before, for another transaction. A new transaction takes a new key.", outcomeReused},
	{ledger.ErrHoldEnded, http.StatusUnprocessableEntity, "/problems/hold-ended", "Unprocessable entity",
		"The hold has ended already, in another way. It ends once, for ever.", outcomeDeclined},
	{ledger.ErrNotPending, http.StatusUnprocessableEntity, "/problems/not-pending", "Unprocessable entity",
		"This transaction never was pending: there is nothing to capture or to void.", outcomeRejected},
	{ledger.ErrNotRefundable, http.StatusUnprocessableEntity, "/problems/not-refundable", "Unprocessable entity",
		"Only posted and captured transactions can be refunded. A refund can't be.", outcomeRejected},
	{ledger.ErrRefundLimit, http.StatusUnprocessableEntity, "/problems/refund-limit", "Unprocessable entity",
		"Less is left to refund. Without a body a refund is of the whole, and nothing may have been refunded before.", outcomeDeclined},
	{ledger.ErrTooManyHolds, http.StatusUnprocessableEntity, "/problems/too-many-holds", "Unprocessable entity",
		"A user may have 16 open holds. When one of them has ended, send the same call with the same key again.", outcomeDeclined},
	{ledger.ErrTryAgain, http.StatusServiceUnavailable, "/problems/try-again", "Service unavailable",
		"The outcome is not known, or nothing was written. Send the same call with the same key again.", outcomeTryAgain},
}

var internal = problemKind{
	status:  http.StatusInternalServerError,
	uri:     "/problems/internal",
	title:   "Internal server error",
	detail:  "The service failed. The same call with the same key is safe to send again.",
	outcome: outcomeFailed,
}

func problemOf(err error) problemKind {
	for _, p := range problems {
		if errors.Is(err, p.err) {
			return p
		}
	}
	return internal
}

// problem is a problem document (RFC 9457, section 3.1).
type problem struct {
	Type       string              `json:"type"`
	Title      string              `json:"title"`
	Status     int                 `json:"status"`
	Detail     string              `json:"detail,omitempty"`
	Instance   string              `json:"instance"`
	ID         string              `json:"id,omitempty"`         // of the declined transaction
	Properties map[string][]string `json:"properties,omitempty"` // messages by field
	Entry      *int                `json:"entry,omitempty"`      // the place of the first entry that was declined or has too little left to refund; only if there are several entries
	Balance    string              `json:"balance,omitempty"`
	Limit      string              `json:"limit,omitempty"`
	Refundable string              `json:"refundable,omitempty"` // how much of the entry is left to refund
	Currency   string              `json:"currency,omitempty"`   // of Balance, Limit and Refundable
	Blocked    []string            `json:"blocked,omitempty"`    // the block that declined the entry
	Ended      string              `json:"ended,omitempty"`      // how the hold ended

	TransactionStatus string `json:"transactionStatus,omitempty"` // of the transaction that can't be refunded
}

// endings are the values of a problem's ended member.
var endings = map[ledger.End]string{
	ledger.Capture: "captured",
	ledger.Void:    "voided",
	ledger.Expiry:  "expired",
}

// maxInstanceBytes limits the path in an answer. API Gateway and function URLs send shorter
// paths. A direct invocation can send one that would make the answer larger than Lambda
// allows.
const maxInstanceBytes = 64 << 10

// shortened returns at most maxInstanceBytes of an escaped path, without part of an escape.
func shortened(path string) string {
	if len(path) <= maxInstanceBytes {
		return path
	}
	path = path[:maxInstanceBytes]
	if escape := strings.LastIndexByte(path, '%'); escape > len(path)-len("%41") {
		path = path[:escape]
	}
	return path
}

// problemAnswer returns the problem document for err. It leaves out everything that the
// caller must not see.
func (h *Handler) problemAnswer(err error, caller caller, instance string) answer {
	row := problemOf(err)
	headers := newHeaders(problemType)
	body := problem{
		Type:     row.uri,
		Title:    row.title,
		Status:   row.status,
		Detail:   row.detail,
		Instance: shortened(instance),
	}
	became := row.outcome

	if invalid, ok := errors.AsType[*invalidRequest](err); ok {
		body.Detail, body.Properties = invalid.Error(), invalid.properties
	}
	if method, ok := errors.AsType[*methodError](err); ok {
		headers["Allow"] = strings.Join(method.allow, ", ")
	}
	if reuse, ok := errors.AsType[*ledger.KeyReusedError](err); ok {
		body.Properties = reuseProperties(reuse)
	}
	if declined, ok := errors.AsType[*ledger.DeclinedError](err); ok {
		t := declined.Result.Transaction
		body.ID = t.ID.String()
		headers["Location"] = transactionPath + body.ID
		if t.Entries != nil {
			body.Entry = new(t.DeclinedEntry)
		}
		switch {
		case t.DeclinedByBlock:
			body.Blocked = []string{blocks[declined.Entry().Type]}
		case caller.mayReadBalance(declined.Entry().UserID):
			body.Balance = t.BalanceSeen.String()
		}
		if declined.Result.Replayed {
			headers[replayedHeader] = "true"
			became = outcomeReplayed
		}
	}
	if receiver, ok := errors.AsType[*ledger.ReceiverError](err); ok {
		switch {
		case errors.Is(err, ledger.ErrAccountBlocked):
			body.Blocked = []string{creditsField}
		case caller.mayReadBalance(receiver.UserID):
			body.Balance = receiver.Balance.String()
		}
	}
	if ended, ok := errors.AsType[*ledger.HoldEndedError](err); ok {
		body.Ended = endings[ended.End.End]
	}
	if not, ok := errors.AsType[*ledger.NotRefundableError](err); ok {
		body.TransactionStatus = string(not.Transaction.Status)
	}
	if limit, ok := errors.AsType[*ledger.RefundLimitError](err); ok {
		body.Refundable = limit.Refundable.String()
		if len(limit.Of.Entries) > 1 {
			body.Entry = new(limit.Entry)
		}
	}
	if errors.Is(err, ledger.ErrBalanceLimit) {
		body.Limit = ledger.MaxBalance().String()
	}
	if body.Balance != "" || body.Limit != "" || body.Refundable != "" {
		body.Currency = h.currency()
	}
	if errors.Is(err, ledger.ErrTryAgain) {
		headers["Retry-After"] = "1"
	}
	return answer{row.status, headers, encode(body), became}
}

// reuseProperties returns a message for each member that differs from the first call.
func reuseProperties(e *ledger.KeyReusedError) map[string][]string {
	properties := map[string][]string{}
	for field, differs := range map[string]bool{
		typeField:      e.TypeDiffers,
		ammountField:   e.AmountDiffers,
		entriesField:   e.EntriesDiffer,
		metadataField:  e.MetadataDiffers,
		expiresInField: e.ExpiresInDiffers,
		refundOfField:  e.RefundOfDiffers,

		debitsField:      e.DebitsDiffer,
		creditsField:     e.CreditsDiffer,
		creditLimitField: e.CreditLimitDiffers,
	} {
		if differs {
			properties[field] = []string{"differs from the first call with this key"}
		}
	}
	return properties
}
