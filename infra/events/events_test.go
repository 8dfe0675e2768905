package events_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
)

var (
	save  = flag.String("save", "", "a file for the events and the patterns that they match, which Match.java reads")
	calls = flag.Int("calls", 150, "how many calls are made, and some more")
)

func TestMain(m *testing.M) { infratest.Main(m) }

type streams struct{ transactions, balances []record }

// Callers on this version and on an older one lose requests and answers. The streams still
// have every row and every change to a balance, and no change names a wrong transaction.
func TestEvents(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	transactions, balances := streamARNs(t, books)
	written := &applied{writes: map[string]write{}}
	current, older := written.note(false), written.note(true)

	planned := plan(*calls)
	before, beside, after := planned[:*calls/5], planned[*calls/5:*calls*3/5], planned[*calls*3/5:]
	hourAgo := func() time.Time { return time.Now().Add(-time.Hour) }
	makeCalls(t, books, before, hourAgo, older)
	makeCalls(t, books, beside, hourAgo, current, older)
	script.New(books).By(ledgerOver(books, hourAgo, current)).Play(t, holds)
	makeCalls(t, books, after, time.Now, current, current, older) // the holds have expired
	now := ledgerOver(books, time.Now, current)
	script.New(books).By(now).Play(t, releases)
	_, err := now.Post(t.Context(), largest(t))
	require.NoError(t, err)

	s := streams{readStream(t, books.Config.Endpoint, transactions), readStream(t, books.Config.Endpoint, balances)}
	s.dropOthers(t)
	t.Logf("%d writes, %d records of transactions, %d of balances", len(written.writes), len(s.transactions), len(s.balances))
	s.checkKinds(t, written)
	s.checkRows(t, written)
	s.checkBalances(t, written)

	var made []json.RawMessage
	for _, r := range s.transactions {
		made = append(made, event(t, "Transaction", transactions, r))
	}
	for _, r := range s.balances {
		made = append(made, event(t, "Balance", balances, r))
	}
	for _, e := range made {
		assert.Less(t, len(strconv.QuoteToASCII(string(e))), 256<<10, "the most that a bus takes, also if it escapes every letter")
	}
	checkSchemas(t, made)
	checkConsumers(t, books, made, s)
	saveEvents(t, made, s)
}

// dropOthers removes the records that the pipes' filters leave out: rule changes, which
// have no user_id, and refund accounts, which have no balance.
func (s *streams) dropOthers(t *testing.T) {
	t.Helper()
	rows := len(s.transactions)
	s.transactions = slices.DeleteFunc(s.transactions, func(r record) bool {
		isRules := r.Change.NewImage["user_id"] == nil
		assert.Equal(t, r.Change.NewImage.text("type") == "account", isRules)
		return isRules
	})
	assert.Less(t, len(s.transactions), rows, "rules were changed")
	all := len(s.balances)
	s.balances = slices.DeleteFunc(s.balances, func(r record) bool {
		isRefunds := r.Change.NewImage["balance"] == nil
		assert.Equal(t, strings.HasPrefix(r.Change.Keys.text("user_id"), " refunds "), isRefunds)
		return isRefunds
	})
	assert.Less(t, len(s.balances), all, "something was refunded")
}

// checkKinds requires that the streams have every kind of row and write.
func (s streams) checkKinds(t *testing.T, written *applied) {
	t.Helper()
	kinds := map[string]bool{}
	for _, r := range s.transactions {
		row := r.Change.NewImage
		kinds[row.text("status")+" "+row.text("type")] = true
		kinds["refund"] = kinds["refund"] || row["refund_of"] != nil
		kinds["declined by a block"] = kinds["declined by a block"] || row["declined_by"] != nil
	}
	for _, w := range written.writes {
		kinds["first a "+w.rows[0].text("type")] = true
		kinds["several entries and a release"] = kinds["several entries and a release"] ||
			w.rows[0]["entries"] != nil && slices.ContainsFunc(w.rows, func(row image) bool { return row.text("type") == "expiry" })
	}
	for _, kind := range []string{
		"posted credit", "posted debit", "declined debit", "pending debit", "posted capture", "voided void", "expired expiry",
		"first a capture", "first a void", "first a expiry", "first a account", "refund", "declined by a block", "several entries and a release",
	} {
		assert.True(t, kinds[kind], kind)
	}
}

