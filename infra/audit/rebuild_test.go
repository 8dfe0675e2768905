package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	"onewrite/ledger"
)

// The report names each change, first as it would be and then as it was made. The balances of users
// with open holds come back as they were, to the attribute.
func TestReportOfRebuild(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	holds(t, b)
	transfer := infratest.Entries(t, "t", "dave debit 10", "erin credit 10")
	_, err := b.Ledger.Post(t.Context(), transfer)
	require.NoError(t, err)
	before := contents(t, b)
	id := transfer.TransactionID()
	alter(t, b, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+id.Entry(1).String()+"'")
	alter(t, b, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'alice'", "UPDATE ? SET balance = 1 WHERE user_id = 'bob'", "UPDATE ? REMOVE version WHERE user_id = 'carol'")
	lines := func(verb string) []string {
		return []string{
			verb + " transaction " + id.String() + ": write 1 missing row",
			verb + ` user "alice": from no balance to 45 at version 7 and 10 held by 1 hold`,
			verb + ` user "bob": from 1 at version 1 to 125 at version 1`,
			verb + ` user "carol": from a damaged balance (version: is missing) to 20 at version 3`,
		}
	}
	status, out, log := command(t, b, "-rebuild", "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Empty(t, log)
	got := strings.Split(strings.TrimSpace(out), "\n")
	assert.ElementsMatch(t, lines("would     "), got[:len(got)-1])
	assert.Equal(t, "5 users, 12 rows: 1 transaction and 3 balances would be rebuilt, 0 kept, 0 wrong; -write does it", got[len(got)-1])
	status, out, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status)
	got = strings.Split(strings.TrimSpace(out), "\n")
	assert.ElementsMatch(t, lines("rebuilt   "), got[:len(got)-1])
	after := contents(t, b)
	for _, r := range after {
		if r["version"] != nil {
			user := r["user_id"].(*types.AttributeValueMemberS).Value
			isRebuilt := slices.Contains([]string{"alice", "bob", "carol"}, user)
			assert.Equal(t, isRebuilt, r["transaction_id"] == nil, "%s: no write of the ledger made a balance that is rebuilt", user)
		}
	}
	assert.ElementsMatch(t, withoutMover(before), withoutMover(after))
	_, out, _ = command(t, b, "-rebuild", "-write", "-settle", "0s", "-json")
	assert.Equal(t, `{"users":5,"transactions":13,"transactionsRebuilt":0,"balancesRebuilt":0,"kept":0,"written":true,"mismatches":[],"unfinished":""}`+"\n", out)
}

// withoutMover removes transaction_id from balances.
func withoutMover(rows []row) []row {
	for _, r := range rows {
		if r["version"] != nil {
			delete(r, "transaction_id")
		}
	}
	return rows
}

// An open hold under another id, or with another expiry, comes back as in its pending row.
func TestRebuildOfMisplacedHold(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	id := holds(t, b)[0].(ledger.TransactionID)
	name := "hold:" + base64.RawURLEncoding.EncodeToString(id[:])
	before := contents(t, b)
	for _, statement := range []string{
		`UPDATE ? SET "%s" = [10, 1] WHERE user_id = 'alice'`,
		`UPDATE ? SET "hold:AAAAAAAAAAAAAAAAAAAAAA" = [10, 1763816404000] REMOVE "%s" WHERE user_id = 'alice'`,
	} {
		alter(t, b, b.Config.AggregateTable, fmt.Sprintf(statement, name))
		status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
		assert.Equal(t, exitRight, status, out)
		assert.Contains(t, out, "rebuilt    user \"alice\": ")
	}
	assert.ElementsMatch(t, withoutMover(before), withoutMover(contents(t, b)))
}

// The rebuild keeps what the rows do not determine, with the reason. %[1]s and %[2]s are a
// transfer's rows, 10 from alice to bob, %[3]s is bob's later debit.
func TestRebuildKeeps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, statement, want string }{
		{"below zero", "DELETE FROM ? WHERE id = '%[1]s'", `user "bob" with no balance: the rows come to -5, which no balance can be`},
		{"a row that can't be read", "UPDATE ? REMOVE ammount WHERE id = '%[3]s'", `user "bob" with no balance: rows of this user are damaged`},
		{"a first row that can't be read", "UPDATE ? REMOVE ammount WHERE id = '%[1]s'", "of it is damaged"},
		{"a further row that can't be read", "UPDATE ? REMOVE ammount WHERE id = '%[2]s'", "of it is damaged"},
		{"another amount", "UPDATE ? SET ammount = 9 WHERE id = '%[2]s'", "1 of its 1 further entries have no such row, and 1 row of it have no such entry"},
		{"a row of another id", "UPDATE ? SET idempotency_key = 'x' WHERE id = '%[3]s'", "rows of this user are damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			transfer := infratest.Entries(t, "1", "alice debit 10", "bob credit 10")
			debit := infratest.Request(t, "bob", "2", ledger.Debit, "105")
			for _, r := range []ledger.Request{transfer, debit} {
				_, err := b.Ledger.Post(t.Context(), r)
				require.NoError(t, err)
			}
			id := transfer.TransactionID()
			alter(t, b, b.Config.TransactionsTable, fmt.Sprintf(c.statement+"%.0[1]s%.0[2]s%.0[3]s", id, id.Entry(1), debit.TransactionID()))
			alter(t, b, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'bob'")
			status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
			assert.Equal(t, exitWrong, status)
			assert.Contains(t, out, c.want)
			assert.Contains(t, out, "kept       ")
			assert.Equal(t, "100", b.Balance(t, "bob"), "nothing is written")
			b.Damage(t, b.Config.TransactionsTable) // the check agrees that the books are wrong
		})
	}
}

