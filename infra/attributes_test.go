package infra_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	assert.ElementsMatch(t, []string{
		"id", "user_id", "ammount", "type", "status", "created_at", "idempotency_key",
		"metadata", "entries", "balance", "declined_entry", "transaction_id",
	}, infra.TransactionAttributes())
	assert.ElementsMatch(t, slices.Collect(maps.Keys(balanceRow())), infra.AggregateAttributes())
}

func TestRowError(t *testing.T) {
	t.Parallel()
	_, err := infra.DecodeTransaction(with(with(postedRow(), "type", nil), "status", nil))
	row, ok := errors.AsType[*infra.RowError](err)
	require.True(t, ok)
	assert.Equal(t, &infra.RowError{Table: "transactions", Key: rowID, Wrong: []string{"type: is missing", "status: is missing"}}, row)
	assert.Equal(t, "type: is missing; status: is missing", row.Reason())
}
