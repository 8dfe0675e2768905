package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// clock returns a clock set by hand.
func clock() (now *time.Time, read func() time.Time) {
	moment := lastYear
	return &moment, func() time.Time { return moment }
}

// Two clocks date a hold and its end: the hold may seem to be from the last minute, and its end
// from before.
func TestHoldAndEndOfTwoClocks(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	minuteAgo := time.Now().Add(-time.Minute)
	for key, begun := range map[string]time.Duration{"1": 3 * time.Second, "2": 5 * time.Second} {
		l := ledger.New(b.Store, func() time.Time { return minuteAgo.Add(begun) })
		id := hold(t, l, key, "alice debit 10", "bob credit 10")
		earlier := ledger.New(b.Store, func() time.Time { return minuteAgo.Add(-2 * time.Second) })
		amount, err := ledger.ParseAmount("10")
		require.NoError(t, err)
		_, err = earlier.Capture(t.Context(), ledger.EndRequest{TransactionID: id}, amount)
		require.NoError(t, err)
	}
	status, out, _ := command(t, b, "-settle", "10ms")
	assert.Equal(t, 0, status, out)
}

// The debit that needs the money releases an expired hold, and an older version dated the release
// later than the debit. Each line's balance is one that existed.
func TestStatementOfReleaseAfterItsDebit(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	now, read := clock()
	l := ledger.New(b.Store, read)
	id := hold(t, l, "1", "1 debit 40")
	*now = now.Add(2 * time.Hour)
	_, err := l.Post(t.Context(), infratest.Request(t, "1", "2", ledger.Debit, "100"))
	require.NoError(t, err)
	b.Execute(t, b.Config.TransactionsTable,
		fmt.Sprintf("UPDATE ? SET created_at = '2025-11-22T14:00:00.009Z' WHERE id = '%s'", id.End()))
	status, out, log := command(t, b, "-user", "1", "-csv")
	assert.Equal(t, 0, status, log)
	for _, line := range []string{",debit,40,60,pending,", ",expiry,40,100,expired,", ",debit,100,0,posted,"} {
		assert.Contains(t, strings.ReplaceAll(out, "-", ""), line)
	}
}

// A debit waited for conflicts, so its time is before the credit that made it possible. It belongs
// to the period in which it counts.
func TestStatementOfDebitBeforeItsCredit(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	now, read := clock()
	l := ledger.New(b.Store, read)
	*now = lastYear.Add(185 * time.Millisecond)
	_, err := l.Post(t.Context(), infratest.Request(t, "1", "credit", ledger.Credit, "50"))
	require.NoError(t, err)
	*now = lastYear
	_, err = l.Post(t.Context(), infratest.Request(t, "1", "debit", ledger.Debit, "150"))
	require.NoError(t, err)
	check := func() {
		assert.Equal(t, "opening 100, closing 100", balancesOf(t, b, "2025-11-22T12:00:00.100Z"))
		assert.Equal(t, "opening 100, credit 150, debit 0, closing 0", balancesOf(t, b, "2025-11-22T12:00:00.186Z"))
	}
	check()
	_, err = l.ChangeRules(t.Context(), infratest.Rules(t, "1", "block", "debits blocked"))
	require.NoError(t, err)
	check() // a change of rules need not have lent anything
}

// A debit of lent money keeps its place, even after the limit has ended.
func TestStatementOfLentMoney(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	now, read := clock()
	l := ledger.New(b.Store, read)
	*now = lastYear
	_, err := l.ChangeRules(t.Context(), infratest.Rules(t, "1", "lend", "limit 50"))
	require.NoError(t, err)
	for i, r := range []ledger.Request{
		infratest.Request(t, "1", "1", ledger.Debit, "120"), infratest.Request(t, "1", "2", ledger.Debit, "5"), infratest.Request(t, "1", "3", ledger.Credit, "30"),
	} {
		*now = lastYear.Add(time.Duration(i*i) * 40 * time.Second)
		_, err := l.Post(t.Context(), r)
		require.NoError(t, err)
	}
	const want = "opening 100, debit -20, debit -25, credit 5, closing 5"
	assert.Equal(t, want, balancesOf(t, b, "2025-11-22T13:00:00Z"))
	_, err = l.ChangeRules(t.Context(), infratest.Rules(t, "1", "end", "limit 0"))
	require.NoError(t, err)
	assert.Equal(t, want, balancesOf(t, b, "2025-11-22T13:00:00Z"))
}

