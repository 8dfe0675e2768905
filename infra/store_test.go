package infra_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/booktest"
	"onewrite/ledger"
)

func TestBalanceOfNewUserIsOpeningAndLeavesNoRow(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	assert.Equal(t, "100", books.Balance(t, "1"))
	assert.Equal(t, []string{"GetItem"}, books.Network.Requests())
	for _, table := range []string{books.Config.TransactionsTable, books.Config.AggregateTable} {
		rows, err := books.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		require.NoError(t, err)
		assert.Empty(t, rows.Items, "rows of %s", table)
	}
}

func TestPostMovesBalance(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	for i, c := range []struct {
		kind    ledger.Type
		amount  string
		balance string
	}{
		{ledger.Credit, "10", "110"},
		{ledger.Debit, "0.5", "109.5"},
		{ledger.Debit, "109.5", "0"},
		{ledger.Credit, "0.01", "0.01"},
	} {
		result, err := books.Ledger.Post(t.Context(), booktest.Request(t, "1", fmt.Sprint(i), c.kind, c.amount))
		require.NoError(t, err, "%+v", c)
		assert.Equal(t, ledger.Posted, result.Transaction.Status, "%+v", c)
		assert.False(t, result.Replayed, "%+v", c)
		assert.Equal(t, c.balance, books.Balance(t, "1"), "%+v", c)
	}
}

// The opening balance counts whichever call comes first.
func TestFirstPostStartsFromOpeningBalance(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	for _, c := range []struct {
		user    string
		kind    ledger.Type
		amount  string
		balance string
	}{
		{"credit", ledger.Credit, "1", "101"},
		{"debit", ledger.Debit, "1", "99"},
		{"all", ledger.Debit, "100", "0"},
		{"largest", ledger.Credit, "1000000000000", "1000000000100"},
	} {
		_, err := books.Ledger.Post(t.Context(), booktest.Request(t, c.user, "1", c.kind, c.amount))
		require.NoError(t, err, "%+v", c)
		assert.Equal(t, c.balance, books.Balance(t, c.user), "%+v", c)
	}
}

