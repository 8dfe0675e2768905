package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

func posting(t *testing.T, r ledger.Request) ledger.Posting {
	t.Helper()
	p, err := ledger.NewPosting(r, time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC))
	require.NoError(t, err)
	return p
}

// declined returns a request's first row, declined by a balance of 100.
func declined(t *testing.T, r ledger.Request) ledger.Transaction {
	t.Helper()
	first := posting(t, r).Rows[0]
	first.Status, first.BalanceSeen = ledger.Declined, ledger.DefaultSettings().Opening
	return first
}

func whatWasRecordedIsReadBack(t *testing.T, open Open) {
	books := open(t)
	credit := posting(t, infratest.Request(t, "Ω 1", "key ~", ledger.Credit, "0.01"))
	debit := declined(t, infratest.Request(t, "Ω 1", "debit", ledger.Debit, "1000000000000"))
	require.NoError(t, books.Store.Post(t.Context(), credit))
	require.NoError(t, books.Store.Decline(t.Context(), debit))
	for _, want := range []ledger.Transaction{credit.Rows[0], debit} {
		got, err := books.Store.Transaction(t.Context(), want.ID)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.Equal(t, "100.01", books.Balance(t, "Ω 1"))
}

// A taken id answers even where the balance, which the first posting may have used up, would not
// allow the transaction.
func recordedWhateverTheBalance(t *testing.T, open Open) {
	books := open(t)
	all := posting(t, infratest.Request(t, "1", "all", ledger.Debit, "100"))
	more := declined(t, infratest.Request(t, "1", "more", ledger.Debit, "100.01"))
	require.NoError(t, books.Store.Post(t.Context(), all))
	require.NoError(t, books.Store.Decline(t.Context(), more))
	for _, first := range []ledger.Transaction{all.Rows[0], more} {
		second := infratest.Request(t, "1", first.IdempotencyKey.String(), ledger.Debit, "99")
		for _, err := range []error{
			books.Store.Post(t.Context(), posting(t, second)),
			books.Store.Decline(t.Context(), declined(t, second)),
		} {
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
	require.NoError(t, books.Store.Post(t.Context(), posting(t, infratest.Request(t, "spent", "1", ledger.Debit, "99.99"))))
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
		beyond := posting(t, infratest.Request(t, c.user, "beyond", c.kind, c.amount))
		var out *ledger.RefusedError
		require.ErrorAs(t, books.Store.Post(t.Context(), beyond), &out, "%+v", c)
		require.Len(t, out.Accounts, 1, "%+v", c)
		assert.Equal(t, c.balance, out.Accounts[beyond.Moves[0].UserID].Balance.String(), "%+v", c)
		assert.Equal(t, c.balance, books.Balance(t, c.user), "%+v", c)
		_, err := books.Store.Transaction(t.Context(), beyond.Rows[0].ID)
		assert.ErrorIs(t, err, ledger.ErrNotFound, "%+v: nothing is written", c)
	}
}

// A refusal reports whether DynamoDB may still apply an attempt of the same call.
func refusalAfterAttempts(t *testing.T, open Open) {
	books := open(t)
	for i, c := range []struct {
		fault   faults.Fault // the first attempt's
		unknown bool
	}{
		{nil, false}, {faults.Conflict, false}, {faults.Throttle, false},
		{faults.LoseRequest, true}, {faults.LoseResponse, true}, {faults.CutResponse, true}, {faults.ServerError, true}, {faults.FailAfter, true},
	} {
		beyond := posting(t, infratest.Request(t, "1", fmt.Sprint(i), ledger.Debit, "1000"))
		books.Network.Next(c.fault)
		var refused *ledger.RefusedError
		require.ErrorAs(t, books.Store.Post(t.Context(), beyond), &refused, "%d", i)
		assert.Equal(t, c.unknown, refused.Unknown, "%d", i)
	}
}

func callerIsGone(t *testing.T, open Open) {
	books := open(t)
	r := infratest.Request(t, "1", "k", ledger.Credit, "10")
	gone, leave := context.WithCancel(t.Context())
	leave()
	assert.ErrorIs(t, books.Store.Post(gone, posting(t, r)), ledger.ErrTryAgain)
	assert.ErrorIs(t, books.Store.Decline(gone, declined(t, r)), ledger.ErrTryAgain)
	_, err := books.Store.Account(gone, r.UserID())
	assert.ErrorIs(t, err, ledger.ErrTryAgain)
	_, err = books.Store.Transaction(gone, r.TransactionID())
	assert.ErrorIs(t, err, ledger.ErrTryAgain)
	_, err = books.Store.History(gone, r.UserID(), ledger.Cursor{}, 1)
	assert.ErrorIs(t, err, ledger.ErrTryAgain)
	assert.Equal(t, "100", books.Balance(t, "1"))
}

func transactionNotFound(t *testing.T, open Open) {
	books := open(t)
	_, err := books.Ledger.Transaction(t.Context(), ledger.TransactionID{1})
	assert.ErrorIs(t, err, ledger.ErrNotFound)
}
