package infratest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// Fill gives a new user a balance of 100 below the limit, by the rows of a
// thousand credits, which it would take long to post.
func (b *Books) Fill(t testing.TB, user string) {
	t.Helper()
	amounts := slices.Repeat([]string{"1000000000000"}, 1000)
	amounts[0] = "999999999800"
	b.Credit(t, user, amounts...)
}

// Credit gives a new user these credits, by their rows: the same as posting
// them, but for the time that takes.
func (b *Books) Credit(t testing.TB, user string, amounts ...string) {
	t.Helper()
	s := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	n := func(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }
	balance := apd.New(100, 0)
	var credits []types.WriteRequest
	for i, amount := range amounts {
		key := fmt.Sprintf("fill-%d", i)
		r := Request(t, user, key, ledger.Credit, amount)
		balance = sum(t, balance, decimal(t, amount))
		credits = append(credits, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{
			"id":              s(ledger.NewTransactionID(r.UserID, r.IdempotencyKey).String()),
			"user_id":         s(user),
			"idempotency_key": s(key),
			"type":            s("credit"),
			"ammount":         n(amount),
			"status":          s("posted"),
			"created_at":      s("2026-01-01T00:00:00.000Z"),
		}}})
	}
	for batch := range slices.Chunk(credits, 25) {
		_, err := b.direct.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{b.Config.TransactionsTable: batch},
		})
		require.NoError(t, err)
	}
	_, err := b.direct.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: &b.Config.AggregateTable,
		Item: map[string]types.AttributeValue{
			"user_id": s(user), "balance": n(balance.Text('f')), "version": n(fmt.Sprint(len(amounts))),
		},
	})
	require.NoError(t, err)
}
