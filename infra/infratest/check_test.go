package infratest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// fill posts transactions of every kind, and adds two of them to Answered.
func fill(t *testing.T, b *infratest.Books) *script.Script {
	t.Helper()
	s := script.New(b)
	s.Play(t, `
		credit: 1 credit 10.5; debit: 1 debit 20; declined: 1 debit 90.51 = on 90.5
		open: hold open debit 40; late: hold late debit 40
		voided: hold voided debit 40; v: void voided
		paid: hold paid debit 40, shop credit 40; c: capture paid 25
		1m; v: void late = hold ended: expiry of 40
		sale: payer debit 10, seller credit 10; refund: refund sale 0 4, 1 4
		block: rules lent debits blocked, limit 50; blocked: lent debit 1 = on 150`)
	for _, name := range []string{"credit", "declined"} {
		answer, err := b.Ledger.Transaction(t.Context(), s.ID(name))
		require.NoError(t, err)
		b.Answered = append(b.Answered, answer)
	}
	return s
}

func TestCheckOfCorrectBooks(t *testing.T) {
	t.Parallel()
	b := infratest.NewInMemory(t, ledger.DefaultSettings())
	require.NoError(t, b.Check(t.Context()))
	fill(t, b)
	b.Fill(t, "rich")
	require.NoError(t, b.Check(t.Context()))
	assert.Equal(t, 16, b.Rows(t))
}

// Check finds every kind of damage. The audit's TestDamage has more cases of each kind.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	calls := fill(t, b)
	row := func(name string) string { return fmt.Sprintf(" WHERE id = '%s'", calls.ID(name)) }
	user := func(name string) string { return fmt.Sprintf(" WHERE user_id = '%s'", name) }
	const settings = " WHERE id = 'settings'"
	transactions, accounts := b.Config.TransactionsTable, b.Config.AggregateTable
	open := calls.ID("open")
	hold, refunded := `"hold:`+base64.RawURLEncoding.EncodeToString(open[:])+`"`, user(" refunds "+calls.ID("sale").String())
	for _, c := range []struct {
		table, statement string
		want             []string // kinds of finding, sorted, without duplicates
	}{
		{transactions, "UPDATE ? SET opening = 99" + settings, []string{books.KindSettings}},
		{transactions, "DELETE FROM ?" + settings, []string{books.KindSettings}},
		{transactions, "UPDATE ? SET posted_by = 'x'" + row("credit"), []string{"answer"}},
		{transactions, "UPDATE ? SET note = 'x'" + row("credit"), []string{books.KindAttributes}},
		{transactions, "UPDATE ? SET ammount = '10.5'" + row("credit"), []string{"answer", books.KindBalance, books.KindTransactionRow}},
		{transactions, "DELETE FROM ?" + row("declined"), []string{"answer"}},
		{transactions, "UPDATE ? SET held = 41" + row("paid/end"), []string{books.KindBalance, books.KindHold}},
		{transactions, "DELETE FROM ?" + row("late"), []string{books.KindBalance, books.KindHold}},
		{transactions, "DELETE FROM ?" + row("paid/1"), []string{books.KindBalance, books.KindEntries}},
		{transactions, "UPDATE ? SET refund_places = [0, 2]" + row("refund"), []string{books.KindRefund}},
		{transactions, "DELETE FROM ?" + row("refund"), []string{books.KindBalance, books.KindEntries, books.KindMover, books.KindRefund}},
		{transactions, "DELETE FROM ?" + row("sale"), []string{books.KindBalance, books.KindEntries, books.KindRefund}},
		{transactions, "DELETE FROM ?" + row("block"), []string{books.KindMover, books.KindRules}},
		{transactions, "UPDATE ? SET debits = 'allowed'" + row("block"), []string{books.KindRules}},

		{accounts, "UPDATE ? SET r0 = 11" + refunded, []string{books.KindRefund}},
		{accounts, "UPDATE ? SET r1 = '4'" + refunded, []string{books.KindBalanceRow, books.KindRefund}},
		{accounts, "UPDATE ? SET refunded_at = '2025-11-22T12:00:00.000Z'" + refunded, []string{books.KindRefund}},
		{accounts, "DELETE FROM ?" + refunded, []string{books.KindRefund}},
		{accounts, "UPDATE ? SET balance = '90.5'" + user("1"), []string{books.KindBalanceRow}},
		{accounts, "UPDATE ? SET balance = 90.51" + user("1"), []string{books.KindBalance}},
		{accounts, "UPDATE ? SET transaction_id = '" + calls.ID("declined").String() + "'" + user("1"), []string{books.KindMover}},
		{accounts, "DELETE FROM ?" + user("1"), []string{books.KindBalance}},
		{accounts, "UPDATE ? SET " + hold + " = [40, 1]" + user("open"), []string{books.KindHold}},
		{accounts, "UPDATE ? REMOVE debits_blocked" + user("lent"), []string{books.KindRules}},
		{accounts, "DELETE FROM ?" + user("lent"), []string{books.KindRules}},
	} {
		t.Run(c.statement, func(t *testing.T) {
			before, err := b.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &c.table})
			require.NoError(t, err)
			b.Execute(t, c.table, c.statement)
			findings, ok := errors.AsType[infratest.Findings](b.Check(t.Context()))
			require.True(t, ok)
			var kinds []string
			for _, finding := range findings {
				kinds = append(kinds, finding.Kind)
				assert.Contains(t, findings.Error(), "\n  "+finding.String())
			}
			slices.Sort(kinds)
			assert.Equal(t, c.want, slices.Compact(kinds), "%v", findings)
			for _, row := range before.Items {
				_, err := b.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &c.table, Item: row})
				require.NoError(t, err)
			}
			require.NoError(t, b.Check(t.Context()))
		})
	}
}

// If the tables can't be read, Check returns an error other than Findings.
func TestCheckWithoutTables(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	err := b.Check(cancelled)
	require.ErrorContains(t, err, "scan "+b.Config.TransactionsTable)
	_, found := errors.AsType[infratest.Findings](err)
	assert.False(t, found)
}
