package infra_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// A block holds against every network fault: it is either there or not, and its caller
// finds out by the same call.
func TestBlockOverBadNetwork(t *testing.T) {
	t.Parallel()
	for _, fault := range faults.All {
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			books := infratest.NewInMemory(t, ledger.DefaultSettings())
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
