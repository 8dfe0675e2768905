package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
)

// The rebuild shows each change, and makes it if -write is given. Afterwards the tables contain
// exactly the rows from before the damage, except that blocks replace lost rule changes.
func TestRebuild(t *testing.T) {
	t.Parallel()
	rows := kinds(t)
	transfer, credit, open := infratest.Entries(t, "transfer", "bob debit 1").TransactionID(), idOf(t, "alice", "credit"), holdOf(t, "open")
	spent := holdOf(t, "spent")
	sale, openHold := idOf(t, "buyer", "sale"), "hold:"+base64.RawURLEncoding.EncodeToString(open[:])
	r1, r3 := idOf(t, "lent", "r1"), idOf(t, "lent", "r3")
	holdAs := &types.AttributeValueMemberL{Value: []types.AttributeValue{num("40"), num("1")}}
	account := " refunds " + sale
	const made = "2 refunds: 6 of entry 0, 5 of entry 1, 0.5 of entry 2"
	ofSale, ofCredit := "the refund account of transaction "+sale, "the refund account of transaction "+credit
	for _, c := range []struct {
		name  string
		edits []edit
		lines []string
		users map[string]string // by user: the funds and rules after a rule change was lost
	}{
		{"rows and balances", edits{drop(transfer.Entry(1).String(), "alice", "open"), set("bob", "balance", num("1")), set("late", "version", nil)}, []string{
			"transaction " + transfer.String() + ": write 1 missing row",
			`user "alice": from no balance to 105 at version 2`,
			`user "open": from no balance to 60 at version 1 and 40 held by 1 hold`,
			`user "bob": from 1 at version 1 to 90 at version 1`,
			`user "late": from a damaged balance (version: is missing) to 100 at version 2`,
			"18 users, 44 rows: 1 transaction and 4 balances ",
		}, nil},
		{"a hold with a changed expiry", edits{set("open", openHold, holdAs)}, []string{`user "open": from 60 at version 1 and 40 held`}, nil},
		{"a hold under another id", edits{set("open", openHold, nil, "hold:AAAAAAAAAAAAAAAAAAAAAA", holdAs)}, []string{`user "open": from 60 at version 1 and 40 held`}, nil},
		{"a wrong mover", edits{set("alice", "transaction_id", text(transfer.String()))},
			[]string{`user "alice": from 105 at version 2 with the wrong transaction_id ` + transfer.String() + " to 105 at version 2"}, nil},
		{"a mover that is removed", edits{drop(spent.String()), set("spent", "version", num("1"), "transaction_id", text(spent.End().String()))}, []string{
			"transaction " + spent.String() + ": remove 1 orphan",
			`user "spent": from 20 at version 1 with the wrong transaction_id ` + spent.End().String() + " to 20 at version 1",
		}, map[string]string{"spent": "20, limit 0, blocked false false, 0 changes"}},
		{"no refund account", edits{drop(account)}, []string{ofSale + ": from no refunds to " + made}, nil},
		{"a wrong refund account", edits{set(account, "r0", num("1"), "version", num("7"), "r2", nil)},
			[]string{ofSale + ": from 7 refunds: 1 of entry 0, 5 of entry 1 to " + made}, nil},
		{"a refund account with an extra entry", edits{set(account, "r3", num("1"))}, []string{ofSale + ": from " + made + ", 1 of entry 3 to " + made}, nil},
		{"a damaged refund account", edits{set(account, "r0", text("x"), "version", nil)}, []string{ofSale + ": from a damaged account to " + made}, nil},
		{"a refund account without refunds", edits{insert(" refunds "+credit, row{
			"user_id": text(" refunds " + credit), "version": num("1"), "r0": num("2"), "refunded_at": text("1999-11-22T12:00:00.000Z"),
		})}, []string{ofCredit + ": from 1 refund: 2 of entry 0 to no refunds"}, nil},
		{"a damaged refund account without refunds", edits{insert(" refunds "+credit, row{"user_id": text(" refunds " + credit), "r0": text("x")})},
			[]string{ofCredit + ": from a damaged account to no refunds"}, nil},
		{"missing balances with rules", edits{drop("lent", "barred", "capped")},
			[]string{`user "barred": from no balance to 100 at version 0 with 1 rule change, debits blocked, credits blocked`}, nil},
		{"outdated rules", edits{set("lent", "balance", num("10"), "credit_limit", num("30"), "rule_changes", num("1"))},
			[]string{`user "lent": from 10 at version 1 with 1 rule change, a credit limit of 30 to 30 at version 1 with 3 rule changes, a credit limit of 50`}, nil},
		{"the last rule change lost", edits{drop(r3, idOf(t, "barred", "block"))}, []string{": write 1 missing row", `user "lent": from 30 `}, map[string]string{
			"lent":   "10, limit 30, blocked true true, 3 changes",
			"barred": "100, limit 0, blocked true true, 1 changes",
		}},
		{"the first of several rule changes lost", edits{drop(r1)}, []string{": write 1 missing row"},
			map[string]string{"lent": "30, limit 50, blocked false true, 3 changes"}}, // the block that replaces r1 covers both; a later change allows debits, but none allows credits
		{"a limit in use lost", edits{drop(idOf(t, "capped", "cap"), idOf(t, "capped", "uncap"))}, []string{": write 1 missing row"},
			map[string]string{"capped": "0, limit 5, blocked true true, 1 changes"}}, // the limit of 10 is lost, so it is rebuilt as the 5 in use
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			rows.with(c.edits...).writeTo(t, b)
			damaged := rowsOf(t, b)
			status, would, log := command(t, b, "-rebuild", "-settle", "0s")
			assert.Equal(t, exitWrong, status)
			assert.Empty(t, log)
			status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s", "-user", "nobody")
			assert.Equal(t, exitRight, status, out)
			assert.Equal(t, damaged, rowsOf(t, b))
			status, rebuilt, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
			assert.Equal(t, exitRight, status, rebuilt)
			for _, line := range c.lines {
				assert.Contains(t, would, line)
				assert.Contains(t, rebuilt, line)
			}
			would = strings.NewReplacer("planned    ", "rebuilt    ", "would be rebuilt", "rebuilt", "; use -write to make these changes", "").Replace(would)
			assert.ElementsMatch(t, strings.Split(would, "\n"), strings.Split(rebuilt, "\n"))
			if c.users == nil {
				assert.Equal(t, withoutMover(rows.with()), withoutMover(rowsOf(t, b)))
			}
			for user, want := range c.users {
				assert.Equal(t, want, rulesOf(t, b, user))
			}
			_, out, _ = command(t, b, "-rebuild", "-write", "-settle", "0s", "-json")
			assert.Regexp(t, `^{"users":18,"transactions":\d+,"transactionsRebuilt":0,"balancesRebuilt":0,"kept":0,"written":true,"mismatches":\[],"unfinished":""}\n$`, out)
			status, out, _ = command(t, b, "-settle", "10ms")
			assert.Equal(t, exitRight, status, out)
		})
	}
}