// A rebuild of one user also writes the balances of the users whose rows it writes, and no others.
func TestRebuildOfOneUser(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	transfer := infratest.Entries(t, "1", "alice debit 10", "bob credit 10")
	_, err := b.Ledger.Post(t.Context(), transfer)
	require.NoError(t, err)
	post(t, b.Ledger, "carol", "+1")
	alter(t, b, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+transfer.TransactionID().Entry(1).String()+"'")
	alter(t, b, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'alice'", "DELETE FROM ? WHERE user_id = 'bob'", "DELETE FROM ? WHERE user_id = 'carol'")
	status, out, _ := command(t, b, "-rebuild", "-write", "-user", "alice", "-settle", "0s")
	assert.Equal(t, exitRight, status, out)
	assert.Contains(t, out, "1 transaction and 2 balances rebuilt")
	assert.Equal(t, "90 110 100", b.Balance(t, "alice")+" "+b.Balance(t, "bob")+" "+b.Balance(t, "carol"))
	status, _, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status)
	require.NoError(t, b.Check(t.Context()))
}

// The rebuild keeps a user who is written to at any moment meanwhile.
func TestRebuildOfMovingUser(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"with a row":    "UPDATE ? SET balance = 110 SET version = 1 WHERE user_id = '1'",
		"without a row": "DELETE FROM ? WHERE user_id = '1'",
	} {
		for _, moment := range []struct {
			operation string
			nth       int
		}{{"UpdateItem", 1}, {"Scan", 2}, {"Scan", 3}} {
			t.Run(fmt.Sprint(name, ", ", moment), func(t *testing.T) {
				t.Parallel()
				b := infratest.New(t)
				post(t, b.Ledger, "1", "+10", "-5")
				b.Damage(t, b.Config.AggregateTable, statement)
				a, network := auditor(b)
				a.tables.segments = 1
				requests, move := 0, credits(t, b, "1")
				network.Always(on(moment.operation, func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
					if requests++; requests == moment.nth {
						move()
					}
					return deliver()
				}))
				var out bytes.Buffer
				status, err := rebuildAll(t.Context(), a, options{rebuild: true, write: true}, &out)
				require.NoError(t, err)
				assert.Equal(t, exitWrong, status)
				assert.Contains(t, out.String(), "it was written to meanwhile: stop the writers")
			})
		}
	}
}

// A write whose answer is lost is sent again and counts once, for both kinds of write. After a
// lasting fault, the rebuild continues its work.
func TestRebuildOverBadNetwork(t *testing.T) {
	t.Parallel()
	for _, kind := range faults.All {
		for _, operation := range []string{"UpdateItem", "TransactWriteItems"} {
			t.Run(kind.Name+" "+operation, func(t *testing.T) {
				t.Parallel()
				b := infratest.New(t)
				transfer := infratest.Entries(t, "1", "alice debit 10", "bob credit 10")
				_, err := b.Ledger.Post(t.Context(), transfer)
				require.NoError(t, err)
				alter(t, b, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+transfer.TransactionID().Entry(1).String()+"'")
				alter(t, b, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'alice'")
				for _, lasting := range []bool{true, false} {
					a, network := auditor(b)
					writes := 0
					network.Always(on(operation, func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
						if writes++; lasting {
							return denied(r, deliver)
						}
						if writes == 1 {
							return kind.Fault(r, deliver)
						}
						return deliver()
					}))
					status, err := rebuildAll(t.Context(), a, options{rebuild: true, write: true}, io.Discard)
					require.NoError(t, err)
					assert.Equal(t, map[bool]int{true: exitUnfinished, false: exitRight}[lasting], status)
				}
				require.NoError(t, b.Check(t.Context()))
			})
		}
	}
}

// Balances are written several at once, and paced by their units.
func TestRebuildWritesAtOnceAndPaced(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	const users = 30
	for user := range users {
		b.Credit(t, fmt.Sprint("user-", user), "1")
		alter(t, b, b.Config.AggregateTable, fmt.Sprintf("DELETE FROM ? WHERE user_id = 'user-%d'", user))
	}
	a, network := auditor(b)
	a.tables.segments = 4
	a.tables.pace.unitsPerSecond = 20
	var together sync.WaitGroup
	together.Add(a.tables.segments)
	var first atomic.Int32
	network.Always(on("UpdateItem", func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if int(first.Add(1)) <= a.tables.segments {
			together.Done()
			together.Wait() // forever, if they were written one by one
		}
		return deliver()
	}))
	begin := time.Now()
	status, err := rebuildAll(t.Context(), a, options{rebuild: true, write: true}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, exitRight, status)
	assert.GreaterOrEqual(t, time.Since(begin), users*time.Second/20, "a write takes a unit")
}
