package ledger

import (
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/assert"
)

// The sum of a valid amount and balance never has more than 24 digits. Without the trap for
// inexact results, apd would silently round a longer sum.
func TestRoundingPanics(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { plus(*apd.New(1, 16), *apd.New(1, -8)) }, "25 digits of 24")
	assert.Panics(t, func() { decimal("0.000000001") })
	assert.NotPanics(t, func() { plus(*apd.New(1, 15), *apd.New(1, -8)) })
}