// withoutMover removes transaction_id from the balances, because rebuilt ones have none.
func withoutMover(rows stored) stored {
	for _, r := range rows {
		if r["version"] != nil {
			delete(r, "transaction_id")
		}
	}
	return rows
}

func rulesOf(t *testing.T, b *infratest.Books, user string) string {
	t.Helper()
	funds, err := b.Ledger.Balance(t.Context(), infratest.Rules(t, user, "k").UserID)
	require.NoError(t, err)
	return fmt.Sprintf("%s, limit %s, blocked %t %t, %d changes", funds.Balance, funds.CreditLimit, funds.DebitsBlocked, funds.CreditsBlocked, funds.Changes)
}

// If the rows don't determine a balance or a transaction, the rebuild leaves it unchanged and
// reports why.
func TestRebuildKeeps(t *testing.T) {
	t.Parallel()
	rows := kinds(t)
	transfer := infratest.Entries(t, "transfer", "bob debit 1").TransactionID()
	first, toCarol, debit := transfer.String(), transfer.Entry(1).String(), idOf(t, "alice", "debit")
	late, refused := holdOf(t, "late"), idOf(t, "bob", "refused")
	noBalance := drop("alice", "bob", "carol")
	copied := func(from, to string, pairs ...any) edit {
		return func(s stored) {
			s[to] = maps.Clone(s[from])
			set(to, append(pairs, "id", text(to))...)(s)
		}
	}
	for _, c := range []struct {
		name  string
		edits []edit
		want  string
	}{
		{"a history below zero", edits{noBalance, set(debit, "ammount", num("111"))}, `user "alice" with no balance: the rows add up to -1, which is not a valid balance`},
		{"a row that can't be read", edits{noBalance, set(debit, "ammount", nil)}, `user "alice" with no balance: rows of this user are damaged`},
		{"a row with a wrong id", edits{noBalance, set(debit, "idempotency_key", text("x"))}, `user "alice" with no balance: rows of this user are damaged`},
		{"a first row that can't be read", edits{noBalance, set(first, "ammount", nil)}, " is damaged"},
		{"a further row that can't be read", edits{noBalance, set(toCarol, "ammount", nil)}, " is damaged"},
		{"a changed entry amount", edits{noBalance, set(toCarol, "ammount", num("8"))}, "1 of its 2 further entries have no matching row; rows without a matching entry: 1"},
		{"an entry copied over its first row", edits{copied(toCarol, first)}, "its row " + first + " is damaged"},
		{"an entry copied to another id", edits{copied(toCarol, debit), drop(first)}, "its row " + debit + " is damaged"},
		{"an entry moved to a missing transaction", edits{set(toCarol, "transaction_id", text(refused)), drop(refused)}, "write 1 missing row: its row " + toCarol + " is damaged"},
		{"a copied end without its hold", edits{copied(late.End().String(), debit), drop(late.String())}, "its row " + debit + " is damaged"},
		{"a balance that counts missing rule changes", edits{set("barred", "rule_changes", num("1000000000"))},
			`user "barred" with 100 at version 0 with 1000000000 rule changes, debits blocked, credits blocked: 999999999 rule changes are missing, more than`},
		{"a rule change number too high", edits{set(idOf(t, "barred", "block"), "rule_change", num("1000000000"))}, "999999999 rule changes are missing, more than a restore loses"},
		{"two rule changes with one number", edits{set(idOf(t, "lent", "r2"), "rule_change", num("1")), set("lent", "balance", num("1"))},
			"is missing, or two have the same number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			rows.with(c.edits...).writeTo(t, b)
			b.Damage(t, b.Config.TransactionsTable) // the check at the end of the test must find damage
			before := b.Rows(t)
			status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
			assert.Equal(t, exitWrong, status)
			assert.Contains(t, out, c.want)
			assert.Contains(t, out, "kept       ")
			assert.Equal(t, before, b.Rows(t), "no row is made up")
			status, _, _ = command(t, b, "-rebuild", "-settle", "0s")
			assert.Equal(t, exitWrong, status)
		})
	}
}

