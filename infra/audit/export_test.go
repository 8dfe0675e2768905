package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

func decodeLines[T any](t *testing.T, text string) (lines []T) {
	t.Helper()
	for each := range strings.Lines(text) {
		var one T
		require.NoError(t, json.Unmarshal([]byte(each), &one), each)
		lines = append(lines, one)
	}
	return lines
}

// An export contains all rows as they are stored, or only those of a period.
func TestExport(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, ledger.New(b.Store, at(lastYear)), "1", "+10.5", "-1000")
	b.Credit(t, "full", append(slices.Repeat([]string{"1000000000000"}, 999), "999999999800")...)

	status, out, log := command(t, b, "-export", "transactions")
	assert.Equal(t, exitRight, status)
	assert.Equal(t, "1002 rows of transactions written, 0 wrong\n", log)
	assert.Equal(t, strings.Join(books.TransactionAttributes, ",")+",others,problem", strings.Split(out, "\n")[0])
	assert.Equal(t, 1+1002, strings.Count(out, "\n"))
	assert.Contains(t, out, "\n"+idOf(t, "1", "2")+",1,1000,debit,declined,2,2025-11-22T12:00:02.000Z,,,110.5"+strings.Repeat(",", 16)+"\n")

	status, out, log = command(t, b, "-export", "transactions", "-json", "-from", "2025-11-22T12:00:02Z", "-to", "2025-11-22")
	assert.Equal(t, exitRight, status)
	assert.Equal(t, `{"ammount":"1000","balance":"110.5","created_at":"2025-11-22T12:00:02.000Z","id":"`+idOf(t, "1", "2")+
		`","idempotency_key":"2","status":"declined","type":"debit","user_id":"1"}`+"\n", out)
	assert.Equal(t, "1 row of transactions written, 0 wrong\n", log)

	_, out, log = command(t, b, "-export", "balances", "-csv")
	lines := strings.Split(out, "\n")
	slices.Sort(lines[1:])
	assert.Equal(t, []string{"user_id,balance,version,held,holds,transaction_id,debits_blocked,credits_blocked,credit_limit,rule_changes,others,problem", "", "1,110.5,1,,," + idOf(t, "1", "1") + ",,,,,,", "full,999999999999900,1000,,,,,,,,,"}, lines)
	assert.Equal(t, "2 rows of balances written, 0 wrong\n", log)
}

func TestExportOfDamage(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10")
	id := idOf(t, "1", "1")
	b.Damage(t, b.Config.TransactionsTable, "UPDATE ? SET ammount = 'ten' SET note = {'n': 1.25, 'l': ['=x', true, null]} WHERE id = '"+id+"'",
		"INSERT INTO ? VALUE {'id': '\x1b'}")
	b.Damage(t, b.Config.AggregateTable, "UPDATE ? SET note = '=x' WHERE user_id = '1'")
	const problem = `ammount: is of type S, must be N`

	status, out, log := command(t, b, "-export", "transactions", "-json", "-to", "2020-01-01")
	assert.Equal(t, exitWrong, status, "what has no time is in every period")
	assert.Contains(t, out, `"id":"\u001b"`)
	assert.Contains(t, log, "1 row of transactions written, 1 wrong\n")

	status, out, log = command(t, b, "-export", "transactions", "-json")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, log, fmt.Sprintf("wrong      user \"1\", transaction %q: transaction-row: %s\n", id, problem))
	rows := decodeLines[map[string]any](t, out)
	require.Len(t, rows, 2)
	slices.SortFunc(rows, func(a, b map[string]any) int { return len(b) - len(a) })
	assert.Equal(t, "ten", rows[0]["ammount"])
	assert.Equal(t, map[string]any{"n": "1.25", "l": []any{"=x", true, nil}}, rows[0]["note"])
	assert.Equal(t, problem, rows[0]["problem"])

	_, out, _ = command(t, b, "-export", "transactions")
	assert.Contains(t, out, `,"{""note"":{""l"":[""=x"",true,null],""n"":""1.25""}}","`+problem+"\"\n")

	status, out, log = command(t, b, "-export", "balances")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, out, `1,110,1,,,`+id+`,,,,,"{""note"":""=x""}","unknown attributes: ""note"""`)
	assert.Contains(t, log, "1 row of balances written, 1 wrong\n")
}
