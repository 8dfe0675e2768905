package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// A limit outside the range is an error before any read: the store is nil.
func TestHistoryLimit(t *testing.T) {
	t.Parallel()
	user, err := ledger.ParseUserID("1")
	require.NoError(t, err)
	for _, limit := range []int{-1, 0, ledger.MaxPage + 1} {
		_, err := ledger.New(nil, nil).History(t.Context(), user, ledger.Cursor{}, limit)
		assert.ErrorContains(t, err, "is not from 1 to 100", "%d", limit)
	}
}
