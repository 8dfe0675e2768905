package infra_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/internal/dynamodbmodel"
	"onewrite/ledger"
)

// withoutBlocks makes requests those of a version from before blocks, whose conditions
// do not have them.
func withoutBlocks(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	older := strings.NewReplacer(" AND attribute_not_exists(debits_blocked)", "", " AND attribute_not_exists(credits_blocked)", "").Replace(string(body))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(older)), int64(len(older))
	return deliver()
}

// A version from before rules keeps the books: its moves are right on a balance with a
// credit limit. But it posts what is blocked. operations.md says so.
func TestOlderVersionIgnoresBlocks(t *testing.T) {
	t.Parallel()
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	change := func(key string, changes ...string) {
		_, err := books.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", key, changes...))
		require.NoError(t, err)
	}
	post := func(key string, kind ledger.Type, amount string) error {
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", key, kind, amount))
		return err
	}
	change("lend", "limit 50", "debits blocked", "credits blocked")
	require.ErrorIs(t, post("before", ledger.Debit, "1"), ledger.ErrAccountBlocked)

	books.Network.Always(withoutBlocks)
	require.NoError(t, post("older debit", ledger.Debit, "120"))
	require.NoError(t, post("older credit", ledger.Credit, "5"))
	require.ErrorIs(t, post("too much", ledger.Debit, "36"), ledger.ErrAccountBlocked, "this version names the reason; the older one says insufficient funds")
	books.Network.Always(nil)

	require.ErrorIs(t, post("after", ledger.Debit, "1"), ledger.ErrAccountBlocked)
	assert.Equal(t, "35", books.Balance(t, "1"))
	change("end", "limit 15")
	assert.Equal(t, "0", books.Balance(t, "1"))
}

// A block holds against every fault of the network: it is either there or not, and its
// caller finds out by the same call.
func TestBlockOverBadNetwork(t *testing.T) {
	t.Parallel()
	for _, fault := range faults.All {
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			books := infratest.New(t)
			books.Network.Next(nil, fault.Fault) // GetItem, TransactWriteItems
			r := infratest.Rules(t, "1", "block", "debits blocked", "limit 50")
			first, err := books.Ledger.ChangeRules(t.Context(), r)
			for begin := time.Now(); err != nil; {
				require.ErrorIs(t, err, ledger.ErrTryAgain)
				require.Less(t, time.Since(begin), time.Minute)
				first, err = books.Ledger.ChangeRules(t.Context(), r)
			}
			again, err := books.Ledger.ChangeRules(t.Context(), r)
			require.NoError(t, err)
			assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, again)
			_, err = books.Ledger.Post(t.Context(), infratest.Request(t, "1", "d", ledger.Debit, "1"))
			require.ErrorIs(t, err, ledger.ErrAccountBlocked)
			assert.Equal(t, "150", books.Balance(t, "1"))
		})
	}
}
