package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// refusing is a store that refuses every posting because of these balances, and keeps
// the decline.
type refusing struct {
	ledger.Store
	balances map[string]string
	declined []ledger.Transaction
}

func (s *refusing) Post(context.Context, ledger.Posting) error {
	out := &ledger.RefusedError{Accounts: map[ledger.UserID]ledger.Account{}}
	for user, text := range s.balances {
		id, _ := ledger.ParseUserID(user)
		balance, _ := ledger.ParseBalance(text)
		out.Accounts[id] = ledger.Account{Balance: balance}
	}
	return out
}

func (s *refusing) Decline(_ context.Context, t ledger.Transaction) error {
	s.declined = append(s.declined, t)
	return nil
}

type balances = map[string]string

// The first entry that the reported balances do not allow declines the whole. The error
// has that entry's place and the user's balance before it.
func TestDeclineByEntry(t *testing.T) {
	t.Parallel()
	const full = "1000000000000000"
	for _, c := range []struct {
		entries string
		seen    balances
		place   int
		balance string
		reason  error
	}{
		{"1 debit 10", balances{"1": "9.99"}, 0, "9.99", ledger.ErrInsufficientFunds},
		{"1 debit 10, 2 credit 10", balances{"1": "0"}, 0, "0", ledger.ErrInsufficientFunds},
		{"1 debit 10, 2 credit 10", balances{"2": full}, 1, full, ledger.ErrBalanceLimit},
		{"1 debit 10, 2 credit 10", balances{"1": "9", "2": full}, 0, "9", ledger.ErrInsufficientFunds},
		{"2 credit 10, 1 debit 10", balances{"1": "9", "2": full}, 0, full, ledger.ErrBalanceLimit},
		// After the entries before it.
		{"1 debit 60, 1 debit 60", balances{"1": "100"}, 1, "40", ledger.ErrInsufficientFunds},
		{"1 credit 20, 1 debit 130", balances{"1": "100"}, 1, "120", ledger.ErrInsufficientFunds},
		{"1 debit 60, 2 credit 60, 1 debit 30, 1 debit 30", balances{"1": "100"}, 3, "10", ledger.ErrInsufficientFunds},
		{"1 debit 1, 1 credit 2", balances{"1": full}, 1, "999999999999999", ledger.ErrBalanceLimit},
		{"1 credit 1, 1 debit 2", balances{"1": full}, 0, full, ledger.ErrBalanceLimit},
		{"1 debit 101, 1 credit 101", balances{"1": "100"}, 0, "100", ledger.ErrInsufficientFunds}, // although the sum is zero
		// A user whose balance is not reported declines nothing.
		{"1 debit 10, 2 debit 10, 3 debit 10", balances{"3": "1"}, 2, "1", ledger.ErrInsufficientFunds},
		{"1 debit 1000, 2 debit 10, 1 credit 5, 2 debit 10", balances{"2": "15"}, 3, "5", ledger.ErrInsufficientFunds},
		{"1 debit 10, 2 debit 10, 3 debit 10", balances{"3": "1", "2": "2"}, 1, "2", ledger.ErrInsufficientFunds},
	} {
		store := &refusing{balances: c.seen}
		r := ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, c.entries), Metadata: metadata(t, map[string]string{"order": "7"})}
		result, err := ledger.New(store, func() time.Time { return noon }).Post(t.Context(), r)
		assert.Zero(t, result, c.entries)
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined, c.entries)
		require.ErrorIs(t, err, c.reason, c.entries)
		got := declined.Result.Transaction
		assert.Equal(t, c.place, got.DeclinedEntry, c.entries)
		assert.Equal(t, c.balance, got.BalanceSeen.String(), c.entries)
		assert.Equal(t, r.Entries[c.place], declined.Entry(), c.entries)
		assert.False(t, declined.Result.Replayed, c.entries)

		// The stored first row agrees.
		p, err := ledger.NewPosting(r, noon)
		require.NoError(t, err)
		want := p.Rows[0]
		want.Status, want.DeclinedEntry, want.BalanceSeen = ledger.Declined, got.DeclinedEntry, got.BalanceSeen
		assert.Equal(t, []ledger.Transaction{want}, store.declined, c.entries)
		assert.Equal(t, want, got, c.entries)
	}
}

// A store that refuses must not report balances that allow all entries. Nothing is
// stored.
func TestNoDeclineByBalancesThatAllow(t *testing.T) {
	t.Parallel()
	for _, seen := range []balances{{}, {"1": "10"}, {"3": "0"}, {"1": "10", "2": "0"}} {
		store := &refusing{balances: seen}
		r := ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, "1 debit 10, 2 credit 10")}
		_, err := ledger.New(store, func() time.Time { return time.Time{} }).Post(t.Context(), r)
		require.ErrorContains(t, err, "store declined what the accounts allow", "%v", seen)
		assert.NotErrorIs(t, err, ledger.ErrInsufficientFunds)
		assert.Empty(t, store.declined, "%v", seen)
	}
}
