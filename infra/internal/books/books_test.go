package books_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// Sums are exact, whether positive or negative.
func TestSum(t *testing.T) {
	t.Parallel()
	of := func(s string) books.Sum {
		a, err := ledger.ParseAmount(s)
		require.NoError(t, err)
		return books.SumOf(a)
	}
	sum := books.Sum{}
	assert.Equal(t, "0", sum.String())
	for range 1000 {
		sum = sum.Plus(of("999999999999.99"))
	}
	assert.Equal(t, "999999999999990", sum.String())
	assert.Equal(t, "-0.01", books.Sum{}.Minus(of("0.01")).String())
	assert.Equal(t, of("0.3"), of("0.30"))
	assert.True(t, books.Sum{}.Minus(of("0.01")).IsNegative())
	assert.True(t, of("2").Exceeds(of("1.99")))
	assert.False(t, of("2").Exceeds(of("2")))
}
