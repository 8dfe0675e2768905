package infratest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

func TestMain(m *testing.M) { Main(m) }

// fill posts user 1's credit and debit, declines a debit for user 1 and one for user 2, and notes
// the answers.
func fill(t *testing.T, b *Books) {
	t.Helper()
	for _, r := range []ledger.Request{
		Request(t, "1", "credit", ledger.Credit, "10.5"),
		Request(t, "1", "debit", ledger.Debit, "20"),
		Request(t, "1", "declined", ledger.Debit, "90.51"),
		Request(t, "2", "declined", ledger.Debit, "1000"),
	} {
		result, err := b.Ledger.Post(t.Context(), r)
		if declined := (*ledger.DeclinedError)(nil); errors.As(err, &declined) {
			result, err = declined.Result, nil
		}
		require.NoError(t, err)
		b.Answered = append(b.Answered, result.Transaction)
	}
}

// fillHolds posts four users' holds: open stays open, voided is voided, late expires, and paid is
// captured in part for shop.
func fillHolds(t *testing.T, b *Books) {
	t.Helper()
	now := time.Now()
	l := ledger.New(b.Store, func() time.Time { return now })
	for _, entries := range [][]string{{"open debit 40"}, {"voided debit 40"}, {"late debit 40"}, {"paid debit 40", "shop credit 40"}} {
		r := Entries(t, "k", entries...)
		r.ExpiresIn = time.Hour
		_, err := l.Post(t.Context(), r)
		require.NoError(t, err)
	}
	end := func(user string) ledger.EndRequest { return ledger.EndRequest{TransactionID: holdOf(t, user)} }
	_, err := l.Void(t.Context(), end("voided"))
	require.NoError(t, err)
	_, err = l.Capture(t.Context(), end("paid"), Entries(t, "k", "paid debit 25").Entries[0].Amount)
	require.NoError(t, err)
	now = now.Add(time.Hour)
	_, err = l.Void(t.Context(), end("late"))
	require.ErrorIs(t, err, ledger.ErrHoldEnded)
}

// fillRefund posts a sale with a partial refund.
func fillRefund(t *testing.T, b *Books) {
	t.Helper()
	sale, err := b.Ledger.Post(t.Context(), Entries(t, "sale", "payer debit 10", "seller credit 10"))
	require.NoError(t, err)
	o, err := b.Ledger.Original(t.Context(), sale.Transaction.ID)
	require.NoError(t, err)
	result, err := b.Ledger.Post(t.Context(), Refund(t, o, "refund", "0 4", "1 4"))
	require.NoError(t, err)
	b.Answered = append(b.Answered, result.Transaction)
}

// fillRules lends a user 50, and blocks the user's debits before one of them.
func fillRules(t *testing.T, b *Books) {
	t.Helper()
	_, err := b.Ledger.ChangeRules(t.Context(), Rules(t, "lent", "block", "debits blocked", "limit 50"))
	require.NoError(t, err)
	_, err = b.Ledger.Post(t.Context(), Request(t, "lent", "debit", ledger.Debit, "1"))
	require.ErrorIs(t, err, ledger.ErrAccountBlocked)
}

func holdOf(t *testing.T, user string) ledger.TransactionID {
	t.Helper()
	return Entries(t, "k", user+" debit 1").TransactionID()
}

func TestCheckOfRightBooks(t *testing.T) {
	t.Parallel()
	b := New(t)
	require.NoError(t, b.Check(t.Context()))
	fill(t, b)
	fillHolds(t, b)
	fillRefund(t, b)
	fillRules(t, b)
	b.Fill(t, "rich")
	require.NoError(t, b.Check(t.Context()))
	assert.Equal(t, 17, b.Rows(t))
}

