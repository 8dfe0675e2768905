package infra_test

import (
	"context"
	"encoding/base64"
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
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/storetest"
	"onewrite/ledger"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, infratest.New)
}

// A history ends with its last row. Not in parallel: an endless history would block
// the tests that read it whole.
func TestHistoryEnds(t *testing.T) {
	books := infratest.New(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	page, err := books.Ledger.History(ctx, infratest.Entries(t, "k", "a debit 1").UserID(), ledger.Cursor{}, 1)
	require.NoError(t, err)
	assert.Equal(t, ledger.Page{Transactions: []ledger.Transaction{}}, page)
}

func TestBalanceOfNewUserIsOpeningAndLeavesNoRow(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	assert.Equal(t, "100", books.Balance(t, "1"))
	assert.Equal(t, []string{"GetItem"}, books.Network.Requests())
	for table, want := range map[string]int{books.Config.TransactionsTable: 1, books.Config.AggregateTable: 0} { // the settings
		rows, err := books.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		require.NoError(t, err)
		assert.Len(t, rows.Items, want, "rows of %s", table)
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

// A transaction takes as many requests with many entries as with one.
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

// A hold takes one request, like a debit. An end takes a read and a write. Expired
// holds cost the write that needs them one more.
func TestRequestsPerOutcomeOfHolds(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		l := books.Ledger
		hold := func(key string, entries ...string) (ledger.EndRequest, func() error) {
			r := infratest.Entries(t, key, entries...)
			r.ExpiresIn = time.Minute
			return ledger.EndRequest{TransactionID: r.TransactionID()}, func() error { _, err := l.Post(t.Context(), r); return err }
		}
		captured, postCaptured := hold("captured", "1 debit 10")
		voided, postVoided := hold("voided", "1 debit 10", "shop credit 10")
		paid, postPaid := hold("paid", "1 debit 10", "2 credit 10")
		_, postExpired := hold("expired", "1 debit 10")
		_, postDeclined := hold("declined", "1 debit 1000")
		debit := infratest.Entries(t, "debit", "1 debit 80")
		capture := func(r ledger.EndRequest) func() error {
			return func() error { _, err := l.Capture(t.Context(), r, ledger.Amount{}); return err }
		}
		void := func() error { _, err := l.Void(t.Context(), voided); return err }
		lookup := func(id ledger.TransactionID) func() error {
			return func() error { _, err := l.Transaction(t.Context(), id); return err }
		}
		const write, read = "TransactWriteItems", "GetItem"
		for _, c := range []struct {
			name string
			make func() error
			want []string
			err  error
		}{
			{"a hold", postCaptured, []string{write}, nil},
			{"its replay", postCaptured, []string{write}, nil},
			{"a payment on hold", postVoided, []string{write}, nil},
			{"another", postPaid, []string{write}, nil},
			{"a declined one", postDeclined, []string{write, "PutItem"}, ledger.ErrInsufficientFunds},
			{"a lookup of a pending one", lookup(captured.TransactionID), []string{read, read}, nil},
			{"a capture", capture(captured), []string{read, write}, nil},
			{"its replay", capture(captured), []string{read, write}, nil},
			{"a capture that is paid", capture(paid), []string{read, write}, nil},
			{"a void", void, []string{read, write}, nil},
			{"its replay", void, []string{read, write}, nil},
			{"a capture of what is voided", capture(voided), []string{read, write}, ledger.ErrHoldEnded},
			{"one that expires", postExpired, []string{write}, nil},
			{"a wait", func() error { time.Sleep(time.Minute + time.Second); return nil }, nil, nil},
			{"a balance", func() error { _, err := l.Balance(t.Context(), debit.UserID()); return err }, []string{read}, nil},
			{"a debit that releases", func() error { _, err := l.Post(t.Context(), debit); return err }, []string{write, write}, nil},
			{"its replay", func() error { _, err := l.Post(t.Context(), debit); return err }, []string{write}, nil},
			{"a lookup of a posted one", lookup(debit.TransactionID()), []string{read}, nil},
			{"a capture of what is posted", capture(ledger.EndRequest{TransactionID: debit.TransactionID()}), []string{read}, ledger.ErrNotPending},
		} {
			require.ErrorIs(t, c.make(), c.err, c.name)
			assert.Equal(t, c.want, books.Network.Requests(), c.name)
		}
	})
}

// A page with large rows is full, even if they exceed one answer's 1 MB.
func TestHistoryOverOneMegabyte(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := ledger.New(books.Store, func() time.Time { now = now.Add(time.Millisecond); return now })
	// These are declined transactions, each with a list of 97 entries for a long name:
	// some 50 KB.
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
	for _, c := range []struct{ limit, requests int }{{rows, 2}, {10, 1}} {
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

// A page that ends between two times takes one request, even if several rows have
// one time. A page that ends within a time takes one more.
func TestRequestsOfHistory(t *testing.T) {
	t.Parallel()
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := ledger.New(books.Store, func() time.Time { now = now.Add(time.Millisecond); return now })
	r := infratest.Entries(t, "0", "a debit 1", "a credit 1")
	for i := range 3 {
		_, err := l.Post(t.Context(), infratest.Entries(t, fmt.Sprint(i), "a debit 1", "a credit 1"))
		require.NoError(t, err)
	}
	for _, c := range []struct {
		limit int
		want  []int // for each page
	}{
		{6, []int{1}}, {4, []int{1, 1}}, {2, []int{1, 1, 1}},
		{5, []int{1, 1}},
		{3, []int{2, 1}}, // the second page reads again the rows with its first time
		{1, []int{2, 2, 2, 2, 1, 1}},
	} {
		var got []int
		for after, first := (ledger.Cursor{}), true; first || after != (ledger.Cursor{}); first = false {
			books.Network.Requests()
			page, err := l.History(t.Context(), r.UserID(), after, c.limit)
			require.NoError(t, err)
			got = append(got, len(books.Network.Requests()))
			after = page.Next
		}
		assert.Equal(t, c.want, got, "%d a page", c.limit)
	}
}

// Another user's or key's row under the id is no replay and reveals nothing. Only
// damage or a SHA-256 collision can cause it.
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

// An unknown type is neither debit nor credit: nothing is sent.
func TestUnknownTypeIsNotSent(t *testing.T) {
	t.Parallel()
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	for _, unknown := range []ledger.Type{"", "transfer"} {
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", unknown, "10"))
		defect(t, err, "moves no balance")
	}
	assert.Empty(t, books.Network.Requests())
}

// Start's read opens the connection, and reports its failure.
func TestWarm(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		require.NoError(t, books.Store.Start(t.Context()))
		assert.Equal(t, []string{"GetItem"}, books.Network.Requests())

		books.Network.Next(faults.Exception(http.StatusBadRequest, "AccessDeniedException", "not authorized"))
		assert.ErrorContains(t, books.Store.Start(t.Context()), "not authorized")

		began := time.Now()
		books.Network.Always(faults.LoseRequest)
		assert.ErrorIs(t, books.Store.Start(t.Context()), ledger.ErrTryAgain)
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

	pend := func(key string, entries ...string) ledger.Transaction {
		r := infratest.Entries(t, key, entries...)
		r.ExpiresIn = time.Minute
		result, err := books.Ledger.Post(t.Context(), r)
		require.NoError(t, err)
		return result.Transaction
	}
	open, paid := pend("g", "4 debit 40.50"), pend("h", "5 debit 40", "6 credit 40")
	_, err = books.Ledger.Capture(t.Context(), ledger.EndRequest{TransactionID: paid.ID}, infratest.Entries(t, "k", "5 debit 25").Entries[0].Amount)
	require.NoError(t, err)
	end, err := books.Store.Transaction(t.Context(), paid.ID.End())
	require.NoError(t, err)
	ended := s(end.CreatedAt.Format("2006-01-02T15:04:05.000Z"))

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
			row{"balance": n("110.5"), "version": n("1"), "transaction_id": s(posted.Transaction.ID.String())}},
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
		{books.Config.AggregateTable, row{"user_id": s("2")}, row{"balance": n("99.5"), "version": n("1"), "transaction_id": s(whole.ID.String())}},
		{books.Config.AggregateTable, row{"user_id": s("3")}, row{"balance": n("100.5"), "version": n("1"), "transaction_id": s(whole.ID.String())}},
		{books.Config.TransactionsTable, row{"id": s(open.ID.String())},
			row{
				"user_id": s("4"), "ammount": n("40.5"), "type": s("debit"), "status": s("pending"), "idempotency_key": s("g"),
				"created_at": s(open.CreatedAt.Format("2006-01-02T15:04:05.000Z")),
				"expires_at": s(open.CreatedAt.Add(time.Minute).Format("2006-01-02T15:04:05.000Z")),
			}},
		{books.Config.AggregateTable, row{"user_id": s("4")},
			row{
				"balance": n("59.5"), "version": n("1"), "transaction_id": s(open.ID.String()), "held": n("40.5"), "holds": n("1"),
				"hold:" + base64.RawURLEncoding.EncodeToString(open.ID[:]): list(n("40.5"), n(fmt.Sprint(open.ExpiresAt.UnixMilli()))),
			}},
		{books.Config.TransactionsTable, row{"id": s(paid.ID.End().String())},
			row{
				"user_id": s("5"), "ammount": n("25"), "type": s("capture"), "status": s("posted"), "held": n("40"),
				"created_at": ended, "transaction_id": s(paid.ID.String()),
			}},
		{books.Config.AggregateTable, row{"user_id": s("5")}, row{"balance": n("75"), "version": n("2"), "transaction_id": s(end.ID.String()), "held": n("0"), "holds": n("0")}},
		{books.Config.TransactionsTable, row{"id": s(paid.ID.Entry(1).String())},
			row{
				"user_id": s("6"), "ammount": n("25"), "type": s("credit"), "status": s("posted"),
				"created_at": ended, "transaction_id": s(paid.ID.String()),
			}},
		{books.Config.AggregateTable, row{"user_id": s("6")}, row{"balance": n("125"), "version": n("1"), "transaction_id": s(end.ID.String())}},
	} {
		out, err := books.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &c.table, Key: c.key, ConsistentRead: aws.Bool(true)})
		require.NoError(t, err)
		for name, value := range c.key {
			c.want[name] = value
		}
		assert.Equal(t, c.want, out.Item)
	}
}
