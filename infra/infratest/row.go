package infratest

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// Row is a row of the transactions table, as package infra's comment describes it. The store has
// its own type: the check must not share its code.
type Row struct {
	ID             string                `dynamodbav:"id"`
	UserID         string                `dynamodbav:"user_id,omitempty"`
	Ammount        attributevalue.Number `dynamodbav:"ammount,omitempty"`
	Type           string                `dynamodbav:"type"`
	Status         string                `dynamodbav:"status"`
	CreatedAt      string                `dynamodbav:"created_at"`
	IdempotencyKey string                `dynamodbav:"idempotency_key,omitempty"` // a first row's, as are:
	Metadata       string                `dynamodbav:"metadata,omitempty"`
	Entries        []Entry               `dynamodbav:"entries,omitempty"`
	Balance        attributevalue.Number `dynamodbav:"balance,omitempty"`        // the balance that declined it
	DeclinedEntry  attributevalue.Number `dynamodbav:"declined_entry,omitempty"` // for a decline with entries
	ExpiresAt      string                `dynamodbav:"expires_at,omitempty"`     // if it was requested as pending
	TransactionID  string                `dynamodbav:"transaction_id,omitempty"` // names another row
	Held           attributevalue.Number `dynamodbav:"held,omitempty"`           // a capture's
	PostedBy       string                `dynamodbav:"posted_by,omitempty"`      // a first row's, or an end's
	RefundOf       string                `dynamodbav:"refund_of,omitempty"`      // a refund's
	RefundPlaces   []int                 `dynamodbav:"refund_places,omitempty"`  // a refund's, in its first row
	DeclinedBy     string                `dynamodbav:"declined_by,omitempty"`    // "block", if not by the balance

	// A change of rules has these, and no user_id or ammount.
	Account     string                `dynamodbav:"account,omitempty"`
	Debits      string                `dynamodbav:"debits,omitempty"`
	Credits     string                `dynamodbav:"credits,omitempty"`
	CreditLimit attributevalue.Number `dynamodbav:"credit_limit,omitempty"`
	LimitBefore attributevalue.Number `dynamodbav:"credit_limit_before,omitempty"`
	RuleChange  attributevalue.Number `dynamodbav:"rule_change,omitempty"`
}

// Entry is an entry in a first row.
type Entry struct {
	UserID  string                `dynamodbav:"user_id"`
	Type    string                `dynamodbav:"type"`
	Ammount attributevalue.Number `dynamodbav:"ammount"`
}

// createdAtLayout is the layout for created_at, which is in UTC.
const createdAtLayout = "2006-01-02T15:04:05.000Z"

// aggregate is a balance row without its open holds, which have an attribute each.
type aggregate struct {
	UserID  string                `dynamodbav:"user_id"`
	Balance attributevalue.Number `dynamodbav:"balance"`
	Version attributevalue.Number `dynamodbav:"version"`

	// TransactionID names the write that moved the balance last. Older rows lack it.
	TransactionID string `dynamodbav:"transaction_id,omitempty"`

	Held  attributevalue.Number `dynamodbav:"held,omitempty"`
	Holds attributevalue.Number `dynamodbav:"holds,omitempty"`

	DebitsBlocked  bool                  `dynamodbav:"debits_blocked,omitempty"`
	CreditsBlocked bool                  `dynamodbav:"credits_blocked,omitempty"`
	CreditLimit    attributevalue.Number `dynamodbav:"credit_limit,omitempty"`
	RuleChanges    attributevalue.Number `dynamodbav:"rule_changes,omitempty"`
}

// Item returns the row as DynamoDB stores it.
func (r Row) Item() map[string]types.AttributeValue { return itemOf(r) }

func itemOf(row any) map[string]types.AttributeValue {
	item, err := attributevalue.MarshalMap(row)
	if err != nil {
		panic(err) // our own types, which have no value that can't be stored
	}
	return item
}

// rowOf returns a transaction's row.
func rowOf(t ledger.Transaction) Row {
	r := Row{
		ID:             t.ID.String(),
		UserID:         t.UserID.String(),
		Ammount:        attributevalue.Number(t.Amount.String()),
		Type:           cmp.Or(string(t.Type), string(t.End)),
		Status:         string(t.Status),
		CreatedAt:      t.CreatedAt.Format(createdAtLayout),
		IdempotencyKey: t.IdempotencyKey.String(),
		Metadata:       t.Metadata.String(),
		PostedBy:       t.PostedBy.String(),
		RefundPlaces:   t.RefundPlaces,
	}
	if t.RefundOf != (ledger.TransactionID{}) {
		r.RefundOf = t.RefundOf.String()
	}
	for _, e := range t.Entries {
		r.Entries = append(r.Entries, Entry{e.UserID.String(), string(e.Type), attributevalue.Number(e.Amount.String())})
	}
	if t.Status == ledger.Declined {
		r.Balance = attributevalue.Number(t.BalanceSeen.String())
		if t.Entries != nil {
			r.DeclinedEntry = attributevalue.Number(strconv.Itoa(t.DeclinedEntry))
		}
	}
	if !t.ExpiresAt.IsZero() {
		r.ExpiresAt = t.ExpiresAt.Format(createdAtLayout)
	}
	if t.TransactionID != (ledger.TransactionID{}) {
		r.TransactionID = t.TransactionID.String()
	}
	if t.End == ledger.Capture {
		r.Held = attributevalue.Number(t.Held.String())
	}
	if t.DeclinedByBlock {
		r.DeclinedBy = "block"
	}
	if t.Rules != nil {
		r.UserID, r.Account, r.Type, r.Ammount = "", t.UserID.String(), "account", ""
		r.Debits, r.Credits = string(t.Rules.Debits), string(t.Rules.Credits)
		if t.Rules.CreditLimit != nil {
			r.CreditLimit = attributevalue.Number(t.Rules.CreditLimit.String())
			r.LimitBefore = attributevalue.Number(t.Rules.LimitBefore.String())
		}
		if t.Status == ledger.Posted {
			r.RuleChange = attributevalue.Number(strconv.Itoa(t.Rules.Number))
		}
	}
	return r
}

// scan reads a whole table.
func scan(ctx context.Context, client *dynamodb.Client, table string) (items []map[string]types.AttributeValue, err error) {
	consistent := true
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &table, ConsistentRead: &consistent})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", table, err)
		}
		items = append(items, page.Items...)
	}
	return items, nil
}
