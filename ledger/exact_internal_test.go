package ledger

import (
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/assert"
)

// No caller can reach this: the bounds of amounts and balances see to it. Without
// the trap a sum of too many digits would be rounded, and nobody would know.
func TestRoundingPanics(t *testing.T) {
	t.Parallel()
	var sum apd.Decimal
	assert.Panics(t, func() { mustExact(exact.Add(&sum, apd.New(1, 17), apd.New(1, -2))) }, "20 digits of 18")
	assert.Panics(t, func() { dollars("0.001") })
	assert.NotPanics(t, func() { mustExact(exact.Add(&sum, apd.New(1, 15), apd.New(1, -2))) })
}
