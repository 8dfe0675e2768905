package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

var entryScenes = []scene{
	// A transaction changes the balances of all its users, even of users without a row.
	{"entries move balances", `
		credit: 1 credit 10; 1 110
		debit: 1 debit 0.5; 1 109.5
		debit of all: 1 debit 109.5; 1 0
		cent: 1 credit 0.01; 1 0.01
		transfer: a debit 10, b credit 10; a 90, b 110
		back: b debit 110, a credit 110; a 200, b 0
		with a fee: a debit 100.5, b credit 99.5, shop credit 1; a 99.5, b 99.5, shop 101
		credit first: b credit 0.5, a debit 0.5; a 99, b 100
		from outside and to it: a credit 1, b debit 100; a 100, b 0
		to oneself: a debit 100, a credit 100; a 100
		new, all of it: c debit 100, d credit 1000000000000; c 0, d 1000000000100`},
	{"first post starts from opening balance", `
		k: a credit 1; a 101
		k: b debit 1; b 99
		k: c debit 100; c 0
		k: d credit 1000000000000; d 1000000000100`},
	// Every balance must be within its limits after each entry, not only after the last one.
	{"entries applied in order", `
		fill rich; fill richer
		a1: a debit 150, a credit 50 = insufficient funds: entry 0 on 100
		a2: a credit 50, a debit 150; a 0
		b1: b debit 60, c credit 60, b debit 60, b credit 20 = insufficient funds: entry 2 on 40; b 100
		b2: b debit 60, c credit 60, b credit 20, b debit 60; b 0
		r1: rich credit 100.01, rich debit 100.01 = balance limit: entry 0 on 999999999999900
		r2: rich credit 100, rich debit 100; rich 999999999999900
		r3: rich credit 50, d debit 1, rich credit 51, rich debit 1000 = balance limit: entry 2 on 999999999999950
		r4: richer debit 1000, richer credit 1100; richer 1000000000000000
		e: e debit 100, e credit 0.01, e debit 0.01, e credit 100, e debit 0.01, e debit 99.99, e debit 0.01 = insufficient funds: entry 6 on 0`},
	// If an entry does not fit its user's balance, the whole transaction is declined. No balance
	// changes, and only the first row is stored. It stays declined even if money comes in later.
	{"declined as a whole", `
		fill rich; spend: spent debit 99.99
		1: a debit 100.01 = insufficient funds: entry 0 on 100
		2: a debit 1000000000000 = insufficient funds: entry 0 on 100
		3: spent debit 0.02 = insufficient funds: entry 0 on 0.01
		as much as the opening balance: spent debit 100 = insufficient funds: entry 0 on 0.01
		4: a debit 100.01, b credit 100.01 = insufficient funds: entry 0 on 100
		5: b credit 1, a debit 100.01, c credit 1 = insufficient funds: entry 1 on 100
		6: b debit 1, c credit 1, d debit 100, a debit 100.01 = insufficient funds: entry 3 on 100
		7: a debit 101, rich credit 101 = insufficient funds: entry 0 on 100
		8: a debit 100, c debit 1, rich credit 101 = balance limit: entry 2 on 999999999999900
		9: rich credit 101, a debit 101 = balance limit: entry 0 on 999999999999900
		a 100, b 100, c 100, d 100, rich 999999999999900, spent 0.01
		top-up: a credit 2000, spent credit 2000; room: rich debit 2000
		1; 2; 3; as much as the opening balance; 4; 5; 6; 7; 8; 9
		a 2100, b 100`},
	{"balance limit", `
		fill 1
		over: 1 credit 100.01 = balance limit: entry 0 on 999999999999900
		full: 1 credit 100
		cent: 1 credit 0.01 = balance limit: entry 0 on 1000000000000000
		less: 1 debit 0.01; 1 999999999999999.99`},
	// A key belongs to one transaction. Only an equal request replays it, and 10 equals 10.00.
	{"key reused", `
		k: 1 credit 10
		k: 1 credit 10.00 = replayed
		k: 1 debit 10 = reused: Type
		k: 1 credit 11 = reused: Amount
		k: 1 debit 1000 = reused: Type, Amount
		1 110`},
	// A replay succeeds even if the balances no longer allow the transaction.
	{"entries replayed", `
		k: a debit 100, b credit 99, shop credit 1 for order 7
		b1: b debit 199; k
		s1: shop debit 101; k
		a1: a credit 5; k
		a2: a debit 5; k
		k: a debit 100 for order 7 = reused: Entries
		k: a debit 100, b credit 99 for order 7 = reused: Entries
		k: a debit 100, shop credit 1, b credit 99 for order 7 = reused: Entries
		k: a debit 100, b credit 99, shop credit 1.01 for order 7 = reused: Entries
		k: a debit 100, b credit 99, shop credit 1, shop credit 1 for order 7 = reused: Entries
		k: a debit 100, b credit 99, shop credit 1 = reused: Metadata
		a 0, b 0, shop 0`},
	{"users share keys", `
		signup-bonus: 1 credit 5
		signup-bonus: 2 credit 5
		1 105, 2 105`},
	// Each entry is in the history of its own user. A declined transaction is only in the history
	// of its first entry's user.
	{"entries in history", `
		posted: a debit 10, b credit 4, b credit 5, c credit 1
		declined: c debit 10, a debit 1000, b credit 1010 = insufficient funds: entry 1 on 90
		history a = debit 10 posted
		history b = credit 4 posted, credit 5 posted
		history c = debit 10 declined, credit 1 posted`},
}