// A user's id may be the id of a refunded transaction.
func TestRebuildOfUserNamedLikeTransaction(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	s := script.At(b, lastYear)
	s.Play(t, "sale: alice debit 10; refund: refund sale 0 4")
	sale := s.ID("sale").String()
	s.Play(t, "other: "+sale+" credit 1")
	b.Execute(t, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = ' refunds "+sale+"'")
	status, out, _ := command(t, b, "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, out, "there is no refund account; the history has 1 refund: 4 of entry 0")
	status, out, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status, out)
	require.NoError(t, b.Check(t.Context()))
}

// A rebuild of one user also rebuilds users whose rows it writes, but no others.
func TestRebuildOfOneUser(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	s := script.At(b, lastYear)
	s.Play(t, "transfer: alice debit 10, bob credit 10; other: carol credit 1")
	b.Execute(t, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+s.ID("transfer/1").String()+"'")
	b.Execute(t, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'alice'", "DELETE FROM ? WHERE user_id = 'bob'", "DELETE FROM ? WHERE user_id = 'carol'")
	status, out, _ := command(t, b, "-rebuild", "-write", "-user", "alice", "-settle", "0s")
	assert.Equal(t, exitRight, status, out)
	assert.Contains(t, out, "1 transaction and 2 balances rebuilt")
	assert.Equal(t, "90 110 100", b.Balance(t, "alice")+" "+b.Balance(t, "bob")+" "+b.Balance(t, "carol"))
	status, _, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status)
	require.NoError(t, b.Check(t.Context()))
}

// If a call changes a balance or a refund account during a rebuild, at any moment, the rebuild
// leaves that row unchanged or counts the call in it.
func TestRebuildDuringWrites(t *testing.T) {
	t.Parallel()
	const user, refunds = "Scan 2, Scan 3, PutItem 1", "Scan 2, Scan 3, Scan 4, Scan 5, PutItem 1"
	for _, c := range []struct{ name, calls, damage, moments, call string }{
		{"a balance", "a: u credit 10; b: u debit 5", "UPDATE ? SET balance = 110 SET version = 1 WHERE user_id = 'u'", user, "c: u credit 10"},
		{"no balance", "a: u credit 10; b: u debit 5", "DELETE FROM ? WHERE user_id = 'u'", user, "c: u credit 10"},
		{"a refund account", "a: u debit 10; b: refund a 0 1", "UPDATE ? SET r0 = 2 WHERE user_id = ' refunds " + idOf(t, "u", "a") + "'", refunds, "c: refund a 0 1"},
	} {
		for _, moment := range strings.Split(c.moments, ", ") {
			t.Run(c.name+" "+moment, func(t *testing.T) {
				t.Parallel()
				b := infratest.New(t)
				s := script.At(b, lastYear)
				s.Play(t, c.calls)
				b.Execute(t, b.Config.AggregateTable, c.damage)
				a, network := auditor(b)
				a.segments = 1
				requests := map[string]int{}
				network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
					operation := faults.Operation(r)
					if requests[operation]++; moment == fmt.Sprint(operation, " ", requests[operation]) {
						s.Play(t, c.call)
					}
					return deliver()
				})
				var out bytes.Buffer
				status, err := rebuildAll(t.Context(), a, options{rebuild: true, write: true}, &out)
				require.NoError(t, err)
				if status == exitWrong {
					assert.Contains(t, out.String(), "another write changed it meanwhile: stop the writers")
					code, text, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
					assert.Equal(t, exitRight, code, text)
				}
				require.NoError(t, b.Check(t.Context()), out.String())
			})
		}
	}
}

