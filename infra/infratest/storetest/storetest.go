// Package storetest is the acceptance suite for [ledger.Store]. The store passes it on DynamoDB
// Local and on the model of DynamoDB, so results from the model are valid for DynamoDB Local.
package storetest

import (
	"slices"
	"sync"
	"testing"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
)

// scene is a test case, written as a script.
type scene struct{ name, steps string }

// Run checks that a store keeps the promises of [ledger.Store], directly and through a
// [ledger.Ledger]. Each test calls open for new books, which are checked when the test ends.
func Run(t *testing.T, open func(testing.TB) *infratest.Books) {
	for _, s := range slices.Concat(entryScenes, holdScenes, refundScenes, ruleScenes) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			script.New(open(t)).Play(t, s.steps)
		})
	}
	for _, promise := range []struct {
		name string
		test func(*testing.T, *script.Script)
	}{
		{"a taken id returns its row", takenIDReturnsItsRow},
		{"a refusal after earlier attempts", refusalAfterEarlierAttempts},
		{"a cancelled call", cancelledCall},
		{"rows are read back", rowsAreReadBack},
		{"most entries", mostEntries},
		{"refunds of whole transactions", refundsOfWholeTransactions},
		{"history pages", historyPages},
		{"history of rows with the same time", historyOfRowsWithTheSameTime},
		{"cursor of another user", cursorOfAnotherUser},

		{"forty debits at once", fortyDebitsAtOnce},
		{"one key in concurrent calls", oneKeyInConcurrentCalls},
		{"one key, two payloads in concurrent calls", oneKeyTwoPayloadsInConcurrentCalls},
		{"concurrent ends", concurrentEnds},
		{"concurrent refunds", concurrentRefunds},
		{"concurrent limits", concurrentLimits},
		{"a block during debits", blockDuringDebits},
	} {
		t.Run(promise.name, func(t *testing.T) {
			t.Parallel()
			promise.test(t, script.New(open(t)))
		})
	}
}

func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { errs[i] = f(i) })
	}
	calls.Wait()
	return errs
}
