package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// change changes a table as a restore may have left it: other than Damage, it
// leaves it to the test whether the books are right in the end.
func change(t *testing.T, b *infratest.Books, table string, statements ...string) {
	t.Helper()
	require.NoError(t, b.Execute(t.Context(), table, statements...))
}

// repaired runs the command with -repair and returns its report.
func repaired(t *testing.T, b *infratest.Books, args ...string) (status int, found report) {
	t.Helper()
	status, out, log := command(t, b, append(args, "-repair", "-json", "-settle", "10ms")...)
	require.Empty(t, log)
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	return status, found
}

// What a restore can leave of the balances, where the rows of the history say
// what they were. The books are those of alice, who has a credit of 10 and, a
// second later, a debit of 5 (%[1]s and %[2]s), and of bob, who has a credit of
// 1 and a declined debit.
func TestRepair(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		balances []string // statements on that table
		want     []repair
	}{
		{"without the last posting",
			[]string{"UPDATE ? SET balance = 110 SET version = 1 WHERE user_id = 'alice'"},
			[]repair{{"alice", &storedState{"110", 1}, storedState{"105", 2}, true}}},
		{"without the first, which was written later",
			[]string{"UPDATE ? SET balance = 95 SET version = 1 WHERE user_id = 'alice'"},
			[]repair{{"alice", &storedState{"95", 1}, storedState{"105", 2}, true}}},
		{"without a row",
			[]string{"DELETE FROM ? WHERE user_id = 'bob'"},
			[]repair{{"bob", nil, storedState{"101", 1}, true}}},
		{"without any row",
			[]string{"DELETE FROM ? WHERE user_id = 'bob'", "DELETE FROM ? WHERE user_id = 'alice'"},
			[]repair{{"alice", nil, storedState{"105", 2}, true}, {"bob", nil, storedState{"101", 1}, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			l := ledger.New(b.Store, at(lastYear))
			post(t, l, "alice", "+10", "-5")
			post(t, l, "bob", "+1", "-1000")
			change(t, b, b.Config.AggregateTable, c.balances...)
			before := contents(t, b)

			status, found := repaired(t, b)
			assert.Equal(t, exitWrong, status)
			dry := c.want
			for i := range dry {
				dry[i].Written = false
			}
			assert.Equal(t, dry, found.Repairs)
			assert.Equal(t, before, contents(t, b), "nothing is written unless -write says so")

			status, found = repaired(t, b, "-write")
			assert.Equal(t, exitRight, status)
			for i := range c.want {
				c.want[i].Written = true
			}
			assert.Equal(t, c.want, found.Repairs)
			assert.Empty(t, found.Kept)

			status, found = repaired(t, b, "-write")
			assert.Equal(t, exitRight, status)
			assert.Empty(t, found.Repairs)
		})
	}
}

// contents returns the rows of both tables.
func contents(t *testing.T, b *infratest.Books) (rows []row) {
	t.Helper()
	for _, table := range []string{b.Config.TransactionsTable, b.Config.AggregateTable} {
		out, err := infra.NewClient(b.Config, patient).Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
		require.NoError(t, err)
		rows = append(rows, out.Items...)
	}
	return rows
}

