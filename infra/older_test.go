package infra_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// A version from before refunds reads a refund as the transaction that its entries are,
// and its own transactions harm no refund. design.md says so.
func TestOlderVersionReadsRefunds(t *testing.T) {
	t.Parallel()
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	post := func(r ledger.Request) (ledger.Result, error) { return books.Ledger.Post(t.Context(), r) }
	sale := saleOf(t, books.Ledger)
	part, tooLate := infratest.Refund(t, sale, "part", "0 4", "1 4"), infratest.Refund(t, sale, "too late", "1 1")
	refund, err := post(part)
	require.NoError(t, err)
	_, err = post(infratest.Entries(t, "spend", "b debit 106"))
	require.NoError(t, err)
	_, err = post(tooLate)
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)

	books.Network.Always(faults.Older)
	plain := infratest.Entries(t, "part", "a credit 4", "b debit 4")
	again, err := post(plain)
	require.NoError(t, err)
	assert.True(t, again.Replayed)
	assert.Equal(t, ledger.TransactionID{}, again.Transaction.RefundOf)
	read, err := books.Ledger.Transaction(t.Context(), refund.Transaction.ID)
	require.NoError(t, err)
	assert.Equal(t, again.Transaction, read)
	page, err := books.Ledger.History(t.Context(), sale.Entries[1].UserID, ledger.Cursor{}, ledger.MaxPage)
	require.NoError(t, err)
	assert.Len(t, page.Transactions, 4)
	for _, row := range page.Transactions {
		assert.False(t, row.IsRefund(), row.ID)
	}
	end := ledger.EndRequest{TransactionID: refund.Transaction.ID}
	_, err = books.Ledger.Capture(t.Context(), end, ledger.Amount{})
	require.ErrorIs(t, err, ledger.ErrNotPending)
	_, err = books.Ledger.Void(t.Context(), end)
	require.ErrorIs(t, err, ledger.ErrNotPending)
	_, err = post(infratest.Entries(t, "too late", "b debit 1"))
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	_, err = post(infratest.Entries(t, "part", "a credit 5", "b debit 5"))
	require.ErrorIs(t, err, ledger.ErrKeyReused)
	_, err = post(infratest.Entries(t, "pay", "a debit 6", "b credit 6"))
	require.NoError(t, err)
	books.Network.Always(nil)

	_, err = post(plain)
	require.ErrorIs(t, err, ledger.ErrKeyReused, "it is a refund again")
	again, err = post(part)
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: refund.Transaction, Replayed: true}, again)
	_, err = post(tooLate)
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	_, err = post(infratest.Refund(t, sale, "too much", "0 6.01", "1 6.01"))
	require.ErrorIs(t, err, ledger.ErrRefundLimit)
	_, err = post(infratest.Refund(t, sale, "the rest", "0 6", "1 6"))
	require.NoError(t, err)
}

// A version from before account rules posts what is blocked, rightly on balances with a
// credit limit, and fails where it reads a change of rules. operations.md says so.
func TestOlderVersionIgnoresRules(t *testing.T) {
	t.Parallel()
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	change := func(user, key string, changes ...string) ledger.Result {
		result, err := books.Ledger.ChangeRules(t.Context(), infratest.Rules(t, user, key, changes...))
		require.NoError(t, err)
		return result
	}
	post := func(user, key string, kind ledger.Type, amount string) error {
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, user, key, kind, amount))
		return err
	}
	lent := change("1", "lend", "limit 50", "debits blocked", "credits blocked")
	change("2", "lend", "limit 50")
	require.ErrorIs(t, post("1", "debit before", ledger.Debit, "1"), ledger.ErrAccountBlocked)
	require.ErrorIs(t, post("1", "credit before", ledger.Credit, "1"), ledger.ErrAccountBlocked)

	books.Network.Always(faults.Older)
	require.NoError(t, post("1", "debit", ledger.Debit, "120"))
	require.NoError(t, post("1", "credit", ledger.Credit, "5"))
	require.ErrorIs(t, post("1", "too much", ledger.Debit, "36"), ledger.ErrInsufficientFunds)
	require.ErrorIs(t, post("1", "debit before", ledger.Debit, "1"), ledger.ErrInsufficientFunds)
	require.ErrorIs(t, post("1", "credit before", ledger.Credit, "1"), ledger.ErrBalanceLimit)
	defect(t, post("1", "lend", ledger.Debit, "1"), "user_id: is missing")
	_, err := books.Ledger.Transaction(t.Context(), lent.Transaction.ID)
	defect(t, err, "user_id: is missing")
	two := infratest.Rules(t, "2", "k").UserID
	_, err = books.Ledger.Balance(t.Context(), two)
	defect(t, err, "version: is 0")
	require.NoError(t, post("2", "first", ledger.Debit, "120"))
	assert.Equal(t, "30", books.Balance(t, "2"))
	books.Network.Always(nil)

	require.ErrorIs(t, post("1", "after", ledger.Debit, "1"), ledger.ErrAccountBlocked)
	assert.Equal(t, "35", books.Balance(t, "1"))
	change("1", "end", "limit 15")
	assert.Equal(t, "0", books.Balance(t, "1"))
}
