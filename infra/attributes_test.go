package infra_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	assert.ElementsMatch(t, []string{
		"id", "user_id", "ammount", "type", "status", "created_at", "idempotency_key",
		"metadata", "entries", "balance", "declined_entry", "transaction_id", "expires_at", "held", "posted_by", "refund_of", "refund_places",
		"declined_by", "account", "debits", "credits", "credit_limit", "credit_limit_before", "rule_change",
	}, infra.TransactionAttributes())
	assert.ElementsMatch(t, []string{"user_id", "balance", "version", "held", "holds", "transaction_id",
		"debits_blocked", "credits_blocked", "credit_limit", "rule_changes"}, infra.AggregateAttributes())
	assert.True(t, infra.IsHoldAttribute("hold:R7njA8lDgkuiW_Lb-KT2qw"))
	assert.False(t, infra.IsHoldAttribute("held"))
}

func TestRowError(t *testing.T) {
	t.Parallel()
	_, err := infra.DecodeTransaction(with(with(postedRow(), "type", nil), "status", nil))
	row, ok := errors.AsType[*infra.RowError](err)
	require.True(t, ok)
	assert.Equal(t, &infra.RowError{Table: "transactions", Key: rowID, Wrong: []string{"status: is missing", "type: is missing"}}, row)
	assert.Equal(t, "status: is missing; type: is missing", row.Reason())
}
