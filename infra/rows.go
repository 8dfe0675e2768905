package infra

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/cockroachdb/apd/v3"

	"onewrite/ledger"
)

// item is a row as DynamoDB sends it.
type item = map[string]types.AttributeValue

// transactionRow is a row of the transactions table.
type transactionRow struct {
	ID             string                `dynamodbav:"id"`
	UserID         string                `dynamodbav:"user_id"`
	Ammount        attributevalue.Number `dynamodbav:"ammount"`
	Type           string                `dynamodbav:"type"`
	Status         string                `dynamodbav:"status"`
	IdempotencyKey string                `dynamodbav:"idempotency_key"`
	CreatedAt      string                `dynamodbav:"created_at"`
	Balance        attributevalue.Number `dynamodbav:"balance,omitempty"` // of a declined one
}

func encodeTransaction(t ledger.Transaction) (item, error) {
	row := transactionRow{
		ID:             t.ID.String(),
		UserID:         t.UserID.String(),
		Ammount:        attributevalue.Number(t.Amount.String()),
		Type:           string(t.Type),
		Status:         string(t.Status),
		IdempotencyKey: t.IdempotencyKey.String(),
		CreatedAt:      t.CreatedAt.Format(ledger.CreatedAtLayout),
	}
	if t.Status == ledger.Declined {
		row.Balance = attributevalue.Number(t.BalanceSeen.String())
	}
	return attributevalue.MarshalMap(row)
}

// DecodeTransaction reads a row back, and refuses one that this program can't
// have written: an error is a damaged table.
func DecodeTransaction(stored item) (t ledger.Transaction, err error) {
	var row transactionRow
	if err := attributevalue.UnmarshalMap(stored, &row); err != nil {
		return t, fmt.Errorf("transaction row: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("transaction row %q: %w", row.ID, err)
		}
	}()
	if t.ID, err = ledger.ParseTransactionID(row.ID); err != nil {
		return t, err
	}
	if t.UserID, err = ledger.ParseUserID(row.UserID); err != nil {
		return t, err
	}
	if t.IdempotencyKey, err = ledger.ParseIdempotencyKey(row.IdempotencyKey); err != nil {
		return t, err
	}
	if t.Type, err = ledger.ParseType(row.Type); err != nil {
		return t, err
	}
	if t.Amount, err = decodeNumber(row.Ammount, ledger.ParseAmount); err != nil {
		return t, err
	}
	if t.CreatedAt, err = time.Parse(ledger.CreatedAtLayout, row.CreatedAt); err != nil {
		return t, err
	}
	switch t.Status = ledger.Status(row.Status); t.Status {
	case ledger.Posted:
	case ledger.Declined:
		t.BalanceSeen, err = decodeNumber(row.Balance, ledger.ParseBalance)
	default:
		err = fmt.Errorf("status %q", row.Status)
	}
	return t, err
}

// aggregateRow is a row of the aggregate table.
type aggregateRow struct {
	UserID  string                `dynamodbav:"user_id"`
	Balance attributevalue.Number `dynamodbav:"balance"`
	Version attributevalue.Number `dynamodbav:"version"`
}

// decodeBalance reads the balance of a row of the aggregate table. A user
// without a row has the opening balance.
func decodeBalance(stored item) (ledger.Balance, error) {
	if len(stored) == 0 {
		return ledger.OpeningBalance, nil
	}
	var row aggregateRow
	if err := attributevalue.UnmarshalMap(stored, &row); err != nil {
		return ledger.Balance{}, fmt.Errorf("aggregate row: %w", err)
	}
	balance, err := decodeNumber(row.Balance, ledger.ParseBalance)
	if err != nil {
		return ledger.Balance{}, fmt.Errorf("aggregate row of %s: %w", row.UserID, err)
	}
	return balance, nil
}

// Aggregate is a row of the aggregate table: a user's balance, and how many
// transactions made it from the opening balance.
type Aggregate struct {
	UserID  ledger.UserID
	Balance ledger.Balance
	Version int
}

// DecodeAggregate reads a whole row of the aggregate table, and refuses one
// that a posting can't have written: an error is a damaged table.
func DecodeAggregate(stored item) (a Aggregate, err error) {
	var row aggregateRow
	if err := attributevalue.UnmarshalMap(stored, &row); err != nil {
		return a, fmt.Errorf("aggregate row: %w", err)
	}
	if a.UserID, err = ledger.ParseUserID(row.UserID); err != nil {
		return a, fmt.Errorf("aggregate row: %w", err)
	}
	if a.Balance, err = decodeNumber(row.Balance, ledger.ParseBalance); err != nil {
		return a, fmt.Errorf("balance %q: %w", row.Balance, err)
	}
	if a.Version, err = decodeNumber(row.Version, strconv.Atoi); err != nil || a.Version < 1 {
		return a, fmt.Errorf("version %q is not the number of a posting", row.Version)
	}
	return a, nil
}

// decodeNumber parses an N, for which DynamoDB promises the value and not the
// notation.
func decodeNumber[T any](n attributevalue.Number, parse func(string) (T, error)) (T, error) {
	d, _, err := apd.NewFromString(string(n))
	if err != nil {
		var none T
		return none, fmt.Errorf("number %q: %w", n, err)
	}
	return parse(d.Text('f'))
}
