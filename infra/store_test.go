package infra_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/script"
	"onewrite/infra/infratest/storetest"
	"onewrite/ledger"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, infratest.New)
}

// A new user's history ends with its first page. The test is not parallel, so that it fails
// before the parallel tests, which would otherwise read for ever.
func TestHistoryEnds(t *testing.T) {
	books := infratest.NewInMemory(t, ledger.DefaultSettings())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	page, err := books.Ledger.History(ctx, infratest.Entries(t, "k", "a debit 1").UserID(), ledger.Cursor{}, 1)
	require.NoError(t, err)
	assert.Equal(t, ledger.Page{Transactions: []ledger.Transaction{}}, page)
}

func TestBalanceReadOfNewUserWritesNoRow(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	assert.Equal(t, "100", books.Balance(t, "1"))
	assert.Equal(t, []string{"GetItem"}, books.Network.Requests())
	for table, want := range map[string]int{books.Config.TransactionsTable: 1, books.Config.AggregateTable: 0} { // the one row is the settings row
		rows, err := books.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		require.NoError(t, err)
		assert.Len(t, rows.Items, want, "rows of %s", table)
	}
}

// A transaction with many entries takes as many requests as one with a single entry, and a
// hold as many as a debit. Ending a hold takes a read and a write. A write that must
// release expired holds is sent a second time.
func TestRequestsPerOutcome(t *testing.T) {
	t.Parallel()
	const write, read, decline = "TransactWriteItems", "GetItem", "PutItem"
	const readAndWrite, writeDecline = read + " " + write, write + " " + decline
	many := strings.Repeat(", shop credit 1", 98)
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		call := script.InTime(books)
		for _, c := range []struct {
			step, want string
			err        error
		}{
			{"one: a credit 10", write, nil}, {"one", write, nil}, {"lookup one", read, nil},
			{"two: a debit 1, b credit 1", write, nil}, {"two", write, nil}, {"lookup two/1", read, nil},
			{"most: shop credit 1" + many, write, nil}, {"most", write, nil}, {"lookup most/98", read, nil},
			{"declined: a debit 1000000", writeDecline, ledger.ErrInsufficientFunds},
			{"declined", write, ledger.ErrInsufficientFunds}, {"lookup declined", read, nil},
			{"most, declined: a debit 1000000" + many[:len(many)/2], writeDecline, ledger.ErrInsufficientFunds},
			{"most, declined", write, ledger.ErrInsufficientFunds},

			{"captured: hold 1 debit 10", write, nil}, {"captured", write, nil}, {"lookup captured", read + " " + read, nil},
			{"paid: hold 1 debit 10, 2 credit 10", write, nil},
			{"voided: hold 1 debit 10, shop credit 10", write, nil},
			{"expired: hold 1 debit 10", write, nil},
			{"declined hold: hold 1 debit 1000", writeDecline, ledger.ErrInsufficientFunds},
			{"c: capture captured", readAndWrite, nil}, {"c", readAndWrite, nil},
			{"p: capture paid", readAndWrite, nil},
			{"v: void voided", readAndWrite, nil}, {"v", readAndWrite, nil},
			{"e: capture voided", readAndWrite, ledger.ErrHoldEnded},
			{"1m1s; 1 80", read, nil},
			{"debit: 1 debit 80", write + " " + write, nil}, {"debit", write, nil}, {"lookup debit", read, nil},
			{"e: capture debit", read, ledger.ErrNotPending},
		} {
			var err error
			switch name, isLookup := strings.CutPrefix(c.step, "lookup "); {
			case isLookup:
				_, err = books.Ledger.Transaction(t.Context(), call.ID(name))
			case strings.Contains(c.step, ";"):
				call.Play(t, c.step)
			default:
				_, err = call.Send(t.Context(), t, c.step)
			}
			require.ErrorIs(t, err, c.err, c.step)
			assert.Equal(t, c.want, strings.Join(books.Network.Requests(), " "), c.step)
		}
	})
}

// pages reads user a's history, limit rows a page, and counts each page's requests.
func pages(t *testing.T, books *infratest.Books, limit int) (pages []ledger.Page, requests []int) {
	t.Helper()
	user := infratest.Entries(t, "k", "a debit 1").UserID()
	for pages == nil || pages[len(pages)-1].Next != (ledger.Cursor{}) {
		var after ledger.Cursor
		if pages != nil {
			after = pages[len(pages)-1].Next
		}
		books.Network.Requests() // discard the earlier requests
		page, err := books.Ledger.History(t.Context(), user, after, limit)
		require.NoError(t, err)
		pages, requests = append(pages, page), append(requests, len(books.Network.Requests()))
	}
	return pages, requests
}

// A page of large rows is full, even if they exceed the 1 MB of one DynamoDB answer.
func TestHistoryOverOneMegabyte(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	// Each row is a declined transaction of about 50 KB, with 97 entries, most of them for
	// a user with a long id.
	long := strings.Repeat("用", 128)
	entries := append([]string{"a debit 1", "b debit 1000"}, slices.Repeat([]string{long + " credit 1"}, 95)...)
	const rows = 30
	var want []ledger.Transaction
	for i := range rows {
		p, err := ledger.NewPosting(infratest.Entries(t, fmt.Sprint(i), entries...), time.Date(2026, 11, 22, 12, 0, i, 0, time.UTC))
		require.NoError(t, err)
		declined := p.Rows[0]
		declined.Status, declined.DeclinedEntry, declined.BalanceSeen = ledger.Declined, 1, books.Config.Settings.Opening
		require.NoError(t, books.Store.Decline(t.Context(), declined))
		want = append(want, declined)
	}
	slices.Reverse(want) // newest first
	for _, c := range []struct{ limit, requests int }{{rows, 2}, {10, 1}} {
		read, requests := pages(t, books, c.limit)
		assert.GreaterOrEqual(t, requests[0], c.requests, "%d a page", c.limit)
		assert.Len(t, read[0].Transactions, c.limit)
		var got []ledger.Transaction
		for _, page := range read {
			got = append(got, page.Transactions...)
		}
		assert.Equal(t, want, got, "%d a page", c.limit)
	}
}

// A page that begins and ends between rows with different times takes one request. Any
// other page can take one more.
func TestRequestsOfHistory(t *testing.T) {
	t.Parallel()
	books := infratest.NewInMemory(t, ledger.DefaultSettings())
	calls := script.New(books)
	for i := range 3 {
		calls.Play(t, fmt.Sprintf("%d: a debit 1, a credit 1; 1ms", i))
	}
	for limit, want := range map[int][]int{ // the requests of each page
		6: {1}, 4: {1, 1}, 2: {1, 1, 1},
		5: {1, 1},
		3: {2, 1}, // the second page reads the last row of the first page again
		1: {2, 2, 2, 2, 1, 1},
	} {
		_, requests := pages(t, books, limit)
		assert.Equal(t, want, requests, "%d a page", limit)
	}
}
