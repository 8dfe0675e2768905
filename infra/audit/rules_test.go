package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// ruled makes books with accounts under every rule: alice owes 20 within a limit of 50, bob is
// blocked and has posted nothing, and carol's limit was lowered in vain.
func ruled(t *testing.T) *infratest.Books {
	t.Helper()
	b := infratest.New(t)
	rule := func(user, key string, changes ...string) error {
		_, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, user, key, changes...))
		return err
	}
	require.NoError(t, rule("alice", "r1", "limit 30"))
	require.NoError(t, rule("alice", "r2", "debits blocked"))
	require.NoError(t, rule("alice", "r3", "debits allowed", "limit 50"))
	post(t, b.Ledger, "alice", "-120")
	require.NoError(t, rule("bob", "r1", "debits blocked", "credits blocked"))
	_, err := b.Ledger.Post(t.Context(), infratest.Request(t, "bob", "d", ledger.Debit, "1"))
	require.ErrorIs(t, err, ledger.ErrAccountBlocked)
	require.NoError(t, rule("carol", "r1", "limit 10"))
	post(t, b.Ledger, "carol", "-105")
	require.ErrorIs(t, rule("carol", "r2", "limit 0"), ledger.ErrCreditInUse)
	return b
}

func ruleID(t *testing.T, user, key string) string {
	t.Helper()
	return infratest.Rules(t, user, key).TransactionID().String()
}

func TestRules(t *testing.T) {
	t.Parallel()
	b := ruled(t)
	status, out, log := command(t, b)
	assert.Equal(t, exitRight, status)
	assert.Equal(t, `totals     3 users: opening 300 + credits 0 - debits 225 + credit limits 60 = 135; balances 135, difference 0
3 users, 9 transactions: every balance is what its history says
`, out+log)
	status, out, _ = command(t, b, "-json")
	assert.Equal(t, exitRight, status)
	assert.Contains(t, out, `"lent":"60","history":"135"`)

	// A statement has the user's own money, and ends with the spendable balance.
	status, out, _ = command(t, b, "-user", "alice", "-csv")
	assert.Equal(t, exitRight, status)
	assert.Contains(t, out, ",debit,120,-20,posted,")
	assert.Contains(t, out, ",closing,,-20,")
	assert.Contains(t, out, ",limit,50,30,")
	status, out, _ = command(t, b, "-user", "bob", "-csv")
	assert.Equal(t, exitRight, status)
	assert.Contains(t, out, ",debit,1,100,declined,")
	assert.NotContains(t, out, "limit")
	_, out, _ = command(t, b, "-user", "alice", "-csv", "-to", "2100-01-01")
	assert.NotContains(t, out, "limit", "the history has no limits of other times")

	status, out, _ = command(t, b, "-export", "transactions")
	assert.Equal(t, exitRight, status)
	row := decodeCSV(t, out)[ruleID(t, "alice", "r3")]
	delete(row, "created_at")
	assert.Equal(t, map[string]string{"id": ruleID(t, "alice", "r3"), "account": "alice", "type": "account", "status": "posted", "idempotency_key": "r3",
		"debits": "allowed", "credit_limit": "50", "credit_limit_before": "30", "rule_change": "3"}, row)
	status, out, _ = command(t, b, "-export", "balances")
	assert.Equal(t, exitRight, status)
	assert.Contains(t, out, "bob,100,0,,,"+ruleID(t, "bob", "r1")+",true,true,,1,,")
}

