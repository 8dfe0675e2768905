package infra_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

// A version of the program without refunds reads a refund as an ordinary transaction with
// the same entries. The transactions that it posts leave refunds intact: see design.md.
func TestOlderVersionReadsRefunds(t *testing.T) {
	t.Parallel()
	books := infratest.NewInMemory(t, ledger.DefaultSettings())
	current, older := script.New(books), script.New(books)
	current.Play(t, sale+`
		part: refund sale 0 4, 1 4; spend: b debit 106
		late: refund sale 1 1 = insufficient funds: entry 0 on 0`)

	books.Network.Always(faults.Older)
	again, err := older.Send(t.Context(), t, "part: a credit 4, b debit 4")
	require.NoError(t, err)
	assert.True(t, again.Replayed)
	assert.Equal(t, ledger.TransactionID{}, again.Transaction.RefundOf)
	read, err := older.Ledger.Transaction(t.Context(), current.ID("part"))
	require.NoError(t, err)
	assert.Equal(t, again.Transaction, read)
	page, err := older.Ledger.History(t.Context(), read.Entries[1].UserID, ledger.Cursor{}, ledger.MaxPage)
	require.NoError(t, err)
	assert.Len(t, page.Transactions, 4)
	for _, row := range page.Transactions {
		assert.False(t, row.IsRefund(), row.ID)
	}
	_, err = older.Send(t.Context(), t, "late: b debit 1")
	require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
	older.Play(t, `
		c: capture part = not pending; v: void part = not pending
		part: a credit 5, b debit 5 = reused: Entries
		pay: a debit 6, b credit 6`)
	books.Network.Always(nil)

	current.Play(t, `
		part: a credit 4, b debit 4 = reused: RefundOf
		part; late
		too much: refund sale 0 6.01, 1 6.01 = refund limit: 6 is left of entry 0
		the rest: refund sale 0 6, 1 6`)
}

// A version of the program without account rules ignores blocks, posts correctly to
// balances with a credit limit, and fails when it reads a rule change: see operations.md.
func TestOlderVersionIgnoresRules(t *testing.T) {
	t.Parallel()
	books := infratest.NewInMemory(t, ledger.DefaultSettings())
	current, older := script.New(books), script.New(books)
	current.Play(t, `
		lend: rules 1 limit 50, debits blocked, credits blocked; two: rules 2 limit 50
		debit before: 1 debit 1 = account blocked: entry 0 on 150
		credit before: 1 credit 1 = account blocked: entry 0 on 150`)

	books.Network.Always(faults.Older)
	older.Play(t, `
		debit: 1 debit 120; credit: 1 credit 5
		too much: 1 debit 36 = insufficient funds: entry 0 on 35`)
	for step, want := range map[string]error{
		"debit before: 1 debit 1": ledger.ErrInsufficientFunds, "credit before: 1 credit 1": ledger.ErrBalanceLimit,
	} {
		_, err := older.Send(t.Context(), t, step)
		require.ErrorIs(t, err, want)
	}
	_, err := older.Send(t.Context(), t, "lend: 1 debit 1")
	defect(t, err, "user_id: is missing")
	_, err = older.Ledger.Transaction(t.Context(), current.ID("lend"))
	defect(t, err, "user_id: is missing")
	_, err = older.Ledger.Balance(t.Context(), infratest.Rules(t, "2", "k").UserID)
	defect(t, err, "version: is 0")
	older.Play(t, "first: 2 debit 120; 2 30")
	books.Network.Always(nil)

	current.Play(t, "after: 1 debit 1 = account blocked: entry 0 on 35; 1 35; end: rules 1 limit 15; 1 0")
}