// What the history doesn't determine is left as it is, and listed. The books
// are alice's, who has a credit of 10 and, an hour later, a debit of 5 and one
// of 3 (%[1]s to %[3]s).
func TestRepairNeverGuesses(t *testing.T) {
	t.Parallel()
	const gone = "rows are gone or changed, or the balance is"
	for _, c := range []struct {
		name                   string
		transactions, balances []string
		want                   string // "": it is no balance that could be repaired
	}{
		{"a move without its row", []string{"DELETE FROM ? WHERE id = '%[2]s'"}, nil,
			"the balance is 102 at version 3, and the history makes it 107 at version 2; " +
				"it counts 1 whose rows are gone, and who sends one of those again posts it a second time"},
		{"a move without its row and a row without its move", []string{"DELETE FROM ? WHERE id = '%[2]s'"},
			[]string{"UPDATE ? SET balance = 105 SET version = 2 WHERE user_id = 'alice'"},
			"the balance is 105 at version 2, and the history makes it 107 at version 2; it counts as many, so that " + gone},
		{"more rows without their moves than moves without rows", []string{"DELETE FROM ? WHERE id = '%[1]s'"},
			[]string{"UPDATE ? SET balance = 110 SET version = 1 WHERE user_id = 'alice'"},
			"the balance is 110 at version 1, and the history makes it 92 at version 2; no 1 of the rows make it, so that " + gone},
		{"a row that moved an hour too late", nil,
			[]string{"UPDATE ? SET balance = 92 SET version = 2 WHERE user_id = 'alice'"},
			"the balance is 92 at version 2, and the history makes it 102 at version 3; no 2 of the rows make it, so that " + gone},
		{"a balance that was changed", nil,
			[]string{"UPDATE ? SET balance = 1000 WHERE user_id = 'alice'"},
			"the balance is 1000 at version 3, and the history makes it 102 at version 3; it counts as many, so that " + gone},
		{"an amount that was changed", []string{"UPDATE ? SET ammount = 11 WHERE id = '%[1]s'"}, nil,
			"the balance is 102 at version 3, and the history makes it 103 at version 3; it counts as many, so that " + gone},
		{"a history that is no balance", []string{"UPDATE ? SET ammount = 200 WHERE id = '%[2]s'"},
			[]string{"DELETE FROM ? WHERE user_id = 'alice'"},
			"there is no balance, and the history makes it -93 at version 3; the history makes it what no balance can be, so that rows are gone or changed"},
		{"a row that can't be read", []string{"UPDATE ? REMOVE ammount WHERE id = '%[3]s'"},
			[]string{"DELETE FROM ? WHERE user_id = 'alice'"},
			"other rows of this user are wrong, too: its history is not what happened"},
		{"a row of another id", []string{"UPDATE ? SET idempotency_key = 'x' WHERE id = '%[3]s'"},
			[]string{"DELETE FROM ? WHERE user_id = 'alice'"},
			"other rows of this user are wrong, too: its history is not what happened"},
		{"a balance that can't be read", nil, []string{"UPDATE ? SET balance = '102' WHERE user_id = 'alice'"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			post(t, ledger.New(b.Store, at(lastYear)), "alice", "+10")
			later := ledger.New(b.Store, at(lastYear.Add(time.Hour)))
			for key, amount := range map[string]string{"2": "5", "3": "3"} {
				_, err := later.Post(t.Context(), infratest.Request(t, "alice", key, ledger.Debit, amount))
				require.NoError(t, err)
			}
			for _, statement := range c.transactions {
				b.Damage(t, b.Config.TransactionsTable, fmt.Sprintf(statement+"%.0[1]s%.0[2]s%.0[3]s",
					idOf(t, "alice", "1"), idOf(t, "alice", "2"), idOf(t, "alice", "3")))
			}
			b.Damage(t, b.Config.AggregateTable, c.balances...)
			before := contents(t, b)
			status, found := repaired(t, b, "-write")
			assert.Equal(t, exitWrong, status)
			assert.Empty(t, found.Repairs)
			want := []finding{}
			if c.want != "" {
				want = []finding{{"alice", "", kindBalance, c.want}}
			}
			assert.Equal(t, want, found.Kept)
			assert.Equal(t, before, contents(t, b))
		})
	}
}

// A person sees what is, what would be and what was.
func TestReportOfRepair(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10", "-5")
	post(t, b.Ledger, "2", "+10")
	post(t, b.Ledger, "3", "+10")
	b.Damage(t, b.Config.AggregateTable, "UPDATE ? SET balance = 110 SET version = 1 WHERE user_id = '1'",
		"DELETE FROM ? WHERE user_id = '2'", "UPDATE ? SET balance = 1 WHERE user_id = '3'")
	_, out, _ := command(t, b, "-repair", "-settle", "0s")
	const kept = `kept       user "3": balance: the balance is 1 at version 1, and the history makes it 110 at version 1; it counts as many, so that rows are gone or changed, or the balance is
`
	assert.Equal(t, `repair     user "1": there is 110 at version 1, and would be 105 at version 2
repair     user "2": there is no balance, and would be 110 at version 1
`+kept+`3 users, 4 transactions: 3 wrong, 0 unsettled; 2 can be repaired, and -write does it
`, out)
	status, out, _ := command(t, b, "-repair", "-write", "-settle", "0s")
	assert.Equal(t, `repaired   user "1": there was 110 at version 1, and is 105 at version 2 now
repaired   user "2": there was no balance, and is 110 at version 1 now
`+kept+`3 users, 4 transactions: 2 repaired, 1 wrong, 0 unsettled
`, out)
	assert.Equal(t, exitWrong, status)
}

