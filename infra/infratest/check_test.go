package infratest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	b.Fill(t, "rich")
	require.NoError(t, b.Check(t.Context()))
	rows, err := b.CountRows(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1016, rows)
}

// The check finds each violation, under the invariant's name.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	idOf := func(user, key string) string {
		r := Request(t, user, key, ledger.Credit, "1")
		return r.TransactionID().String()
	}
	posted := fmt.Sprintf(" WHERE id = '%s'", idOf("1", "credit"))
	declined := fmt.Sprintf(" WHERE id = '%s'", idOf("1", "declined"))
	const balance = " WHERE user_id = '1'"
	hold := func(user string) string { return fmt.Sprintf(" WHERE id = '%s'", holdOf(t, user)) }
	end := func(user string) string { return fmt.Sprintf(" WHERE id = '%s'", holdOf(t, user).End()) }
	open := holdOf(t, "open")
	attribute := `"hold:` + base64.RawURLEncoding.EncodeToString(open[:]) + `"`
	const opener = " WHERE user_id = 'open'"
	const strayEnd = `INSERT INTO ? VALUE {'id': '%s', 'user_id': '%s', 'ammount': 40, 'type': 'void', 'status': 'voided', 'created_at': '2026-11-22T12:00:00.000Z', 'transaction_id': '%s'}`
	const elsewhere = `INSERT INTO ? VALUE {'id': '%s', 'user_id': '%s', 'idempotency_key': '%s', 'ammount': %s, 'type': '%s', 'status': '%s', 'created_at': '2026-11-22T12:00:00.000Z'%s}`

	transactions := []struct {
		statement string
		want      []string // the invariants, sorted, each once
	}{
		{"UPDATE ? SET ammount = '10.5'" + posted, []string{invAnswer, invAttributes, invBalance, invVersion}},
		{"UPDATE ? SET posted_by = 1" + posted, []string{invAnswer, invAttributes, invBalance, invVersion}},
		{"UPDATE ? SET posted_by = 'x'" + posted, []string{invAnswer}},
		{"UPDATE ? SET note = 'x'" + posted, []string{invAnswer, invAttributes, invBalance, invVersion}},
		{"UPDATE ? SET balance = 100" + posted, []string{invAnswer, invAttributes, invBalance, invVersion}},
		{"UPDATE ? REMOVE created_at" + posted, []string{invAnswer, invAttributes, invBalance, invVersion}},
		{"UPDATE ? REMOVE balance" + declined, []string{invAnswer, invAttributes}},
		{"UPDATE ? SET user_id = '2'" + declined, []string{invAnswer, invID}},
		{"UPDATE ? SET user_id = ' 1'" + declined, []string{invAnswer, invID}},
		{"UPDATE ? SET idempotency_key = 'other'" + posted, []string{invAnswer, invID}},
		{"UPDATE ? SET idempotency_key = ''" + posted, []string{invAnswer, invID}},
		{"UPDATE ? SET created_at = '2026-11-22 12:00'" + posted, []string{invAnswer, invCreatedAt}},
		{"UPDATE ? SET created_at = '2026-11-22T12:00:00Z'" + posted, []string{invAnswer, invCreatedAt}},
		{"UPDATE ? SET created_at = '2026-11-22T12:00:00.000Z'" + posted, []string{invAnswer}},
		{"UPDATE ? SET ammount = 10.51" + posted, []string{invAnswer, invBalance}},
		{"UPDATE ? SET ammount = 10.501" + posted, []string{invAmount, invAnswer, invBalance}},
		{"UPDATE ? SET ammount = 0" + posted, []string{invAmount, invAnswer, invBalance}},
		{"UPDATE ? SET ammount = -10.5" + posted, []string{invAmount, invAnswer, invBalance}},
		{"UPDATE ? SET ammount = 1000000000000.01" + posted, []string{invAmount, invAnswer, invBalance}},
		{`UPDATE ? SET "type" = 'debit'` + posted, []string{invAnswer, invBalance}},
		{`UPDATE ? SET "type" = 'gift'` + posted, []string{invAnswer, invBalance, invType, invVersion}},
		{`UPDATE ? SET "status" = 'pending'` + posted, []string{invAnswer, invAttributes, invBalance, invVersion}},
		{`UPDATE ? SET "status" = 'posted' REMOVE balance` + declined, []string{invAnswer, invBalance, invVersion}},
		{"UPDATE ? SET balance = 90.51" + declined, []string{invAnswer, invDecline}},
		{"UPDATE ? SET balance = -1" + declined, []string{invAnswer, invDecline}},
		{"UPDATE ? SET balance = 0.001" + declined, []string{invAnswer, invDecline}},
		{"UPDATE ? SET balance = 1000000000000001" + declined, []string{invAnswer, invDecline}},
		{`UPDATE ? SET "type" = 'credit'` + declined, []string{invAnswer, invDecline}},
		{"DELETE FROM ?" + posted, []string{invAnswer, invBalance, invVersion}},
		{"DELETE FROM ?" + declined, []string{invAnswer}},
		{fmt.Sprintf(elsewhere, idOf("1", "made up"), "1", "made up", "1", "credit", "posted", ""), []string{invBalance, invVersion}},
		{fmt.Sprintf(elsewhere, idOf("3", "made up"), "3", "made up", "1", "credit", "posted", ""), []string{invMissing}},
		{fmt.Sprintf(elsewhere, idOf("3", "made up"), "1", "made up", "1", "debit", "declined", ", 'balance': 0.5"), []string{invID}},
	}
	transactions = append(transactions, []struct {
		statement string
		want      []string
	}{
		{"UPDATE ? REMOVE expires_at" + hold("open"), []string{invAttributes, invNobody}},
		{"UPDATE ? SET expires_at = '2026-11-22T12:00:00.000Z'" + hold("open"), []string{invHold}},
		{"UPDATE ? SET ammount = 41" + hold("open"), []string{invBalance, invHold}},
		{"UPDATE ? SET ammount = 41" + hold("voided"), []string{invBalance, invHold}},
		{`UPDATE ? SET "status" = 'posted' REMOVE expires_at` + hold("open"), []string{invHold}},
		{`UPDATE ? SET "status" = 'posted' REMOVE expires_at` + hold("voided"), []string{invHold}},
		{`UPDATE ? SET "status" = 'voided'` + hold("open"), []string{invAttributes, invNobody}},
		{"DELETE FROM ?" + hold("open"), []string{invNobody}},
		{"DELETE FROM ?" + hold("late"), []string{invBalance, invHold, invVersion}},
		{"UPDATE ? SET ammount = 39" + end("voided"), []string{invBalance, invHold}},
		{"UPDATE ? SET ammount = 26" + end("paid"), []string{invBalance, invEntries}},
		{"UPDATE ? SET ammount = 41" + end("paid"), []string{invBalance, invEntries, invHold}},
		{"UPDATE ? SET held = 41" + end("paid"), []string{invBalance, invHold}},
		{"UPDATE ? REMOVE held" + end("paid"), []string{invAttributes, invBalance, invEntries, invHold, invMover, invVersion}},
		{"UPDATE ? SET held = 40" + end("late"), []string{invAttributes, invBalance, invHold, invMover, invVersion}},
		{`UPDATE ? SET "type" = 'expiry'` + end("voided"), []string{invBalance, invHold, invMover, invStatus, invVersion}},
		{`UPDATE ? SET "status" = 'posted'` + end("late"), []string{invBalance, invHold, invMover, invStatus, invVersion}},
		{"UPDATE ? SET user_id = 'late'" + end("voided"), []string{invBalance, invHold, invMover, invVersion}},
		{fmt.Sprintf("UPDATE ? SET transaction_id = '%s'", open) + end("voided"), []string{invHold}},
		{"DELETE FROM ?" + end("voided"), []string{invBalance, invHold, invMover, invVersion}},
		{"DELETE FROM ?" + end("paid"), []string{invBalance, invEntries, invHold, invMover, invVersion}},
		{"UPDATE ? SET posted_by = 1" + end("voided"), []string{invAttributes, invBalance, invHold, invMover, invVersion}},
		{fmt.Sprintf("UPDATE ? SET posted_by = 'x' WHERE id = '%s'", holdOf(t, "paid").Entry(1)), []string{invAttributes, invEntries, invNobody}},
		{fmt.Sprintf("DELETE FROM ? WHERE id = '%s'", holdOf(t, "paid").Entry(1)), []string{invEntries, invNobody}},
		{fmt.Sprintf(strayEnd, open.End(), "open", open), []string{invBalance, invHold, invVersion}},
		{fmt.Sprintf(strayEnd, holdOf(t, "nobody").End(), "1", holdOf(t, "nobody")), []string{invBalance, invHold, invVersion}},
		{fmt.Sprintf(strayEnd, open.Entry(1), "open", open), []string{invBalance, invHold, invVersion}},
	}...)
	sale, refund := Entries(t, "sale", "payer debit 10").TransactionID(), Entries(t, "refund", "payer credit 4").TransactionID()
	first := fmt.Sprintf(" WHERE id = '%s'", refund)
	further := fmt.Sprintf(" WHERE id = '%s'", refund.Entry(1))
	original := fmt.Sprintf(" WHERE id = '%s'", sale)
	transactions = append(transactions, []struct {
		statement string
		want      []string
	}{
		{"UPDATE ? REMOVE refund_places" + first, []string{invAnswer, invAttributes, invBalance, invEntries, invMover, invRefund, invVersion}},
		{"UPDATE ? SET refund_places = [0]" + first, []string{invAnswer, invRefund}},
		{"UPDATE ? SET refund_places = [0, 2]" + first, []string{invAnswer, invRefund}},
		{"UPDATE ? SET refund_places = [1, 0]" + first, []string{invAnswer, invRefund}},
		{"UPDATE ? REMOVE refund_of" + further, []string{invEntries}},
		{fmt.Sprintf("UPDATE ? SET refund_of = '%s'", refund) + first, []string{invAnswer, invEntries, invRefund}},
		{"UPDATE ? REMOVE refund_of REMOVE refund_places" + first, []string{invAnswer, invEntries, invRefund}},
		{"DELETE FROM ?" + first, []string{invAnswer, invBalance, invEntries, invMover, invRefund, invVersion}},
		{"DELETE FROM ?" + original, []string{invBalance, invEntries, invRefund, invVersion}},
		{"UPDATE ? SET ammount = 3" + original, []string{invBalance, invEntries}},
	}...)
	account := fmt.Sprintf(" WHERE user_id = ' refunds %s'", sale)
	aggregates := []struct {
		statement string
		want      []string
	}{
		{"UPDATE ? SET r0 = 4.01" + account, []string{invRefund}},
		{"UPDATE ? SET version = 2" + account, []string{invRefund}},
		{"UPDATE ? SET note = 1" + account, []string{invRefund}},
		{"UPDATE ? SET r1 = '4'" + account, []string{invRefund}},
		{"UPDATE ? REMOVE r1" + account, []string{invRefund}},
		{"UPDATE ? REMOVE refunded_at" + account, []string{invRefund}},
		{"UPDATE ? SET refunded_at = '2026-11-22T12:00:00.000Z'" + account, []string{invRefund}},
		{"DELETE FROM ?" + account, []string{invRefund}},
		{fmt.Sprintf("INSERT INTO ? VALUE {'user_id': ' refunds %s', 'version': 1, 'refunded_at': 'x', 'r0': 1}", refund), []string{invRefund}},
		{"UPDATE ? SET balance = '90.5'" + balance, []string{invAttributes}},
		{"UPDATE ? SET version = '2'" + balance, []string{invAttributes}},
		{"UPDATE ? SET version = true" + balance, []string{invAttributes}},
		{"UPDATE ? SET note = 'x'" + balance, []string{invAttributes}},
		{"UPDATE ? REMOVE balance" + balance, []string{invAttributes}},
		{"UPDATE ? SET balance = 90.51" + balance, []string{invBalance}},
		{"UPDATE ? SET balance = 90.501" + balance, []string{invBalance, invRange}},
		{"UPDATE ? SET balance = -0.01" + balance, []string{invBalance, invRange}},
		{"UPDATE ? SET balance = 1016000000000000.01" + balance, []string{invBalance, invRange}},
		{"UPDATE ? SET version = 3" + balance, []string{invVersion}},
		{"UPDATE ? SET version = 2.5" + balance, []string{invVersion}},
		{"UPDATE ? SET transaction_id = 1" + balance, []string{invAttributes}},
		{"UPDATE ? SET transaction_id = 'x'" + balance, []string{invMover}},
		{fmt.Sprintf("UPDATE ? SET transaction_id = '%s'", idOf("1", "declined")) + balance, []string{invMover}},
		{fmt.Sprintf("UPDATE ? SET transaction_id = '%s' WHERE user_id = 'shop'", idOf("1", "credit")), []string{invMover}},
		{"DELETE FROM ?" + balance, []string{invMissing}},
		{"INSERT INTO ? VALUE {'user_id': '2', 'balance': 100, 'version': 0}", []string{invNobody}},
		{"UPDATE ? REMOVE held" + opener, []string{invAttributes}},
		{"UPDATE ? REMOVE holds" + opener, []string{invAttributes}},
		{"UPDATE ? SET held = 41" + opener, []string{invHold}},
		{"UPDATE ? SET holds = 2" + opener, []string{invHold}},
		{"UPDATE ? SET balance = 100" + opener, []string{invBalance}},
		{"UPDATE ? REMOVE " + attribute + opener, []string{invHold}},
		{"UPDATE ? REMOVE held REMOVE holds REMOVE " + attribute + opener, []string{invHold}},
		{"UPDATE ? SET " + attribute + " = 40" + opener, []string{invAttributes}},
		{"UPDATE ? SET " + attribute + " = [40, 1]" + opener, []string{invHold}},
		{"UPDATE ? SET " + attribute + " = [40]" + opener, []string{invHold}},
		{"UPDATE ? SET " + attribute + " = [40, 1], held = 40, holds = 1 WHERE user_id = 'voided'", []string{invHold}},
		{"UPDATE ? SET held = 1 WHERE user_id = 'voided'", []string{invHold}},
		{"UPDATE ? SET holds = 1 WHERE user_id = 'voided'", []string{invHold}},
	}
	b := New(t)
	fill(t, b)
	fillHolds(t, b)
	fillRefund(t, b)
	try := func(table, key, statement string, want []string) {
		t.Run(statement, func(t *testing.T) {
			rows, err := scan(t.Context(), b.direct, table)
			require.NoError(t, err)
			require.NoError(t, b.Execute(t.Context(), table, statement))
			defer putBack(t, b, table, key, rows)
			findings, ok := errors.AsType[Findings](b.Check(t.Context()))
			require.True(t, ok)
			var names []string
			for _, finding := range findings {
				names = append(names, finding.Invariant)
				assert.Contains(t, findings.Error(), "\n  "+finding.Invariant+": "+finding.Detail)
			}
			slices.Sort(names)
			assert.Equal(t, want, slices.Compact(names), "%v", findings)
		})
	}
	for _, c := range transactions {
		try(b.Config.TransactionsTable, "id", c.statement, c.want)
	}
	for _, c := range aggregates {
		try(b.Config.AggregateTable, "user_id", c.statement, c.want)
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

// Failed books leave nothing behind, and books on another machine are not opened.
func TestOpen(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "https://dynamodb.us-east-1.amazonaws.com", "http://192.0.2.1:8000"} {
		_, err := Open(t.Context(), endpoint)
		require.ErrorContains(t, err, "only DynamoDB on this machine may be used")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := Open(ended, New(t).Config.Endpoint)
	require.ErrorIs(t, err, context.Canceled)
}

func TestExecuteSaysWhichStatement(t *testing.T) {
	t.Parallel()
	b := New(t)
	err := b.Execute(t.Context(), b.Config.AggregateTable, "DELETE FROM ? WHERE nothing")
	require.Error(t, err)
	assert.True(t, strings.HasPrefix(err.Error(), "DELETE FROM "), "%v", err)
}