// The largest transactions that the ledger allows fit in one write.
func mostEntries(t *testing.T, b *script.Script) {
	payroll := "payroll: boss debit 98"
	for i := range 49 {
		payroll += fmt.Sprintf(", worker-%d credit 2", i)
	}
	b.Play(t, payroll+`
		boss 2, worker-0 102, worker-48 102
		sales: shop credit 0.01`+strings.Repeat(", shop credit 0.01", 98)+`
		shop 100.99`)
}

func fortyDebitsAtOnce(t *testing.T, b *script.Script) {
	errs := atOnce(40, func(i int) error {
		_, err := b.Ledger.Post(t.Context(), infratest.Request(t, "1", fmt.Sprint(i), ledger.Debit, "10"))
		return err
	})
	posted, declined := 0, 0
	for _, err := range errs {
		switch {
		case err == nil:
			posted++
		case errors.Is(err, ledger.ErrInsufficientFunds):
			declined++
		}
	}
	assert.Equal(t, 10, posted, "posted of %v", errs)
	assert.Equal(t, 30, declined, "declined of %v", errs)
	b.Play(t, "1 0")
}

// Many callers send the same transfer at once. One of them posts it, and the others get a replay.
func oneKeyInConcurrentCalls(t *testing.T, b *script.Script) {
	transfer := infratest.Entries(t, "k", "a debit 60", "b credit 60")
	results := make([]ledger.Result, 32)
	for _, err := range atOnce(len(results), func(i int) (err error) {
		results[i], err = b.Ledger.Post(t.Context(), transfer)
		return err
	}) {
		require.NoError(t, err)
	}
	firsts := 0
	for _, result := range results {
		assert.Equal(t, results[0].Transaction, result.Transaction)
		if !result.Replayed {
			firsts++
		}
	}
	assert.Equal(t, 1, firsts, "answers that are not replays")
	b.Play(t, "a 40, b 160")
}

// Two different transactions are sent several times at once with one key. One of them uses the key,
// and every call for the other is rejected.
func oneKeyTwoPayloadsInConcurrentCalls(t *testing.T, b *script.Script) {
	requests := []ledger.Request{
		infratest.Request(t, "1", "k", ledger.Credit, "10"),
		infratest.Request(t, "1", "k", ledger.Debit, "1000"), // declined if it comes first
	}
	errs := atOnce(16, func(i int) error {
		_, err := b.Ledger.Post(t.Context(), requests[i%2])
		return err
	})
	reused := 0
	for _, err := range errs {
		if errors.Is(err, ledger.ErrKeyReused) {
			reused++
		}
	}
	assert.Equal(t, 8, reused, "reused of %v", errs)
}
