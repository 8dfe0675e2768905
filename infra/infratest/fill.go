package infratest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// batchMost is DynamoDB's limit on the rows in a BatchWriteItem.
const batchMost = 25

var fillsFrom = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// WriteCredits gives a new user these credits, a millisecond apart, by writing their rows. The
// result is the same as posting them, which takes longer.
func (b *Books) WriteCredits(ctx context.Context, user string, amounts ...string) error {
	balance, _ := money(attributevalue.Number(b.opened.Settings.Opening.String()))
	var puts []types.WriteRequest
	for i, amount := range amounts {
		r, err := NewRequest(user, fmt.Sprintf("fill-%d", i), ledger.Credit, amount)
		if err != nil {
			return err
		}
		credit, _ := money(attributevalue.Number(amount))
		balance.Add(balance, credit)
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: Row{
			ID:             r.TransactionID().String(),
			UserID:         user,
			Ammount:        attributevalue.Number(amount),
			Type:           "credit",
			Status:         "posted",
			IdempotencyKey: r.IdempotencyKey.String(),
			CreatedAt:      ledger.FormatTime(fillsFrom.Add(time.Duration(i) * time.Millisecond)),
		}.Item()}})
	}
	for batch := range slices.Chunk(puts, batchMost) {
		written, err := b.direct.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{b.opened.TransactionsTable: batch},
		})
		if err != nil {
			return fmt.Errorf("write credits: %w", err)
		}
		if len(written.UnprocessedItems) > 0 {
			return errors.New("write credits: DynamoDB has left some out")
		}
	}
	_, err := b.direct.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &b.opened.AggregateTable,
		Item: itemOf(aggregate{
			UserID: user, Balance: attributevalue.Number(plain(balance)), Version: attributevalue.Number(strconv.Itoa(len(amounts))),
		}),
	})
	if err != nil {
		return fmt.Errorf("write the balance: %w", err)
	}
	return nil
}

// Execute changes, adds or removes a table's rows by PartiQL statements, in which "?" is the
// table's name. No ledger does this.
func (b *Books) Execute(ctx context.Context, table string, statements ...string) error {
	for _, statement := range statements {
		statement = strings.Replace(statement, "?", strconv.Quote(table), 1)
		if _, err := b.direct.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: &statement}); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
