package infra_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// outlasted makes a call whose caller leaves at the second fault.
func outlasted(t *testing.T, books *infratest.Books, fault faults.Fault) context.Context {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(leave)
	met := 0
	books.Network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if met++; met == 2 {
			defer leave()
		}
		return fault(r, deliver)
	})
	return ctx
}

// A fault that outlasts the call leaves the outcome open, and the same call settles
// it. Nothing moves twice, and no answer reports insufficient funds.
func TestLastingFault(t *testing.T) {
	t.Parallel()
	for _, kind := range faults.All {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			books := infratest.NewInMemory(t, ledger.DefaultSettings())
			credit := infratest.Request(t, "1", "credit", ledger.Credit, "10")
			debit := infratest.Request(t, "1", "debit", ledger.Debit, "1000")

			_, err := books.Ledger.Post(outlasted(t, books, kind.Fault), credit)
			require.ErrorIs(t, err, ledger.ErrTryAgain)
			_, err = books.Ledger.Post(outlasted(t, books, kind.Fault), debit)
			require.ErrorIs(t, err, ledger.ErrTryAgain)
			assert.NotErrorIs(t, err, ledger.ErrInsufficientFunds)
			_, err = books.Ledger.Balance(outlasted(t, books, kind.Fault), credit.UserID())
			require.ErrorIs(t, err, ledger.ErrTryAgain)
			_, err = books.Ledger.Transaction(outlasted(t, books, kind.Fault), ledger.TransactionID{})
			require.ErrorIs(t, err, ledger.ErrTryAgain)
			_, err = books.Ledger.History(outlasted(t, books, kind.Fault), credit.UserID(), ledger.Cursor{}, 1)
			require.ErrorIs(t, err, ledger.ErrTryAgain)

			books.Network.Always(nil)
			_, err = books.Ledger.Transaction(t.Context(), credit.TransactionID())
			if kind.Applied {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ledger.ErrNotFound, "the key is unused")
			}
			again, err := books.Ledger.Post(t.Context(), credit)
			require.NoError(t, err)
			assert.Equal(t, kind.Applied, again.Replayed)
			assert.Equal(t, "110", books.Balance(t, "1"))
			_, err = books.Ledger.Post(t.Context(), debit)
			assert.ErrorIs(t, err, ledger.ErrInsufficientFunds)
		})
	}
}

// The decline's write fails. A decline that is not stored must not reach the caller.
func TestDeclineThatIsNotStored(t *testing.T) {
	t.Parallel()
	for _, kind := range faults.All {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			books := infratest.NewInMemory(t, ledger.DefaultSettings())
			debit := infratest.Request(t, "1", "debit", ledger.Debit, "110")
			books.Network.Next(nil, nil)
			_, err := books.Ledger.Post(outlasted(t, books, kind.Fault), debit)
			require.ErrorIs(t, err, ledger.ErrTryAgain)
			assert.NotErrorIs(t, err, ledger.ErrInsufficientFunds)

			books.Network.Always(nil)
			_, err = books.Ledger.Post(t.Context(), infratest.Request(t, "1", "credit", ledger.Credit, "10"))
			require.NoError(t, err)
			_, err = books.Ledger.Post(t.Context(), debit)
			if kind.Applied {
				assert.ErrorIs(t, err, ledger.ErrInsufficientFunds)
				assert.Equal(t, "110", books.Balance(t, "1"))
			} else {
				require.NoError(t, err)
				assert.Equal(t, "0", books.Balance(t, "1"))
			}
		})
	}
}

// The call's twin posts between its cancelled posting and its decline. The caller gets
// the twin's outcome.
func TestTwinPostsBeforeDecline(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	debit := infratest.Request(t, "1", "debit", ledger.Debit, "110")
	twin := ledger.New(infra.NewStore(infra.NewClient(books.Config), books.Config), time.Now)
	books.Network.Next(nil, nil, func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		_, err := twin.Post(t.Context(), infratest.Request(t, "1", "credit", ledger.Credit, "10"))
		assert.NoError(t, err)
		_, err = twin.Post(t.Context(), debit)
		assert.NoError(t, err)
		return deliver()
	})
	result, err := books.Ledger.Post(t.Context(), debit)
	require.NoError(t, err)
	assert.True(t, result.Replayed)
	assert.Equal(t, ledger.Posted, result.Transaction.Status)
	assert.Equal(t, "0", books.Balance(t, "1"))
}
