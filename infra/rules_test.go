package infra_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
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

// The same change again is a replay under every partial report, although another change
// and a debit came after its read: both conditions fail, and it can't be made any more.
func TestRuleChangeReplayedByPartialReports(t *testing.T) {
	t.Parallel()
	partialReports([]string{"row", "balance"}, func(unreported []bool, names string) {
		onModel(t, dynamodbmodel.Moment{Unreported: unreported}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			direct := ledger.New(books.Over(model), time.Now)
			change := func(key string, changes ...string) ledger.Transaction {
				result, err := direct.ChangeRules(t.Context(), infratest.Rules(t, "1", key, changes...))
				require.NoError(t, err)
				return result.Transaction
			}
			change("lend", "limit 50")
			lower := change("lower", "limit 20")
			books.Network.Next(func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
				answer, err := deliver()
				change("more", "limit 60")
				_, postErr := direct.Post(t.Context(), infratest.Request(t, "1", "spend", ledger.Debit, "150"))
				assert.NoError(t, postErr)
				return answer, err
			})
			again, err := books.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", "lower", "limit 20"))
			require.NoError(t, err, names)
			assert.Equal(t, ledger.Result{Transaction: lower, Replayed: true}, again, names)
			_, err = books.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", "new", "limit 20"))
			require.ErrorIs(t, err, ledger.ErrCreditInUse, names)
		})
	})
}

// A debit that a block declined stays declined, although its first attempt arrives
// after the block is lifted.
func TestBlockedWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		change := func(key, what string) {
			_, err := books.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", key, what))
			assert.NoError(t, err)
		}
		l, wire := lateFirst(books, model)
		time.AfterFunc(500*time.Millisecond, func() { change("block", "debits blocked") })
		r := infratest.Request(t, "1", "late", ledger.Debit, "50")
		_, err := l.Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrAccountBlocked)
		change("lift", "debits allowed")
		wire.Settle()
		_, err = books.Ledger.Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrAccountBlocked)
		assert.Equal(t, "100", books.Balance(t, "1"))
	})
}

// A capture's block is not stored, so it is withheld while an attempt by the call may
// still capture.
func TestReceiverBlockedWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		hold := onceHeld(t, books.Ledger, "h", "1 debit 70", "shop credit 70")
		change := func(key, what string) {
			_, err := books.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "shop", key, what))
			assert.NoError(t, err)
		}
		l, wire := lateFirst(books, model)
		time.AfterFunc(500*time.Millisecond, func() { change("block", "credits blocked") })
		_, err := l.Capture(t.Context(), hold, ledger.Amount{})
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.NotErrorIs(t, err, ledger.ErrAccountBlocked)

		change("lift", "credits allowed")
		wire.Settle()
		again, err := books.Ledger.Capture(t.Context(), hold, ledger.Amount{})
		require.NoError(t, err)
		assert.True(t, again.Replayed, "the first attempt was applied")
	})
}

// A change's replay is a replay under every partial report, although another change
// came meanwhile and the balance would not allow it now. So is the replay of a block's
// decline.
func TestRulesReplayedByPartialReports(t *testing.T) {
	t.Parallel()
	partialReports([]string{"row", "balance"}, func(unreported []bool, names string) {
		onModel(t, dynamodbmodel.Moment{Unreported: unreported}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			direct := ledger.New(books.Over(model), time.Now)
			_, err := direct.ChangeRules(t.Context(), infratest.Rules(t, "1", "lend", "limit 50"))
			require.NoError(t, err)
			lower := infratest.Rules(t, "1", "lower", "limit 20")
			first, err := direct.ChangeRules(t.Context(), lower)
			require.NoError(t, err)
			_, err = direct.ChangeRules(t.Context(), infratest.Rules(t, "1", "raise", "limit 30"))
			require.NoError(t, err)
			_, err = direct.Post(t.Context(), infratest.Request(t, "1", "spend", ledger.Debit, "130"))
			require.NoError(t, err)
			_, err = direct.ChangeRules(t.Context(), infratest.Rules(t, "1", "block", "debits blocked"))
			require.NoError(t, err)

			again, err := books.Ledger.ChangeRules(t.Context(), lower)
			require.NoError(t, err, names)
			assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, again, names)
			for range 2 {
				_, err = books.Ledger.Post(t.Context(), infratest.Request(t, "1", "blocked", ledger.Debit, "1000"))
				require.ErrorIs(t, err, ledger.ErrAccountBlocked, names)
			}
		})
	})
}