// Who is written to while being repaired is left alone, whoever was first.
func TestRepairOfMovingUser(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"with a row":    "UPDATE ? SET balance = 110 SET version = 1 WHERE user_id = '1'",
		"without a row": "DELETE FROM ? WHERE user_id = '1'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			post(t, b.Ledger, "1", "+10", "-5")
			b.Damage(t, b.Config.AggregateTable, statement)
			a, network := auditor(b)
			network.Always(on("UpdateItem", before(credits(t, b, "1"))))
			found := a.repair(t.Context(), true)
			assert.Empty(t, found.Repairs)
			assert.Equal(t, []finding{{"1", "", kindBalance, "it was written to meanwhile: stop the writers"}}, found.Kept)
			assert.Equal(t, exitWrong, found.status())
		})
	}
}

// A write whose answer is lost is sent again, and is one write.
func TestRepairOverBadNetwork(t *testing.T) {
	t.Parallel()
	for _, kind := range faults.All {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			post(t, b.Ledger, "1", "+10", "-5")
			change(t, b, b.Config.AggregateTable, "UPDATE ? SET balance = 110 SET version = 1 WHERE user_id = '1'")
			a, network := auditor(b)
			writes := 0
			network.Always(on("UpdateItem", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
				if writes++; writes == 1 {
					return kind.Fault(r, deliver)
				}
				return deliver()
			}))
			found := a.repair(t.Context(), true)
			assert.Equal(t, []repair{{"1", &storedState{"110", 1}, storedState{"105", 2}, true}}, found.Repairs)
			assert.Equal(t, exitRight, found.status(), "%+v", found)
			assert.Equal(t, 2, writes)
		})
	}
}

// Nothing is written unless everything could be read, and what was written is
// in the report when the next write fails.
func TestUnfinishedRepair(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10")
	post(t, b.Ledger, "2", "+10")
	b.Damage(t, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = '1'", "DELETE FROM ? WHERE user_id = '2'")
	for _, operation := range []string{"Scan", "TransactGetItems", "GetItem"} {
		a, network := auditor(b)
		a.books.segments = 1
		first := true // user is read
		network.Always(on(operation, func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			if first {
				first = false
				return deliver()
			}
			return denied(r, deliver)
		}))
		found := a.repair(t.Context(), true)
		assert.NotEmpty(t, found.Unfinished, operation)
		assert.Empty(t, found.Repairs, operation)
		assert.NotContains(t, network.Requests(), "UpdateItem", operation)
	}
	a, network := auditor(b)
	a.books.segments = 1
	writes := 0
	network.Always(on("UpdateItem", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if writes++; writes == 2 {
			return denied(r, deliver)
		}
		return deliver()
	}))
	found := a.repair(t.Context(), true)
	assert.Contains(t, found.Unfinished, "AccessDeniedException")
	assert.Len(t, found.Repairs, 1)
	assert.Len(t, found.wrong(), 1)
	assert.Equal(t, exitWrong, found.status())
}

func TestSomeMake(t *testing.T) {
	t.Parallel()
	many := make([]int64, maxChoices)
	for i := range many {
		many[i] = 1 << (i % 60) // all sums differ
	}
	for _, c := range []struct {
		amounts []int64
		n       int
		sum     int64
		want    bool
	}{
		{nil, 0, 0, true},
		{nil, 0, 1, false},
		{[]int64{5}, 0, 0, true},
		{[]int64{5}, 1, 5, true},
		{[]int64{5}, 1, 0, false},
		{[]int64{1, 2, 4, -8}, 1, -8, true},
		{[]int64{1, 2, 4, -8}, 2, -6, true},
		{[]int64{1, 2, 4, -8}, 3, 7, true},
		{[]int64{1, 2, 4, -8}, 3, -5, true},
		{[]int64{1, 2, 4, -8}, 3, 6, false},
		{[]int64{3, 5, 100, 200}, 2, 6, false}, // each once
		{[]int64{3, 3}, 2, 6, true},
		{make([]int64, maxChoices), 50, 0, true},
		{make([]int64, maxChoices+1), 50, 0, false}, // too many to try
		{many, 50, 7, false},
	} {
		assert.Equal(t, c.want, someMake(c.amounts, c.n, c.sum), "%d of %d for %d", c.n, len(c.amounts), c.sum)
	}
}