// checkRows requires exactly one record for each row of an applied write.
func (s streams) checkRows(t *testing.T, written *applied) {
	t.Helper()
	rows := map[string]image{}
	for _, w := range written.writes {
		for _, r := range w.rows {
			if r["user_id"] != nil { // a rule change has none
				rows[r.text("id")] = r
			}
		}
	}
	assert.Len(t, s.transactions, len(rows))
	for _, r := range s.transactions {
		assert.Equal(t, "INSERT", r.EventName)
		assert.Equal(t, rows[r.Change.NewImage.text("id")], r.Change.NewImage)
		delete(rows, r.Change.NewImage.text("id"))
	}
	assert.Empty(t, rows, "without a record")
}

// checkBalances compares each change to a balance with the write that made it.
func (s streams) checkBalances(t *testing.T, written *applied) {
	last := map[string]image{}
	named, unnamed := map[string]bool{}, map[movement]int{}
	for _, r := range s.balances {
		user, now := r.Change.Keys.text("user_id"), r.Change.NewImage
		require.Equal(t, last[user], r.Change.OldImage, "%s: a record begins where the one before it ended", user)
		step := movement{minus(now.text("balance"), cmp.Or(last[user].text("balance"), "100")), minus(now.text("version"), cmp.Or(last[user].text("version"), "0"))}
		if id := now.text("transaction_id"); id != last[user].text("transaction_id") {
			w := written.writes[id]
			assert.False(t, w.older, "%s: %s is a write of an older version, which names none", user, id)
			assert.Equal(t, w.moves[user], step, "%s: what %s moves", user, id)
			assert.False(t, named[id+user], "%s: %s moves a balance once", user, id)
			named[id+user] = true
		} else {
			step.sum += " of " + user
			unnamed[step]++
		}
		last[user] = now
	}
	for id, w := range written.writes {
		for user, m := range w.moves {
			m.sum += " of " + user
			if w.older {
				unnamed[m]--
			} else {
				assert.True(t, named[id+user], "%s moves the balance of %s, but no record has it", id, user)
			}
		}
	}
	for m, left := range unnamed {
		assert.Zero(t, left, "records that name no transaction, beyond the writes of an older version: %v", m)
	}
	assert.Greater(t, len(named), *calls/3)
	assert.Greater(t, len(unnamed), *calls/10)
}

// effect returns the sum that a row adds to its user's balance.
func effect(row image) *big.Rat {
	amount := rat(row.text("ammount"))
	switch {
	case row.text("status") == "declined":
		return new(big.Rat)
	case row.text("type") == "debit":
		return amount.Neg(amount)
	case row.text("type") == "capture":
		return amount.Sub(rat(row.text("held")), amount)
	}
	return amount
}

func rat(number string) *big.Rat {
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		panic(fmt.Sprintf("%q is no number", number))
	}
	return r
}

func minus(a, b string) string { return new(big.Rat).Sub(rat(a), rat(b)).RatString() }

func checkSchemas(t *testing.T, events []json.RawMessage) {
	compiler := jsonschema.NewCompiler()
	schemas := map[string]*jsonschema.Schema{}
	for _, kind := range []string{"Transaction", "Balance"} {
		schema, err := compiler.Compile("schemas/" + kind + ".json")
		require.NoError(t, err)
		schemas[kind] = schema
	}
	for _, sent := range events {
		decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(sent))
		require.NoError(t, err)
		kind := decoded.(map[string]any)["detail-type"].(string)
		require.NoError(t, schemas[kind].Validate(decoded), "%s", sent)
	}
	// The schema for balances must reject an event for a transaction.
	other, err := jsonschema.UnmarshalJSON(bytes.NewReader(events[0]))
	require.NoError(t, err)
	require.Error(t, schemas["Balance"].Validate(other))
}

// saveEvents writes one line for each event, with the names of the patterns that match it.
func saveEvents(t *testing.T, events []json.RawMessage, s streams) {
	if *save == "" {
		return
	}
	matched := map[string]int{}
	var lines bytes.Buffer
	for i, r := range append(s.transactions, s.balances...) {
		want := matches(r, i >= len(s.transactions))
		for _, name := range want {
			matched[name]++
		}
		line, err := json.Marshal(map[string]any{"event": events[i], "matches": want})
		require.NoError(t, err)
		lines.Write(append(line, '\n'))
	}
	require.NoError(t, os.WriteFile(*save, lines.Bytes(), 0o644))
	t.Log(matched)
}
