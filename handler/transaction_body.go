package handler

import (
	"cmp"

	"github.com/go-json-experiment/json/jsontext"

	"onewrite/ledger"
)

// transactionBody is a transaction, or one of its entries, as callers see it.
type transactionBody struct {
	ID            string         `json:"id"`
	UserID        string         `json:"userId,omitempty"`
	Type          string         `json:"type,omitempty"`
	Ammount       string         `json:"ammount,omitempty"`
	Currency      string         `json:"currency,omitempty"`
	Status        string         `json:"status"`
	CreatedAt     string         `json:"createdAt"`
	ExpiresAt     string         `json:"expiresAt,omitempty"` // only if the transaction is or was pending
	Captured      string         `json:"captured,omitempty"`
	Entries       []entryBody    `json:"entries,omitempty"`
	Metadata      jsontext.Value `json:"metadata,omitzero"`
	TransactionID string         `json:"transactionId,omitempty"`
	RefundOf      string         `json:"refundOf,omitempty"`

	// Only a rule change has these fields.
	Debits      string `json:"debits,omitempty"`
	Credits     string `json:"credits,omitempty"`
	CreditLimit string `json:"creditLimit,omitempty"`
}

// rulesType is the type that answers give for a rule change.
const rulesType = "account"

type entryBody struct {
	ID      string `json:"id,omitempty"` // the id of the entry's row, if the row exists or can still be written
	UserID  string `json:"userId"`
	Type    string `json:"type"`
	Ammount string `json:"ammount"`
}

// wholeBody returns the transaction t as callers see it, with all its entries. If t is a
// further entry's row, a hold's end or a rule change, the body describes only that row.
func (h *Handler) wholeBody(t ledger.Transaction) transactionBody {
	b := h.rowBody(t)
	if t.Entries == nil {
		return b
	}
	b.UserID, b.Type, b.Ammount, b.TransactionID = "", "", "", ""
	rows := len(t.Entries)
	switch t.Status {
	case ledger.Declined:
		rows = 0
	case ledger.Voided, ledger.Expired:
		rows = 1 // only a capture would have written the credit's row
	case ledger.Posted, ledger.Pending:
	}
	for i, e := range t.Entries {
		entry := entryBody{UserID: e.UserID.String(), Type: string(e.Type), Ammount: e.Amount.String()}
		if i < rows {
			entry.ID = t.ID.Entry(i).String()
		}
		b.Entries = append(b.Entries, entry)
	}
	return b
}

// lineBody returns one line of a user's history. It is a row, or a declined transaction
// with all its entries, which have no lines of their own.
func (h *Handler) lineBody(t ledger.Transaction) transactionBody {
	if t.Status == ledger.Declined {
		return h.wholeBody(t)
	}
	return h.rowBody(t)
}

func (h *Handler) rowBody(t ledger.Transaction) transactionBody {
	b := transactionBody{
		ID:        t.ID.String(),
		UserID:    t.UserID.String(),
		Type:      cmp.Or(string(t.Type), string(t.End)),
		Ammount:   t.Amount.String(),
		Currency:  h.currency(),
		Status:    string(t.Status),
		CreatedAt: ledger.FormatTime(t.CreatedAt),
		Metadata:  metadataBody(t.Metadata),
	}
	if !t.ExpiresAt.IsZero() && t.Status != ledger.Declined {
		b.ExpiresAt = ledger.FormatTime(t.ExpiresAt)
	}
	if !t.Captured.Equal(ledger.Amount{}) {
		b.Captured = t.Captured.String()
	}
	if t.Rules != nil {
		b.Type, b.Ammount, b.Debits, b.Credits = rulesType, "", string(t.Rules.Debits), string(t.Rules.Credits)
		if t.Rules.CreditLimit != nil {
			b.CreditLimit = t.Rules.CreditLimit.String()
		}
	}
	if t.IsRefund() {
		b.RefundOf = t.RefundOf.String()
	}
	switch {
	case t.Entries != nil:
		b.TransactionID = b.ID
	case t.TransactionID != (ledger.TransactionID{}):
		b.TransactionID = t.TransactionID.String()
	}
	return b
}

func metadataBody(m ledger.Metadata) jsontext.Value {
	if m == (ledger.Metadata{}) {
		return nil
	}
	return jsontext.Value(m.String())
}