// The audit finds a change without its balance, a balance without its change, and every other
// difference between the two.
func TestDamagedRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ transactions, balances, want string }{
		{"DELETE FROM ? WHERE id = '" + ruleID(t, "bob", "r1") + "'", "", "bob rules: the balance has 1 change of rules, debits blocked, credits blocked, and the changes make it 0 changes of rules"},
		{"DELETE FROM ? WHERE id = '" + ruleID(t, "alice", "r2") + "'", "", "alice rules: change 2 of the rules is missing, or another has its number"},
		{"UPDATE ? SET rule_change = 4294967297 WHERE id = '" + ruleID(t, "bob", "r1") + "'", "", "bob rules: change 1 of the rules is missing, or another has its number"},
		{"UPDATE ? SET rule_change = 5 WHERE id = '" + ruleID(t, "alice", "r2") + "'", "", "alice rules: change 2 of the rules is missing, or another has its number"},
		{"UPDATE ? SET credit_limit_before = 20 WHERE id = '" + ruleID(t, "alice", "r3") + "'", "", "alice rules: change 3 of the rules has a limit of 20 before it, and it was 30"},
		{"UPDATE ? SET debits = 'allowed' WHERE id = '" + ruleID(t, "bob", "r1") + "'", "", "bob rules: the balance has 1 change of rules, debits blocked, credits blocked, and the changes make it 1 change of rules, credits blocked"},
		{"UPDATE ? SET debits = 'stopped' WHERE id = '" + ruleID(t, "bob", "r1") + "'", "", `bob transaction-row: debits: is "stopped", must be "blocked" or "allowed"`},
		{"UPDATE ? SET balance = 10 WHERE id = '" + ruleID(t, "carol", "r2") + "'", "", "carol decline: a limit of 0 after 10 is declined, which its balance of 10 allowed"},
		{"", "UPDATE ? REMOVE debits_blocked WHERE user_id = 'bob'", "bob rules: the balance has 1 change of rules, credits blocked, and the changes make it 1 change of rules, debits blocked, credits blocked"},
		{"", "UPDATE ? SET rule_changes = 2 WHERE user_id = 'bob'", "bob rules: the balance has 2 changes of rules, debits blocked, credits blocked, and the changes make it 1 change of rules, debits blocked, credits blocked"},
		{"", "DELETE FROM ? WHERE user_id = 'bob'", "bob rules: the balance has 0 changes of rules, and the changes make it 1 change of rules, debits blocked, credits blocked"},
		{"", "UPDATE ? SET credit_limit = 60 SET balance = 40 WHERE user_id = 'alice'", "alice rules: the balance has 3 changes of rules, a credit limit of 60, and the changes make it 3 changes of rules, a credit limit of 50"},
		{"", "UPDATE ? SET balance = 40 WHERE user_id = 'alice'", "alice balance: the balance is 40 at version 1, and the history makes it 30 at version 1"},
		{"", "UPDATE ? REMOVE credit_limit WHERE user_id = 'alice'", "alice balance: the balance is 30 at version 1, and the history makes it -20 at version 1"},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Parallel()
			b := ruled(t)
			if c.transactions != "" {
				b.Damage(t, b.Config.TransactionsTable, c.transactions)
			}
			if c.balances != "" {
				b.Damage(t, b.Config.AggregateTable, c.balances)
			}
			status, out, _ := command(t, b, "-settle", "10ms", "-json")
			assert.Equal(t, exitWrong, status)
			var found []string
			for _, f := range decodeLines[report](t, out)[0].Mismatches {
				found = append(found, fmt.Sprintf("%s %s: %s", f.UserID, f.Kind, f.Detail))
			}
			assert.Contains(t, found, c.want)
		})
	}
}