func TestRequestsPerOutcome(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	credit := booktest.Request(t, "1", "credit", ledger.Credit, "10")
	debit := booktest.Request(t, "1", "debit", ledger.Debit, "1000")
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

func TestReplayHasTheFirstResult(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	first, err := books.Ledger.Post(t.Context(), booktest.Request(t, "1", "k", ledger.Credit, "10"))
	require.NoError(t, err)
	again, err := books.Ledger.Post(t.Context(), booktest.Request(t, "1", "k", ledger.Credit, "10.00"))
	require.NoError(t, err)
	assert.True(t, again.Replayed)
	assert.Equal(t, first.Transaction, again.Transaction)
	assert.Equal(t, "110", books.Balance(t, "1"))
}

func TestKeyReused(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	_, err := books.Ledger.Post(t.Context(), booktest.Request(t, "1", "k", ledger.Credit, "10"))
	require.NoError(t, err)
	for _, c := range []struct {
		kind   ledger.Type
		amount string
		want   ledger.KeyReusedError
	}{
		{ledger.Debit, "10", ledger.KeyReusedError{TypeDiffers: true}},
		{ledger.Credit, "11", ledger.KeyReusedError{AmountDiffers: true}},
		{ledger.Debit, "1000", ledger.KeyReusedError{TypeDiffers: true, AmountDiffers: true}}, // the balance would decline it, too
	} {
		_, err := books.Ledger.Post(t.Context(), booktest.Request(t, "1", "k", c.kind, c.amount))
		require.ErrorIs(t, err, ledger.ErrKeyReused, "%+v", c)
		var reused *ledger.KeyReusedError
		require.ErrorAs(t, err, &reused)
		assert.Equal(t, c.want, *reused, "%+v", c)
	}
	assert.Equal(t, "110", books.Balance(t, "1"))
}

func TestUsersShareKeys(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	for _, user := range []string{"1", "2"} {
		result, err := books.Ledger.Post(t.Context(), booktest.Request(t, user, "signup-bonus", ledger.Credit, "5"))
		require.NoError(t, err)
		assert.False(t, result.Replayed)
		assert.Equal(t, "105", books.Balance(t, user))
	}
}

func TestDeclinedStaysDeclined(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	debit := booktest.Request(t, "1", "rent", ledger.Debit, "150.25")
	_, err := books.Ledger.Post(t.Context(), debit)
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	var first *ledger.DeclinedError
	require.ErrorAs(t, err, &first)
	assert.Equal(t, "100", first.Result.Transaction.BalanceSeen.String())
	assert.False(t, first.Result.Replayed)

	_, err = books.Ledger.Post(t.Context(), booktest.Request(t, "1", "top-up", ledger.Credit, "1000"))
	require.NoError(t, err)
	_, err = books.Ledger.Post(t.Context(), debit)
	var again *ledger.DeclinedError
	require.ErrorAs(t, err, &again)
	assert.True(t, again.Result.Replayed)
	assert.Equal(t, first.Result.Transaction, again.Result.Transaction)
	assert.Equal(t, "1100", books.Balance(t, "1"))

	stored, err := books.Ledger.Transaction(t.Context(), first.Result.Transaction.ID)
	require.NoError(t, err)
	assert.Equal(t, first.Result.Transaction, stored)
}

func TestBalanceLimit(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	const user = "1"
	books.Fill(t, user)
	_, err := books.Ledger.Post(t.Context(), booktest.Request(t, user, "over", ledger.Credit, "100.01"))
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	assert.NotErrorIs(t, err, ledger.ErrInsufficientFunds)
	_, err = books.Ledger.Post(t.Context(), booktest.Request(t, user, "full", ledger.Credit, "100"))
	require.NoError(t, err)
	assert.Equal(t, "1000000000000000", books.Balance(t, user))
	_, err = books.Ledger.Post(t.Context(), booktest.Request(t, user, "cent", ledger.Credit, "0.01"))
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	_, err = books.Ledger.Post(t.Context(), booktest.Request(t, user, "less", ledger.Debit, "0.01"))
	require.NoError(t, err)
	assert.Equal(t, "999999999999999.99", books.Balance(t, user))
}

func TestFortyDebitsAtOnce(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	errs := atOnce(40, func(i int) error {
		_, err := books.Ledger.Post(t.Context(), booktest.Request(t, "1", fmt.Sprint(i), ledger.Debit, "10"))
		return err
	})
	posted, declined := 0, 0
	for _, err := range errs {
		switch {
		case err == nil:
			posted++
		case errors.Is(err, ledger.ErrInsufficientFunds):
			declined++
		}
	}
	assert.Equal(t, 10, posted, "posted of %v", errs)
	assert.Equal(t, 30, declined, "declined of %v", errs)
	assert.Equal(t, "0", books.Balance(t, "1"))
}

func TestOneKeyAtOnce(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	credit := booktest.Request(t, "1", "k", ledger.Credit, "10")
	results := make([]ledger.Result, 32)
	for _, err := range atOnce(len(results), func(i int) (err error) {
		results[i], err = books.Ledger.Post(t.Context(), credit)
		return err
	}) {
		require.NoError(t, err)
	}
	firsts := 0
	for _, result := range results {
		assert.Equal(t, results[0].Transaction, result.Transaction)
		if !result.Replayed {
			firsts++
		}
	}
	assert.Equal(t, 1, firsts, "answers that are not replays")
	assert.Equal(t, "110", books.Balance(t, "1"))
}

// One key for two different transactions at once: one is it, the other reused.
func TestOneKeyTwoPayloadsAtOnce(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	requests := []ledger.Request{
		booktest.Request(t, "1", "k", ledger.Credit, "10"),
		booktest.Request(t, "1", "k", ledger.Debit, "1000"), // declined, if it is first
	}
	errs := atOnce(16, func(i int) error {
		_, err := books.Ledger.Post(t.Context(), requests[i%2])
		return err
	})
	reused := 0
	for _, err := range errs {
		if errors.Is(err, ledger.ErrKeyReused) {
			reused++
		}
	}
	assert.Equal(t, 8, reused, "reused of %v", errs)
}

// atOnce calls f n times at once and returns the errors.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { errs[i] = f(i) })
	}
	calls.Wait()
	return errs
}

func TestTransactionNotFound(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	_, err := books.Ledger.Transaction(t.Context(), ledger.TransactionID{1})
	assert.ErrorIs(t, err, ledger.ErrNotFound)
}

