package ledger

import (
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/assert"
)

// No sum of valid amounts and balances has this many digits. Without the trap, apd would
// silently round such a sum.
func TestRoundingPanics(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { plus(*apd.New(1, 16), *apd.New(1, -8)) }, "25 digits of 24")
	assert.Panics(t, func() { decimal("0.000000001") })
	assert.NotPanics(t, func() { plus(*apd.New(1, 15), *apd.New(1, -8)) })
}