// Rules come back with the balances, and a lost change comes back as a block.
func TestRebuildOfRules(t *testing.T) {
	t.Parallel()
	rebuild := func(t *testing.T, b *infratest.Books) string {
		t.Helper()
		status, out, _ := command(t, b, "-rebuild", "-settle", "0s")
		assert.Equal(t, exitWrong, status, out)
		status, written, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
		assert.Equal(t, exitRight, status, written)
		assert.Equal(t, strings.Count(out, "\n"), strings.Count(written, "\n"), "it makes what it said")
		status, again, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
		assert.Equal(t, exitRight, status, again)
		assert.Contains(t, again, "nothing to rebuild")
		status, audited, _ := command(t, b, "-settle", "10ms")
		assert.Equal(t, exitRight, status, audited)
		require.NoError(t, b.Check(t.Context()))
		return written
	}
	rulesOf := func(t *testing.T, b *infratest.Books, user string) string {
		t.Helper()
		funds, err := b.Ledger.Balance(t.Context(), infratest.Rules(t, user, "k").UserID)
		require.NoError(t, err)
		return fmt.Sprintf("%s, limit %s, blocked %t %t, %d changes", funds.Balance, funds.CreditLimit, funds.DebitsBlocked, funds.CreditsBlocked, funds.Changes)
	}
	t.Run("no balances", func(t *testing.T) {
		t.Parallel()
		b := ruled(t)
		before := contents(t, b)
		alter(t, b, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'alice'", "DELETE FROM ? WHERE user_id = 'bob'", "DELETE FROM ? WHERE user_id = 'carol'")
		out := rebuild(t, b)
		assert.Contains(t, out, `user "bob": from no balance to 100 at version 0 with 1 change of rules, debits blocked, credits blocked`)
		assert.ElementsMatch(t, withoutMover(before), withoutMover(contents(t, b)))
	})
	t.Run("balances of before", func(t *testing.T) {
		t.Parallel()
		b := ruled(t)
		alter(t, b, b.Config.AggregateTable, "UPDATE ? SET balance = 10 SET credit_limit = 30 SET rule_changes = 1 WHERE user_id = 'alice'")
		rebuild(t, b)
		assert.Equal(t, "30, limit 50, blocked false false, 3 changes", rulesOf(t, b, "alice"))
	})
	t.Run("the last change is lost", func(t *testing.T) {
		t.Parallel()
		b := ruled(t)
		alter(t, b, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+ruleID(t, "alice", "r3")+"'", "DELETE FROM ? WHERE id = '"+ruleID(t, "bob", "r1")+"'")
		rebuild(t, b)
		assert.Equal(t, "10, limit 30, blocked true true, 3 changes", rulesOf(t, b, "alice"))
		assert.Equal(t, "100, limit 0, blocked true true, 1 changes", rulesOf(t, b, "bob"))
		_, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "alice", "r3", "debits allowed", "limit 50"))
		require.NoError(t, err, "its caller's next attempt makes it anew")
		assert.Equal(t, "30, limit 50, blocked false true, 4 changes", rulesOf(t, b, "alice"))
	})
	t.Run("a change between others is lost", func(t *testing.T) {
		t.Parallel()
		b := ruled(t)
		alter(t, b, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+ruleID(t, "alice", "r1")+"'")
		rebuild(t, b)
		assert.Equal(t, "30, limit 50, blocked false true, 3 changes", rulesOf(t, b, "alice"), "a later change has allowed debits, and none credits")
	})
	t.Run("a limit in use is lost", func(t *testing.T) {
		t.Parallel()
		b := ruled(t)
		alter(t, b, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+ruleID(t, "carol", "r1")+"'", "DELETE FROM ? WHERE id = '"+ruleID(t, "carol", "r2")+"'")
		rebuild(t, b)
		assert.Equal(t, "0, limit 5, blocked true true, 1 changes", rulesOf(t, b, "carol"), "a limit is at least what is in use")
	})
	for name, alter := range map[string]func(b *infratest.Books){
		"of the balance": func(b *infratest.Books) {
			b.Damage(t, b.Config.AggregateTable, "UPDATE ? SET rule_changes = 1000000000 WHERE user_id = 'bob'")
		},
		"of a change": func(b *infratest.Books) {
			b.Damage(t, b.Config.TransactionsTable, "UPDATE ? SET rule_change = 1000000000 WHERE id = '"+ruleID(t, "bob", "r1")+"'")
		},
	} {
		t.Run("a damaged number "+name, func(t *testing.T) {
			t.Parallel()
			b := ruled(t)
			alter(b)
			rows := b.Rows(t)
			status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
			assert.Equal(t, exitWrong, status)
			assert.Contains(t, out, `kept       user "bob"`)
			assert.Contains(t, out, "999999999 changes of the rules are missing, more than a restore loses")
			assert.Equal(t, rows, b.Rows(t), "no change is made up")
		})
	}
	t.Run("contradiction", func(t *testing.T) {
		t.Parallel()
		b := ruled(t)
		b.Damage(t, b.Config.TransactionsTable, "UPDATE ? SET rule_change = 1 WHERE id = '"+ruleID(t, "alice", "r2")+"'")
		alter(t, b, b.Config.AggregateTable, "UPDATE ? SET balance = 1 WHERE user_id = 'alice'")
		status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
		assert.Equal(t, exitWrong, status)
		assert.Contains(t, out, `kept       user "alice"`)
		assert.Contains(t, out, "of the rules is missing, or another has its number")
	})
}

// Rules that change while an audit reads raise no alarm.
func TestMovingRules(t *testing.T) {
	t.Parallel()
	onModel(t, func(t *testing.T, b *infratest.Books, _ *dynamodbmodel.Model, a *audit, network *faults.Network) {
		a.tables.segments = 1
		change := func(key string) func() {
			return func() {
				_, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", key, "debits blocked", "limit 5"))
				require.NoError(t, err)
			}
		}
		change("before")()
		network.Next(nil, before(change("meanwhile"))) // Scan, Scan
		assert.Equal(t, exitRight, a.run(t.Context()).status())
	})
}