// A row that the store can't have written is a defect, never a guess.
func TestDamagedRows(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	for _, balance := range []types.AttributeValue{
		&types.AttributeValueMemberN{Value: "-1"},
		&types.AttributeValueMemberN{Value: "0.001"},
		&types.AttributeValueMemberN{Value: "1000000000000000.01"},
		&types.AttributeValueMemberS{Value: "NaN"},
		&types.AttributeValueMemberBOOL{Value: true},
	} {
		key := map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: "1"}}
		_, err := books.Client.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &books.Config.AggregateTable,
			Item:      map[string]types.AttributeValue{"user_id": key["user_id"], "balance": balance},
		})
		require.NoError(t, err)
		r := booktest.Request(t, "1", "k", ledger.Debit, "1000")
		_, err = books.Ledger.Balance(t.Context(), r.UserID)
		require.Error(t, err, "balance %+v", balance)
		assert.NotErrorIs(t, err, ledger.ErrTryAgain, "balance %+v", balance)
		_, err = books.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &books.Config.AggregateTable, Key: key})
		require.NoError(t, err)
	}
}

// An id that is another user's row, which only a collision of SHA-256 or
// damage can bring about, gives nothing of that row away.
func TestForeignRowUnderID(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	r := booktest.Request(t, "1", "k", ledger.Credit, "10")
	id := ledger.NewTransactionID(r.UserID, r.IdempotencyKey)
	require.NoError(t, books.Store.Decline(t.Context(), ledger.Transaction{
		ID: id, UserID: booktest.Request(t, "2", "k", ledger.Credit, "10").UserID, IdempotencyKey: r.IdempotencyKey,
		Type: r.Type, Amount: r.Amount, Status: ledger.Declined, BalanceSeen: ledger.MaxBalance, CreatedAt: time.Now().UTC(),
	}))
	_, err := books.Ledger.Post(t.Context(), r)
	require.Error(t, err)
	for _, known := range []error{ledger.ErrKeyReused, ledger.ErrBalanceLimit, ledger.ErrTryAgain} {
		assert.NotErrorIs(t, err, known)
	}
	_, err = books.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: &books.Config.TransactionsTable,
		Key:       map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id.String()}},
	})
	require.NoError(t, err)
}

func TestRowsAsTheyAreStored(t *testing.T) {
	t.Parallel()
	books := booktest.New(t)
	posted, err := books.Ledger.Post(t.Context(), booktest.Request(t, "1", "k", ledger.Credit, "10.50"))
	require.NoError(t, err)
	_, err = books.Ledger.Post(t.Context(), booktest.Request(t, "1", "d", ledger.Debit, "1000"))
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)

	s := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	n := func(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }
	for _, c := range []struct {
		table string
		key   map[string]types.AttributeValue
		want  map[string]types.AttributeValue
	}{
		{books.Config.TransactionsTable, map[string]types.AttributeValue{"id": s(posted.Transaction.ID.String())},
			map[string]types.AttributeValue{
				"user_id": s("1"), "ammount": n("10.5"), "type": s("credit"), "status": s("posted"), "idempotency_key": s("k"),
				"created_at": s(posted.Transaction.CreatedAt.Format("2006-01-02T15:04:05.000Z")),
			}},
		{books.Config.TransactionsTable, map[string]types.AttributeValue{"id": s(declined.Result.Transaction.ID.String())},
			map[string]types.AttributeValue{
				"user_id": s("1"), "ammount": n("1000"), "type": s("debit"), "status": s("declined"), "idempotency_key": s("d"), "balance": n("110.5"),
				"created_at": s(declined.Result.Transaction.CreatedAt.Format("2006-01-02T15:04:05.000Z")),
			}},
		{books.Config.AggregateTable, map[string]types.AttributeValue{"user_id": s("1")},
			map[string]types.AttributeValue{"balance": n("110.5"), "version": n("1")}},
	} {
		out, err := books.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &c.table, Key: c.key, ConsistentRead: aws.Bool(true)})
		require.NoError(t, err)
		for name, value := range c.key {
			c.want[name] = value
		}
		assert.Equal(t, c.want, out.Item)
	}
}
