package infratest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

func TestMain(m *testing.M) { Main(m) }

// fill posts a credit and a debit of user 1, declines a debit of user 1 and one of
// user 2, and notes what was answered.
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

func TestCheckOfRightBooks(t *testing.T) {
	t.Parallel()
	b := New(t)
	require.NoError(t, b.Check(t.Context()))
	fill(t, b)
	b.Fill(t, "rich")
	require.NoError(t, b.Check(t.Context()))
	rows, err := b.CountRows(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1004, rows)
}

// Each violation is found, and told by the name of the invariant.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	idOf := func(user, key string) string {
		r := Request(t, user, key, ledger.Credit, "1")
		return r.TransactionID().String()
	}
	posted := fmt.Sprintf(" WHERE id = '%s'", idOf("1", "credit"))
	declined := fmt.Sprintf(" WHERE id = '%s'", idOf("1", "declined"))
	const balance = " WHERE user_id = '1'"
	const elsewhere = `INSERT INTO ? VALUE {'id': '%s', 'user_id': '%s', 'idempotency_key': '%s', 'ammount': %s, 'type': '%s', 'status': '%s', 'created_at': '2026-11-22T12:00:00.000Z'%s}`

	transactions := []struct {
		statement string
		want      []string // the invariants, sorted, each once
	}{
		{"UPDATE ? SET ammount = '10.5'" + posted, []string{invAnswer, invAttributes, invBalance, invVersion}},
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
	aggregates := []struct {
		statement string
		want      []string
	}{
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
		{"DELETE FROM ?" + balance, []string{invMissing}},
		{"INSERT INTO ? VALUE {'user_id': '2', 'balance': 100, 'version': 0}", []string{invNobody}},
	}
	try := func(table func(*Books) string, statement string, want []string) {
		t.Run(statement, func(t *testing.T) {
			t.Parallel()
			b := New(t)
			fill(t, b)
			b.Damage(t, table(b), statement)
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
		try(func(b *Books) string { return b.Config.TransactionsTable }, c.statement, c.want)
	}
	for _, c := range aggregates {
		try(func(b *Books) string { return b.Config.AggregateTable }, c.statement, c.want)
	}
}

// What can't be read is an error, and no finding.
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

// Books of an error do not stay, and those of another machine are not opened.
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
