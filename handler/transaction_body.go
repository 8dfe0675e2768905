package handler

import (
	"github.com/go-json-experiment/json/jsontext"

	"onewrite/ledger"
)

// transactionBody is a transaction, or one of its entries, as callers see it.
type transactionBody struct {
	ID            string         `json:"id"`
	UserID        string         `json:"userId,omitempty"`
	Type          string         `json:"type,omitempty"`
	Ammount       string         `json:"ammount,omitempty"`
	Status        string         `json:"status"`
	CreatedAt     string         `json:"createdAt"`
	Entries       []entryBody    `json:"entries,omitempty"`
	Metadata      jsontext.Value `json:"metadata,omitzero"`
	TransactionID string         `json:"transactionId,omitempty"`
}

type entryBody struct {
	ID      string `json:"id,omitempty"` // of its row, if it has one
	UserID  string `json:"userId"`
	Type    string `json:"type"`
	Ammount string `json:"ammount"`
}

// wholeBody returns a transaction as a whole, or the one further entry that the
// row is of.
func wholeBody(t ledger.Transaction) transactionBody {
	if t.Entries == nil {
		return rowBody(t)
	}
	b := transactionBody{
		ID:        t.ID.String(),
		Status:    string(t.Status),
		CreatedAt: ledger.FormatTime(t.CreatedAt),
		Metadata:  metadataBody(t.Metadata),
	}
	for i, e := range t.Entries {
		entry := entryBody{UserID: e.UserID.String(), Type: string(e.Type), Ammount: e.Amount.String()}
		if t.Status == ledger.Posted {
			entry.ID = t.ID.Entry(i).String()
		}
		b.Entries = append(b.Entries, entry)
	}
	return b
}

// lineBody returns a line of a user's history: an entry of a posted transaction,
// or a declined transaction as a whole, whose entries have no lines.
func lineBody(t ledger.Transaction) transactionBody {
	if t.Status == ledger.Declined {
		return wholeBody(t)
	}
	return rowBody(t)
}

// rowBody returns the entry that a row is of.
func rowBody(t ledger.Transaction) transactionBody {
	b := transactionBody{
		ID:        t.ID.String(),
		UserID:    t.UserID.String(),
		Type:      string(t.Type),
		Ammount:   t.Amount.String(),
		Status:    string(t.Status),
		CreatedAt: ledger.FormatTime(t.CreatedAt),
		Metadata:  metadataBody(t.Metadata),
	}
	switch {
	case t.Entries != nil:
		b.TransactionID = b.ID
	case t.TransactionID != (ledger.TransactionID{}):
		b.TransactionID = t.TransactionID.String()
	}
	return b
}

// metadataBody returns metadata as JSON, or nil if there is none.
func metadataBody(m ledger.Metadata) jsontext.Value {
	if m == (ledger.Metadata{}) {
		return nil
	}
	return jsontext.Value(m.String())
}