// The check finds each kind of violation. The audit's TestDamage has more of each kind.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	idOf := func(user, key string) ledger.TransactionID {
		r := Request(t, user, key, ledger.Credit, "1")
		return r.TransactionID()
	}
	row := func(id ledger.TransactionID) string { return fmt.Sprintf(" WHERE id = '%s'", id) }
	posted, declined, block := row(idOf("1", "credit")), row(idOf("1", "declined")), row(idOf("lent", "block"))
	sale, refund := idOf("payer", "sale"), idOf("payer", "refund")
	open := holdOf(t, "open")
	const end = `INSERT INTO ? VALUE {'id': '%s', 'user_id': '%s', 'ammount': 40, 'type': 'void', 'status': 'voided',
		'created_at': '2025-11-22T12:00:00.000Z', 'transaction_id': '%s'}`
	const credit = `INSERT INTO ? VALUE {'id': '%s', 'user_id': '3', 'idempotency_key': '%s', 'ammount': 1, 'type': 'credit', 'status': 'posted',
		'created_at': '2025-11-22T12:00:00.000Z'}`
	const settings = " WHERE id = 'settings'"
	b := New(t)
	fill(t, b)
	fillHolds(t, b)
	fillRefund(t, b)
	fillRules(t, b)
	type change struct {
		statement string
		want      []string // the findings' kinds, sorted, each once
	}
	try := func(table, key string, c change) {
		t.Run(c.statement, func(t *testing.T) {
			rows, err := scan(t.Context(), b.direct, table)
			require.NoError(t, err)
			b.Execute(t, table, c.statement)
			defer putBack(t, b, table, key, rows)
			findings, ok := errors.AsType[Findings](b.Check(t.Context()))
			require.True(t, ok)
			var kinds []string
			for _, finding := range findings {
				kinds = append(kinds, finding.Kind)
				assert.Contains(t, findings.Error(), "\n  "+finding.String())
			}
			slices.Sort(kinds)
			assert.Equal(t, c.want, slices.Compact(kinds), "%v", findings)
		})
	}
	for _, c := range []change{
		{"UPDATE ? SET opening = 99" + settings, []string{books.KindSettings}},
		{"UPDATE ? REMOVE opening" + settings, []string{books.KindSettings}},
		{"DELETE FROM ?" + settings, []string{books.KindSettings}},

		{"UPDATE ? SET posted_by = 'x'" + posted, []string{kindAnswer}},
		{"UPDATE ? SET note = 'x'" + posted, []string{books.KindAttributes}},
		{"UPDATE ? SET ammount = 10.51" + posted, []string{kindAnswer, books.KindBalance}},
		{"UPDATE ? SET ammount = '10.5'" + posted, []string{kindAnswer, books.KindBalance, books.KindTransactionRow}},
		{"UPDATE ? SET idempotency_key = 'other'" + posted, []string{kindAnswer, books.KindTransactionID}},
		{"DELETE FROM ?" + posted, []string{kindAnswer, books.KindBalance}},
		{fmt.Sprintf(credit, idOf("3", "k"), "k"), []string{books.KindBalance}},
		{"UPDATE ? SET balance = 90.51" + declined, []string{kindAnswer, books.KindDecline}},
		{"DELETE FROM ?" + declined, []string{kindAnswer}},

		{"UPDATE ? SET expires_at = '2231-11-22T12:00:00.000Z'" + row(open), []string{books.KindHold}},
		{"DELETE FROM ?" + row(open), []string{books.KindBalance, books.KindHold, books.KindMover}},
		{"DELETE FROM ?" + row(holdOf(t, "late")), []string{books.KindBalance, books.KindHold}},
		{"UPDATE ? SET ammount = 39" + row(holdOf(t, "voided").End()), []string{books.KindBalance, books.KindHold}},
		{"UPDATE ? SET held = 41" + row(holdOf(t, "paid").End()), []string{books.KindBalance, books.KindHold}},
		{"UPDATE ? SET user_id = 'late'" + row(holdOf(t, "voided").End()), []string{books.KindBalance, books.KindHold, books.KindMover}},
		{"DELETE FROM ?" + row(holdOf(t, "voided").End()), []string{books.KindBalance, books.KindHold, books.KindMover}},
		{fmt.Sprintf(end, holdOf(t, "nobody").End(), "1", holdOf(t, "nobody")), []string{books.KindBalance, books.KindHold}},
		{"DELETE FROM ?" + row(holdOf(t, "paid").Entry(1)), []string{books.KindBalance, books.KindEntries}},

		{"UPDATE ? SET refund_places = [0, 2]" + row(refund), []string{kindAnswer, books.KindRefund}},
		{fmt.Sprintf("UPDATE ? SET refund_of = '%s'", refund) + row(refund), []string{kindAnswer, books.KindEntries, books.KindRefund}},
		{"DELETE FROM ?" + row(refund), []string{kindAnswer, books.KindBalance, books.KindEntries, books.KindMover, books.KindRefund}},
		{"DELETE FROM ?" + row(sale), []string{books.KindBalance, books.KindEntries, books.KindRefund}},

		{"DELETE FROM ?" + block, []string{books.KindMover, books.KindRules}},
		{"UPDATE ? SET debits = 'allowed'" + block, []string{books.KindRules}},
		{"UPDATE ? SET credit_limit_before = 1" + block, []string{books.KindRules}},
	} {
		try(b.Config.TransactionsTable, "id", c)
	}

	account := fmt.Sprintf(" WHERE user_id = ' refunds %s'", sale)
	const balance, opener, lent = " WHERE user_id = '1'", " WHERE user_id = 'open'", " WHERE user_id = 'lent'"
	attribute := `"hold:` + base64.RawURLEncoding.EncodeToString(open[:]) + `"`
	for _, c := range []change{
		{"UPDATE ? SET r0 = 4.01" + account, []string{books.KindRefund}},
		{"UPDATE ? SET r1 = '4'" + account, []string{books.KindBalanceRow, books.KindRefund}},
		{"UPDATE ? SET refunded_at = '2025-11-22T12:00:00.000Z'" + account, []string{books.KindRefund}},
		{"DELETE FROM ?" + account, []string{books.KindRefund}},
		{fmt.Sprintf("INSERT INTO ? VALUE {'user_id': ' refunds %s', 'version': 1, 'refunded_at': '2025-11-22T12:00:00.000Z', 'r0': 1}", refund), []string{books.KindRefund}},

		{"UPDATE ? SET balance = '90.5'" + balance, []string{books.KindBalanceRow}},
		{"UPDATE ? SET note = 'x'" + balance, []string{books.KindAttributes}},
		{"UPDATE ? SET balance = 90.51" + balance, []string{books.KindBalance}},
		{"UPDATE ? SET version = 3" + balance, []string{books.KindBalance}},
		{fmt.Sprintf("UPDATE ? SET transaction_id = '%s'", idOf("1", "declined")) + balance, []string{books.KindMover}},
		{"DELETE FROM ?" + balance, []string{books.KindBalance}},
		{"INSERT INTO ? VALUE {'user_id': '2', 'balance': 100, 'version': 1}", []string{books.KindBalance}},
		{"UPDATE ? SET " + attribute + " = [40, 1]" + opener, []string{books.KindHold}},
		{"UPDATE ? REMOVE held REMOVE holds REMOVE " + attribute + opener, []string{books.KindBalance, books.KindHold}},
		{"UPDATE ? REMOVE debits_blocked" + lent, []string{books.KindRules}},
		{"UPDATE ? SET credit_limit = 60" + lent, []string{books.KindBalance, books.KindRules}},
		{"DELETE FROM ?" + lent, []string{books.KindRules}},
	} {
		try(b.Config.AggregateTable, "user_id", c)
	}
}

// putBack makes these a table's rows again, after a statement that changed, added or removed some.
func putBack(t *testing.T, b *Books, table, key string, rows []map[string]types.AttributeValue) {
	t.Helper()
	now, err := scan(t.Context(), b.direct, table)
	require.NoError(t, err)
	var writes []types.WriteRequest
	for _, row := range rows {
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: row}})
	}
	for _, row := range now {
		known := func(before map[string]types.AttributeValue) bool {
			return assert.ObjectsAreEqual(before[key], row[key])
		}
		if !slices.ContainsFunc(rows, known) {
			writes = append(writes, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: map[string]types.AttributeValue{key: row[key]}}})
		}
	}
	for batch := range slices.Chunk(writes, batchMost) {
		_, err := b.direct.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: batch}})
		require.NoError(t, err)
	}
	require.NoError(t, b.Check(t.Context()))
}

// Unreadable tables are an error, and no finding.
func TestCheckWithoutTables(t *testing.T) {
	t.Parallel()
	b := New(t)
	missing := *b
	missing.opened.AggregateTable = "missing"
	err := missing.Check(t.Context())
	require.ErrorContains(t, err, "scan missing")
	_, found := errors.AsType[Findings](err)
	assert.False(t, found)
}
