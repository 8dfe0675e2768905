package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

func fortyDebitsAtOnce(t *testing.T, open Open) {
	books := open(t)
	errs := atOnce(40, func(i int) error {
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", fmt.Sprint(i), ledger.Debit, "10"))
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
	assert.Equal(t, "0", books.Balance(t, "1"))
}

func oneKeyAtOnce(t *testing.T, open Open) {
	books := open(t)
	credit := infratest.Request(t, "1", "k", ledger.Credit, "10")
	results := make([]ledger.Result, 32)
	for _, err := range atOnce(len(results), func(i int) (err error) {
		results[i], err = books.Ledger.Post(t.Context(), credit)
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
	assert.Equal(t, "110", books.Balance(t, "1"))
}

// One key is sent for two different transactions at once: one uses it, the other is refused.
func oneKeyTwoPayloadsAtOnce(t *testing.T, open Open) {
	books := open(t)
	requests := []ledger.Request{
		infratest.Request(t, "1", "k", ledger.Credit, "10"),
		infratest.Request(t, "1", "k", ledger.Debit, "1000"), // declined, if it is first
	}
	errs := atOnce(16, func(i int) error {
		_, err := books.Ledger.Post(t.Context(), requests[i%2])
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

// atOnce calls f n times at once and returns the errors.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { errs[i] = f(i) })
	}
	calls.Wait()
	return errs
}
