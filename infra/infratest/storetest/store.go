package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// posted is the transaction of a request, to be posted.
func posted(r ledger.Request) ledger.Transaction {
	return ledger.Transaction{
		ID:             ledger.NewTransactionID(r.UserID, r.IdempotencyKey),
		UserID:         r.UserID,
		IdempotencyKey: r.IdempotencyKey,
		Type:           r.Type,
		Amount:         r.Amount,
		Status:         ledger.Posted,
		CreatedAt:      time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC),
	}
}

// declined is the transaction of a request that a balance of 100 declined.
func declined(r ledger.Request) ledger.Transaction {
	t := posted(r)
	t.Status, t.BalanceSeen = ledger.Declined, ledger.OpeningBalance()
	return t
}

func whatWasRecordedIsReadBack(t *testing.T, open Open) {
	books := open(t)
	credit := posted(infratest.Request(t, "Ω 1", "key ~", ledger.Credit, "0.01"))
	debit := declined(infratest.Request(t, "Ω 1", "debit", ledger.Debit, "1000000000000"))
	require.NoError(t, books.Store.Post(t.Context(), credit))
	require.NoError(t, books.Store.Decline(t.Context(), debit))
	for _, want := range []ledger.Transaction{credit, debit} {
		got, err := books.Store.Transaction(t.Context(), want.ID)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.Equal(t, "100.01", books.Balance(t, "Ω 1"))
}

// A taken id is the answer also where the balance, which the first posting
// may have used up, would not allow the transaction.
func recordedWhateverTheBalance(t *testing.T, open Open) {
	books := open(t)
	all := posted(infratest.Request(t, "1", "all", ledger.Debit, "100"))
	more := declined(infratest.Request(t, "1", "more", ledger.Debit, "100.01"))
	require.NoError(t, books.Store.Post(t.Context(), all))
	require.NoError(t, books.Store.Decline(t.Context(), more))
	for _, first := range []ledger.Transaction{all, more} {
		second := posted(infratest.Request(t, "1", first.IdempotencyKey.String(), ledger.Debit, "99"))
		for _, err := range []error{books.Store.Post(t.Context(), second), books.Store.Decline(t.Context(), declined(ledger.Request{
			UserID: second.UserID, IdempotencyKey: second.IdempotencyKey, Type: second.Type, Amount: second.Amount,
		}))} {
			var recorded *ledger.RecordedError
			require.ErrorAs(t, err, &recorded)
			assert.Equal(t, first, recorded.Recorded)
		}
	}
	assert.Equal(t, "0", books.Balance(t, "1"))
}

func outOfRange(t *testing.T, open Open) {
	books := open(t)
	books.Fill(t, "rich")
	require.NoError(t, books.Store.Post(t.Context(), posted(infratest.Request(t, "spent", "1", ledger.Debit, "99.99"))))
	for _, c := range []struct {
		user    string
		kind    ledger.Type
		amount  string
		balance string
	}{
		{"new", ledger.Debit, "100.01", "100"},
		{"new", ledger.Debit, "1000000000000", "100"},
		{"spent", ledger.Debit, "0.02", "0.01"},
		{"spent", ledger.Debit, "100", "0.01"}, // as much as the opening balance
		{"rich", ledger.Credit, "100.01", "999999999999900"},
		{"rich", ledger.Credit, "1000000000000", "999999999999900"},
	} {
		refused := posted(infratest.Request(t, c.user, "refused", c.kind, c.amount))
		var out *ledger.OutOfRangeError
		require.ErrorAs(t, books.Store.Post(t.Context(), refused), &out, "%+v", c)
		assert.Equal(t, c.balance, out.Balance.String(), "%+v", c)
		assert.Equal(t, c.balance, books.Balance(t, c.user), "%+v", c)
		_, err := books.Store.Transaction(t.Context(), refused.ID)
		assert.ErrorIs(t, err, ledger.ErrNotFound, "%+v: nothing is written", c)
	}
}

func callerIsGone(t *testing.T, open Open) {
	books := open(t)
	r := infratest.Request(t, "1", "k", ledger.Credit, "10")
	gone, leave := context.WithCancel(t.Context())
	leave()
	assert.ErrorIs(t, books.Store.Post(gone, posted(r)), ledger.ErrTryAgain)
	assert.ErrorIs(t, books.Store.Decline(gone, declined(r)), ledger.ErrTryAgain)
	_, err := books.Store.Balance(gone, r.UserID)
	assert.ErrorIs(t, err, ledger.ErrTryAgain)
	_, err = books.Store.Transaction(gone, posted(r).ID)
	assert.ErrorIs(t, err, ledger.ErrTryAgain)
	_, _, err = books.Store.History(gone, r.UserID, ledger.Cursor{}, 1)
	assert.ErrorIs(t, err, ledger.ErrTryAgain)
	assert.Equal(t, "100", books.Balance(t, "1"))
}

func transactionNotFound(t *testing.T, open Open) {
	books := open(t)
	_, err := books.Ledger.Transaction(t.Context(), ledger.TransactionID{1})
	assert.ErrorIs(t, err, ledger.ErrNotFound)
}
