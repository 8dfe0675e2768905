package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

func postMovesBalance(t *testing.T, open Open) {
	books := open(t)
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
		result, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", fmt.Sprint(i), c.kind, c.amount))
		require.NoError(t, err, "%+v", c)
		assert.Equal(t, ledger.Posted, result.Transaction.Status, "%+v", c)
		assert.False(t, result.Replayed, "%+v", c)
		assert.Equal(t, c.balance, books.Balance(t, "1"), "%+v", c)
	}
}

// The opening balance counts, whatever the first call.
func firstPostStartsFromOpeningBalance(t *testing.T, open Open) {
	books := open(t)
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
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, c.user, "1", c.kind, c.amount))
		require.NoError(t, err, "%+v", c)
		assert.Equal(t, c.balance, books.Balance(t, c.user), "%+v", c)
	}
}

func replayHasTheFirstResult(t *testing.T, open Open) {
	books := open(t)
	first, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10"))
	require.NoError(t, err)
	again, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10.00"))
	require.NoError(t, err)
	assert.True(t, again.Replayed)
	assert.Equal(t, first.Transaction, again.Transaction)
	assert.Equal(t, "110", books.Balance(t, "1"))
}

func keyReused(t *testing.T, open Open) {
	books := open(t)
	_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10"))
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
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", c.kind, c.amount))
		require.ErrorIs(t, err, ledger.ErrKeyReused, "%+v", c)
		var reused *ledger.KeyReusedError
		require.ErrorAs(t, err, &reused)
		assert.Equal(t, c.want, *reused, "%+v", c)
	}
	assert.Equal(t, "110", books.Balance(t, "1"))
}

func usersShareKeys(t *testing.T, open Open) {
	books := open(t)
	for _, user := range []string{"1", "2"} {
		result, err := books.Ledger.Post(t.Context(), infratest.Request(t, user, "signup-bonus", ledger.Credit, "5"))
		require.NoError(t, err)
		assert.False(t, result.Replayed)
		assert.Equal(t, "105", books.Balance(t, user))
	}
}

func declinedStaysDeclined(t *testing.T, open Open) {
	books := open(t)
	debit := infratest.Request(t, "1", "rent", ledger.Debit, "150.25")
	_, err := books.Ledger.Post(t.Context(), debit)
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	var first *ledger.DeclinedError
	require.ErrorAs(t, err, &first)
	assert.Equal(t, "100", first.Result.Transaction.BalanceSeen.String())
	assert.False(t, first.Result.Replayed)

	_, err = books.Ledger.Post(t.Context(), infratest.Request(t, "1", "top-up", ledger.Credit, "1000"))
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

func balanceLimit(t *testing.T, open Open) {
	books := open(t)
	const user = "1"
	books.Fill(t, user)
	_, err := books.Ledger.Post(t.Context(), infratest.Request(t, user, "over", ledger.Credit, "100.01"))
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	assert.NotErrorIs(t, err, ledger.ErrInsufficientFunds)
	_, err = books.Ledger.Post(t.Context(), infratest.Request(t, user, "full", ledger.Credit, "100"))
	require.NoError(t, err)
	assert.Equal(t, "1000000000000000", books.Balance(t, user))
	_, err = books.Ledger.Post(t.Context(), infratest.Request(t, user, "cent", ledger.Credit, "0.01"))
	require.ErrorIs(t, err, ledger.ErrBalanceLimit)
	_, err = books.Ledger.Post(t.Context(), infratest.Request(t, user, "less", ledger.Debit, "0.01"))
	require.NoError(t, err)
	assert.Equal(t, "999999999999999.99", books.Balance(t, user))
}
