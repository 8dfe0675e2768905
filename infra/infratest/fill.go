package infratest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// batchMost is DynamoDB's limit on the rows in a BatchWriteItem.
const batchMost = 25

var fillsFrom = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Credit gives a new user credits of these amounts, dated a millisecond apart. It writes the rows
// directly, which is faster than posting and has the same result.
func (b *Books) Credit(t testing.TB, user string, amounts ...string) {
	t.Helper()
	for batch := range slices.Chunk(b.writeBalance(t, user, amounts...), batchMost) {
		var puts []types.WriteRequest
		for _, credit := range batch {
			row, err := infra.EncodeTransaction(credit)
			noError(t, err)
			puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: row}})
		}
		written, err := b.direct.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{b.opened.TransactionsTable: puts},
		})
		noError(t, err)
		if len(written.UnprocessedItems) > 0 {
			t.Fatal("write credits: DynamoDB has left some out")
		}
	}
}

// Fill gives a new user a balance 100 below the limit. That takes a thousand credits, which are
// slow to write. So Fill writes only the balance, and Check counts the credits as if they were
// stored.
func (b *Books) Fill(t testing.TB, user string) {
	t.Helper()
	amounts := slices.Repeat([]string{"1000000000000"}, 1000)
	first, err := ledger.ParseAmount("999999999900")
	noError(t, err)
	amounts[0] = books.SumOf(first).Minus(books.SumOf(b.opened.Settings.Opening)).String()
	b.filled = append(b.filled, b.writeBalance(t, user, amounts...)...)
}

// writeBalance writes only a new user's balance after these credits, and returns the credits' rows.
func (b *Books) writeBalance(t testing.TB, user string, amounts ...string) (rows []ledger.Transaction) {
	t.Helper()
	a := infra.Aggregate{Account: ledger.Account{Balance: b.opened.Settings.Opening}, Version: len(amounts)}
	for i, amount := range amounts {
		r := Request(t, user, fmt.Sprintf("fill-%d", i), ledger.Credit, amount)
		p, err := ledger.NewPosting(r, fillsFrom.Add(time.Duration(i)*time.Millisecond))
		noError(t, err)
		rows = append(rows, p.Rows[0])
		a.Balance, _ = a.Balance.After(ledger.Credit, r.Entries[0].Amount)
	}
	row := a.Attributes(false)
	row["user_id"] = &types.AttributeValueMemberS{Value: user}
	_, err := b.direct.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.opened.AggregateTable, Item: row})
	noError(t, err)
	return rows
}

// Execute runs PartiQL statements that change, add or remove a table's rows, bypassing the ledger.
// "?" in a statement stands for the table's name.
func (b *Books) Execute(t testing.TB, table string, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		statement = strings.Replace(statement, "?", strconv.Quote(table), 1)
		if _, err := b.direct.ExecuteStatement(t.Context(), &dynamodb.ExecuteStatementInput{Statement: &statement}); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// Damage is like [Books.Execute], for statements that break an invariant. The check at the test's
// end must then find something.
func (b *Books) Damage(t testing.TB, table string, statements ...string) {
	t.Helper()
	b.Execute(t, table, statements...)
	b.damaged = true
}