// A write whose response is lost is sent again but counts only once. After a lasting fault, another
// rebuild completes the work.
func TestRebuildOverBadNetwork(t *testing.T) {
	t.Parallel()
	for _, kind := range faults.All {
		for _, operation := range []string{"PutItem", "TransactWriteItems"} {
			t.Run(kind.Name+" "+operation, func(t *testing.T) {
				t.Parallel()
				b := infratest.New(t)
				s := script.At(b, lastYear)
				s.Play(t, "transfer: alice debit 10, bob credit 10")
				b.Execute(t, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+s.ID("transfer/1").String()+"'")
				b.Execute(t, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'alice'")
				rebuild := func(want int, fault faults.Fault) {
					a, network := auditor(b)
					network.Always(on(operation, fault))
					status, err := rebuildAll(t.Context(), a, options{rebuild: true, write: true}, io.Discard)
					require.NoError(t, err)
					assert.Equal(t, want, status)
				}
				rebuild(exitUnfinished, denied)
				writes := 0
				rebuild(exitRight, func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
					if writes++; writes == 1 {
						return kind.Fault(r, deliver)
					}
					return deliver()
				})
				require.NoError(t, b.Check(t.Context()))
			})
		}
	}
}

func TestRebuildWritesAtOnceAndPaced(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	const users = 30
	for user := range users {
		b.Credit(t, fmt.Sprint("user-", user), "1")
		b.Execute(t, b.Config.AggregateTable, fmt.Sprintf("DELETE FROM ? WHERE user_id = 'user-%d'", user))
	}
	a, network := auditor(b)
	a.segments = 4
	a.pace.unitsPerSecond = 20
	var together sync.WaitGroup
	together.Add(a.segments)
	var first atomic.Int32
	network.Always(on("PutItem", func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if int(first.Add(1)) <= a.segments {
			together.Done()
			together.Wait() // blocks forever if the balances are written one by one
		}
		return deliver()
	}))
	begin := time.Now()
	status, err := rebuildAll(t.Context(), a, options{rebuild: true, write: true}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, exitRight, status)
	assert.GreaterOrEqual(t, time.Since(begin), users*time.Second/20, "a write takes a unit")
}