// balancesOf returns the balances of user 1's statement up to a time.
func balancesOf(t *testing.T, b *infratest.Books, to string) string {
	t.Helper()
	status, out, log := command(t, b, "-user", "1", "-to", to, "-json")
	assert.Equal(t, 0, status, log)
	var got []string
	for _, l := range decodeLines[statementLine](t, out) {
		if l.Balance != "" {
			got = append(got, l.Type+" "+l.Balance)
		}
	}
	return strings.Join(got, ", ")
}

func TestStatementOfNoOrder(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, ledger.New(b.Store, at(lastYear)), "1", "+50", "-150")
	alter(t, b, b.Config.TransactionsTable, "UPDATE ? SET created_at = '2025-11-22T15:00:00.000Z' WHERE id = '"+idOf(t, "1", "1")+"'")
	status, out, log := command(t, b, "-user", "1", "-to", "2025-11-22T13:00:00Z", "-csv")
	assert.Equal(t, 3, status, log)
	assert.Contains(t, out, ",debit,150,,posted,")
	assert.Contains(t, out, "no order of the rows")
}

// After an expiry the statement has two balances: the rows' sum, and the answer to GET /balance.
func TestStatementAfterAnExpiry(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	hold(t, ledger.New(b.Store, at(lastYear)), "1", "1 debit 40")
	for to, want := range map[string]string{
		"":                         ",closing,,60,,,,,,,\n,expired,40,100,,,,,,,\n",
		"2025-11-22T13:00:01.999Z": ",closing,,60,,,,,,,\n",
		"2025-11-22T13:00:02Z":     "Z,expired,40,100,,,,,,,\n",
	} {
		args := []string{"-user", "1", "-csv"}
		if to != "" {
			args = append(args, "-to", to)
		}
		status, out, log := command(t, b, args...)
		assert.Equal(t, 0, status, log)
		assert.True(t, strings.HasSuffix(out, want), "%s: %s", to, out)
	}
}

// A user at rest with a missing row did not move.
func TestStatementOfMissingRow(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+50", "+1")
	b.Damage(t, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+idOf(t, "1", "1")+"'")
	status, out, _ := command(t, b, "-user", "1", "-settle", "10ms")
	assert.Equal(t, 3, status)
	assert.NotContains(t, out, "moved all the time")
}

func TestInertKinds(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":               "",
		"plain; text":    "plain; text",
		"-12.5":          "-12.5",
		"=1+1":           "'=1+1",
		"-1+1":           "'-1+1",
		"＝1+1":           "'＝1+1",
		"＋1":             "'＋1",
		"－1":             "'－1",
		"＠SUM(1)":        "'＠SUM(1)",
		"﹦1":             "'﹦1",
		" =1+1":          "' =1+1",
		"\u00a0=1":       "'\u00a0=1",
		"\ufeff=1":       "'\ufeff=1",
		"\"=1\"":         "'\"=1\"",
		"a;=1+1":         "a;'=1+1",
		"a; =1":          "a;' =1",
		"a;-5":           "a;'-5",
		"a\t=1":          "a\t'=1",
		"a|@x":           "a|'@x",
		"\n=1":           "'\n'=1",
		"\r\n=1":         "'\r'\n'=1",
		"\tx":            "'\tx",
		"'x":             "''x",
		"a;'x":           "a;''x",
		"1=1":            "1=1",
		"bad \xff;=1":    "bad \xff;'=1",
		"user@mail":      "user@mail",
		"2025-11-22T1=2": "2025-11-22T1=2",
	} {
		assert.Equal(t, want, inert(in), "%q", in)
	}
}
