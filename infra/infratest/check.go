package infratest

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/ledger"
)

// Check reads all rows of the tables and checks every invariant of the books:
// a balance is the opening balance plus the posted credits minus the posted
// debits, between zero and the ceiling; its version is their number; every row
// has the id of its user and key; nobody but who has posted has a balance row;
// and what callers were told is there, posted or declined, as they were told it.
//
// It reads the rows by itself and does its own sums: it shares no code with
// the store that it checks.
func Check(ctx context.Context, t testing.TB, client *dynamodb.Client, c infra.Config, told ...ledger.Transaction) {
	t.Helper()
	var transactions []row
	var balances []struct {
		UserID  string                `dynamodbav:"user_id"`
		Balance attributevalue.Number `dynamodbav:"balance"`
		Version int                   `dynamodbav:"version"`
	}
	scan(ctx, t, client, c.TransactionsTable, &transactions)
	scan(ctx, t, client, c.AggregateTable, &balances)

	sums, posted := map[string]*apd.Decimal{}, map[string]int{}
	for _, row := range transactions {
		r := Request(t, row.UserID, row.IdempotencyKey, ledger.Type(row.Type), string(row.Ammount))
		assert.Equal(t, ledger.NewTransactionID(r.UserID, r.IdempotencyKey).String(), row.ID, "id of %+v", row)
		assert.Contains(t, []string{"credit", "debit"}, row.Type, "type of %+v", row)
		_, err := time.Parse(time.RFC3339, row.CreatedAt)
		assert.NoError(t, err, "created_at of %+v", row)
		delta := decimal(t, row.Ammount)
		delta.Negative = row.Type == "debit"
		switch row.Status {
		case "posted":
			if sums[row.UserID] == nil {
				sums[row.UserID] = apd.New(100, 0)
			}
			sums[row.UserID] = sum(t, sums[row.UserID], delta)
			posted[row.UserID]++
		case "declined":
			after := sum(t, decimal(t, row.Balance), delta)
			assert.True(t, after.Negative || after.Cmp(ceiling) > 0, "declined without a reason: %+v", row)
		default:
			assert.Fail(t, "status", "%+v", row)
		}
	}
	assert.Len(t, balances, len(posted), "balance rows")
	for _, row := range balances {
		balance := decimal(t, row.Balance)
		assert.False(t, balance.Negative || balance.Cmp(ceiling) > 0, "range: %+v", row)
		assert.Equal(t, posted[row.UserID], row.Version, "version of %q", row.UserID)
		if want := sums[row.UserID]; assert.NotNil(t, want, "a balance without transactions: %+v", row) {
			assert.Zero(t, want.Cmp(balance), "balance of %q is %v, and its transactions come to %v", row.UserID, balance, want)
		}
	}
	checkTold(t, transactions, told)
}

// row is a row of the transactions table.
type row struct {
	ID             string                `dynamodbav:"id"`
	UserID         string                `dynamodbav:"user_id"`
	Ammount        attributevalue.Number `dynamodbav:"ammount"`
	Type           string                `dynamodbav:"type"`
	Status         string                `dynamodbav:"status"`
	IdempotencyKey string                `dynamodbav:"idempotency_key"`
	CreatedAt      string                `dynamodbav:"created_at"`
	Balance        attributevalue.Number `dynamodbav:"balance"`
}

// checkTold finds a row for each transaction that a caller was told of.
func checkTold(t testing.TB, transactions []row, told []ledger.Transaction) {
	t.Helper()
	stored := map[string]row{}
	for _, row := range transactions {
		stored[row.ID] = row
	}
	for _, transaction := range told {
		want := row{
			ID:             transaction.ID.String(),
			UserID:         transaction.UserID.String(),
			Ammount:        attributevalue.Number(transaction.Amount.String()),
			Type:           string(transaction.Type),
			Status:         string(transaction.Status),
			IdempotencyKey: transaction.IdempotencyKey.String(),
			CreatedAt:      transaction.CreatedAt.Format("2006-01-02T15:04:05.000Z"),
		}
		if transaction.Status == ledger.Declined {
			want.Balance = attributevalue.Number(transaction.BalanceSeen.String())
		}
		assert.Equal(t, want, stored[want.ID], "the row of what a caller was told")
	}
}

var ceiling = apd.New(1, 15)

// scan reads a whole table into rows.
func scan(ctx context.Context, t testing.TB, client *dynamodb.Client, table string, rows any) {
	t.Helper()
	consistent := true
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &table, ConsistentRead: &consistent})
	var items []map[string]types.AttributeValue
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		items = append(items, page.Items...)
	}
	require.NoError(t, attributevalue.UnmarshalListOfMaps(items, rows))
}

func decimal[N ~string](t testing.TB, n N) *apd.Decimal {
	t.Helper()
	d, _, err := apd.NewFromString(string(n))
	require.NoError(t, err, "number %q", n)
	return d
}

func sum(t testing.TB, a, b *apd.Decimal) *apd.Decimal {
	t.Helper()
	var d apd.Decimal
	condition, err := apd.BaseContext.WithPrecision(38).Add(&d, a, b)
	require.NoError(t, err)
	require.False(t, condition.Inexact(), "%v + %v", a, b)
	return &d
}
