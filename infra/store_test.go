package infra_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
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

// A transaction of any number of entries takes as many requests as one of one.
func TestRequestsPerOutcomeOfEntries(t *testing.T) {
	t.Parallel()
	for _, entries := range [][]string{
		{"a debit 1", "b credit 1"},
		{"a debit 2", "b credit 1", "shop credit 1"},
		slices.Repeat([]string{"shop credit 1"}, 50),
		slices.Repeat([]string{"shop credit 0.01"}, 99),
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			posted := infratest.Entries(t, "posted", entries...)
			user := posted.UserID().String()
			declined := infratest.Entries(t, "declined", append([]string{user + " debit 1000000"}, entries[1:]...)...)
			for _, each := range []struct {
				name    string
				request ledger.Request
				want    []string
			}{
				{"a post", posted, []string{"TransactWriteItems"}},
				{"its replay", posted, []string{"TransactWriteItems"}},
				{"a first decline", declined, []string{"TransactWriteItems", "PutItem"}},
				{"its replay", declined, []string{"TransactWriteItems"}},
			} {
				_, err := books.Ledger.Post(t.Context(), each.request)
				assert.Equal(t, each.want, books.Network.Requests(), "%s of %d: %v", each.name, len(entries), err)
			}
			last := posted.TransactionID().Entry(len(entries) - 1)
			for _, id := range []ledger.TransactionID{posted.TransactionID(), last, declined.TransactionID()} {
				_, err := books.Ledger.Transaction(t.Context(), id)
				require.NoError(t, err)
				assert.Equal(t, []string{"GetItem"}, books.Network.Requests(), "a lookup of one of %d", len(entries))
			}
		})
	}
}

// A page of rows with many entries, which together have more than the 1 MB that
// DynamoDB answers at once, is as full as any.
func TestHistoryOverOneMegabyte(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := ledger.New(books.Store, func() time.Time { now = now.Add(time.Millisecond); return now })
	// Declined ones, each with a list of 97 entries of a long name: some 50 KB.
	long := strings.Repeat("用", 128)
	entries := append([]string{"a debit 1", "b debit 1000"}, slices.Repeat([]string{long + " credit 1"}, 95)...)
	const rows = 30
	var want []ledger.TransactionID
	for i := range rows {
		r := infratest.Entries(t, fmt.Sprint(i), entries...)
		_, err := l.Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
		want = append(want, r.TransactionID())
	}
	slices.Reverse(want) // newest first
	for _, c := range []struct{ limit, requests int }{{100, 2}, {rows, 2}, {rows - 1, 2}, {10, 1}} {
		var got []ledger.TransactionID
		for after, first := (ledger.Cursor{}), true; first || after != (ledger.Cursor{}); first = false {
			books.Network.Requests()
			page, err := l.History(t.Context(), infratest.Entries(t, "k", "a debit 1").UserID(), after, c.limit)
			require.NoError(t, err)
			if first {
				assert.GreaterOrEqual(t, len(books.Network.Requests()), c.requests, "%d a page", c.limit)
				assert.Len(t, page.Transactions, min(c.limit, rows))
			}
			for _, transaction := range page.Transactions {
				got = append(got, transaction.ID)
				assert.Len(t, transaction.Entries, len(entries))
			}
			after = page.Next
		}
		assert.Equal(t, want, got, "%d a page", c.limit)
	}
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

	transfer := infratest.Entries(t, "e", "2 debit 0.50", "3 credit 0.5")
	transfer.Metadata, err = ledger.NewMetadata(map[string]string{"order": "7"})
	require.NoError(t, err)
	result, err := books.Ledger.Post(t.Context(), transfer)
	require.NoError(t, err)
	whole := result.Transaction
	_, err = books.Ledger.Post(t.Context(), infratest.Entries(t, "f", "2 debit 0.5", "2 debit 100"))
	var refused *ledger.DeclinedError
	require.ErrorAs(t, err, &refused)

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
		{books.Config.TransactionsTable, row{"id": s(whole.ID.String())},
			row{
				"user_id": s("2"), "ammount": n("0.5"), "type": s("debit"), "status": s("posted"), "idempotency_key": s("e"),
				"created_at": s(whole.CreatedAt.Format("2006-01-02T15:04:05.000Z")), "metadata": s(`{"order":"7"}`),
				"entries": list(entryOf("2", "debit", "0.5"), entryOf("3", "credit", "0.5")),
			}},
		{books.Config.TransactionsTable, row{"id": s(whole.ID.Entry(1).String())},
			row{
				"user_id": s("3"), "ammount": n("0.5"), "type": s("credit"), "status": s("posted"), "transaction_id": s(whole.ID.String()),
				"created_at": s(whole.CreatedAt.Format("2006-01-02T15:04:05.000Z")),
			}},
		{books.Config.TransactionsTable, row{"id": s(refused.Result.Transaction.ID.String())},
			row{
				"user_id": s("2"), "ammount": n("0.5"), "type": s("debit"), "status": s("declined"), "idempotency_key": s("f"),
				"created_at": s(refused.Result.Transaction.CreatedAt.Format("2006-01-02T15:04:05.000Z")),
				"entries":    list(entryOf("2", "debit", "0.5"), entryOf("2", "debit", "100")), "balance": n("99"), "declined_entry": n("1"),
			}},
		{books.Config.AggregateTable, row{"user_id": s("2")}, row{"balance": n("99.5"), "version": n("1")}},
		{books.Config.AggregateTable, row{"user_id": s("3")}, row{"balance": n("100.5"), "version": n("1")}},
	} {
		out, err := books.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &c.table, Key: c.key, ConsistentRead: aws.Bool(true)})
		require.NoError(t, err)
		for name, value := range c.key {
			c.want[name] = value
		}
		assert.Equal(t, c.want, out.Item)
	}
}
