package infra_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/storetest"
	"onewrite/infra/internal/dynamodbmodel"
	"onewrite/ledger"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, infratest.New)
}

func TestBalanceOfNewUserIsOpeningAndLeavesNoRow(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	assert.Equal(t, "100", books.Balance(t, "1"))
	assert.Equal(t, []string{"GetItem"}, books.Network.Requests())
	for _, table := range []string{books.Config.TransactionsTable, books.Config.AggregateTable} {
		rows, err := books.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		require.NoError(t, err)
		assert.Empty(t, rows.Items, "rows of %s", table)
	}
}

func TestRequestsPerOutcome(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	credit := infratest.Request(t, "1", "credit", ledger.Credit, "10")
	debit := infratest.Request(t, "1", "debit", ledger.Debit, "1000")
	for _, c := range []struct {
		name    string
		request ledger.Request
		want    []string
	}{
		{"a post", credit, []string{"TransactWriteItems"}},
		{"its replay", credit, []string{"TransactWriteItems"}},
		{"a first decline", debit, []string{"TransactWriteItems", "PutItem"}},
		{"its replay", debit, []string{"TransactWriteItems"}},
	} {
		_, _ = books.Ledger.Post(t.Context(), c.request)
		assert.Equal(t, c.want, books.Network.Requests(), c.name)
	}
	books.Balance(t, "1")
	assert.Equal(t, []string{"GetItem"}, books.Network.Requests(), "a balance")
}

// An id whose row is of another user or key, which only a collision of SHA-256
// or damage can bring about, is no replay and gives nothing of that row away.
func TestForeignRowUnderID(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	r := infratest.Request(t, "1", "1", ledger.Debit, "12.5")
	require.Equal(t, rowID, r.TransactionID().String())
	for _, foreign := range []row{
		with(postedRow(), "user_id", s("2")),
		with(postedRow(), "idempotency_key", s("2")),
		with(declinedRow(), "user_id", s("2")),
		with(declinedRow(), "idempotency_key", s("2")),
		furtherRow(),
	} {
		put(t, books, books.Config.TransactionsTable, foreign)
		result, err := books.Ledger.Post(t.Context(), r)
		defect(t, err, "the id is stored for another user or key")
		assert.Zero(t, result)
		remove(t, books, books.Config.TransactionsTable, "id", foreign)
	}
}

// A type that nobody knows is no debit and no credit: nothing is sent.
func TestUnknownTypeIsNotSent(t *testing.T) {
	t.Parallel()
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	for _, unknown := range []ledger.Type{"", "transfer"} {
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", unknown, "10"))
		defect(t, err, "moves no balance")
	}
	assert.Empty(t, books.Network.Requests())
}

// Warm opens the connection by one read, and says so if that fails.
func TestWarm(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		require.NoError(t, books.Store.Warm(t.Context()))
		assert.Equal(t, []string{"GetItem"}, books.Network.Requests())

		books.Network.Next(faults.Exception(http.StatusBadRequest, "AccessDeniedException", "not authorized"))
		assert.ErrorContains(t, books.Store.Warm(t.Context()), "not authorized")

		began := time.Now()
		books.Network.Always(faults.LoseRequest)
		assert.ErrorIs(t, books.Store.Warm(t.Context()), ledger.ErrTryAgain)
		assert.LessOrEqual(t, time.Since(began), 2*time.Second, "of the 10 of a Lambda's init")
		books.Network.Always(nil)
	})
}

func TestRowsAsTheyAreStored(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	posted, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10.50"))
	require.NoError(t, err)
	_, err = books.Ledger.Post(t.Context(), infratest.Request(t, "1", "d", ledger.Debit, "1000"))
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)

	for _, c := range []struct {
		table string
		key   row
		want  row
	}{
		{books.Config.TransactionsTable, row{"id": s(posted.Transaction.ID.String())},
			row{
				"user_id": s("1"), "ammount": n("10.5"), "type": s("credit"), "status": s("posted"), "idempotency_key": s("k"),
				"created_at": s(posted.Transaction.CreatedAt.Format("2006-01-02T15:04:05.000Z")),
			}},
		{books.Config.TransactionsTable, row{"id": s(declined.Result.Transaction.ID.String())},
			row{
				"user_id": s("1"), "ammount": n("1000"), "type": s("debit"), "status": s("declined"), "idempotency_key": s("d"), "balance": n("110.5"),
				"created_at": s(declined.Result.Transaction.CreatedAt.Format("2006-01-02T15:04:05.000Z")),
			}},
		{books.Config.AggregateTable, row{"user_id": s("1")},
			row{"balance": n("110.5"), "version": n("1")}},
	} {
		out, err := books.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &c.table, Key: c.key, ConsistentRead: aws.Bool(true)})
		require.NoError(t, err)
		for name, value := range c.key {
			c.want[name] = value
		}
		assert.Equal(t, c.want, out.Item)
	}
}
