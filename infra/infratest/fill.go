package infratest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/ledger"
)

// batchMost is DynamoDB's limit on the rows in a BatchWriteItem.
const batchMost = 25

var fillsFrom = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// WriteCredits gives a new user these credits, a millisecond apart, by writing their rows. The
// result is the same as posting them, which takes longer.
func (b *Books) WriteCredits(ctx context.Context, user string, amounts ...string) error {
	rows, account, err := b.credits(user, amounts...)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(rows, batchMost) {
		var puts []types.WriteRequest
		for _, t := range batch {
			row, err := infra.EncodeTransaction(t)
			if err != nil {
				return err
			}
			puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: row}})
		}
		written, err := b.direct.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{b.opened.TransactionsTable: puts},
		})
		if err != nil {
			return fmt.Errorf("write credits: %w", err)
		}
		if len(written.UnprocessedItems) > 0 {
			return errors.New("write credits: DynamoDB has left some out")
		}
	}
	return b.writeAccount(ctx, account)
}

// WriteBalance gives a new user the balance that these credits make, without their rows. The check
// counts them as if they were stored.
func (b *Books) WriteBalance(ctx context.Context, user string, amounts ...string) error {
	rows, account, err := b.credits(user, amounts...)
	if err != nil {
		return err
	}
	b.filled = append(b.filled, rows...)
	return b.writeAccount(ctx, account)
}

// credits returns the rows and the account of a new user with these credits.
func (b *Books) credits(user string, amounts ...string) (rows []ledger.Transaction, a infra.Aggregate, err error) {
	a.Balance, a.Version = b.opened.Settings.Opening, len(amounts)
	for i, amount := range amounts {
		r, err := NewRequest(user, fmt.Sprintf("fill-%d", i), ledger.Credit, amount)
		if err != nil {
			return nil, a, err
		}
		p, err := ledger.NewPosting(r, fillsFrom.Add(time.Duration(i)*time.Millisecond))
		if err != nil {
			return nil, a, err
		}
		rows = append(rows, p.Rows[0])
		a.UserID = r.UserID()
		a.Balance, _ = a.Balance.After(ledger.Credit, r.Entries[0].Amount)
	}
	return rows, a, nil
}

func (b *Books) writeAccount(ctx context.Context, a infra.Aggregate) error {
	row := a.Attributes(false)
	row["user_id"] = &types.AttributeValueMemberS{Value: a.UserID.String()}
	if _, err := b.direct.PutItem(ctx, &dynamodb.PutItemInput{TableName: &b.opened.AggregateTable, Item: row}); err != nil {
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