// An audit of a version without refunds and account rules reports both as damage. Its rebuild
// leaves users with refunds unchanged, and removes rules: see the changelog. A rebuild of the
// current version restores the rules.
func TestOlderAudit(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	kinds(t).writeTo(t, b)
	for user, rule := range map[string]string{"loan": "limit 50", "blocked": "debits blocked"} {
		_, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, user, "r", rule))
		require.NoError(t, err)
	}
	post(t, b.Ledger, "loan", "-30")
	sale, gift, rented := idOf(t, "buyer", "sale"), idOf(t, "giver", "gift"), holdOf(t, "renter")
	right := rowsOf(t, b)

	a, network := auditor(b)
	network.Always(faults.Older)
	found := map[string]bool{}
	for _, f := range a.run(t.Context()).Mismatches {
		found[strings.TrimSpace(f.UserID)+" "+f.Kind] = true
	}
	assert.Equal(t, map[string]bool{
		"buyer attributes": true, "seller attributes": true, "market attributes": true, "giver attributes": true, "renter attributes": true,
		"later_refunds " + sale + " balance-row": true, "later_refunds " + gift + " balance-row": true, "later_refunds " + rented.String() + " balance-row": true,
		" transaction-row": true, "lent balance": true, "lent attributes": true, "capped balance": true, "capped attributes": true,
		"loan balance": true, "loan attributes": true, "blocked balance-row": true,
		"barred balance-row": true, "barred attributes": true, "barred decline": true,
	}, found)

	a, network = auditor(b)
	network.Always(faults.Older)
	var out strings.Builder
	_, err := rebuildAll(t.Context(), a, options{rebuild: true, write: true}, &out)
	require.NoError(t, err)
	for _, user := range []string{"buyer", "seller", "market", "lent", "capped", "barred"} {
		assert.Contains(t, out.String(), fmt.Sprintf("kept       user %q", user))
	}
	assert.Contains(t, out.String(), `rebuilt    user "loan": from 120 at version 1 to 70 at version 1`)
	assert.Contains(t, out.String(), `rebuilt    user "blocked": from a damaged balance (version: is 0, must be a whole number of at least 1) to no balance`)
	status, text, _ := command(t, b, "-settle", "10ms")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, text, `user "loan": balance: `)
	assert.Contains(t, text, `user "blocked": rules: `)
	assert.Contains(t, text, "2 wrong")

	status, text, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status, text)
	assert.Equal(t, withoutMover(right), withoutMover(rowsOf(t, b)))
}
