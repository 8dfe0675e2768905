package infra_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
)

func refundAccountRow() row {
	return row{"user_id": s(" refunds " + rowID), "version": n("2"), "refunded_at": s("2026-11-22T12:00:00.123Z"), "r0": n("5"), "r12": n("0.5")}
}

func TestDecodeRefundAccount(t *testing.T) {
	t.Parallel()
	for _, stored := range []row{refundAccountRow(), with(with(refundAccountRow(), "r0", n("5.00")), "note", s("of a later version"))} {
		require.True(t, infra.IsRefundAccount(stored))
		a, err := infra.DecodeRefundAccount(stored)
		require.NoError(t, err)
		assert.Equal(t, rowID, a.Of.String())
		assert.Equal(t, 2, a.Count)
		assert.Equal(t, []int{0, 12}, slices.Sorted(maps.Keys(a.Sums)))
		want := with(refundAccountRow(), "user_id", nil)
		assert.Equal(t, want, a.Attributes())
		assert.Equal(t, " refunds "+rowID, infra.RefundsKey(a.Of))
	}
	assert.False(t, infra.IsRefundAccount(balanceRow()))
	for name := range refundAccountRow() {
		assert.Equal(t, name != "user_id", infra.IsRefundAttribute(name), name)
	}
	for _, name := range []string{"", "r", "r-1", "r01", "rx", "balance"} {
		assert.False(t, infra.IsRefundAttribute(name), name)
	}
}

// Every call that reads a damaged refund account returns an internal error.
func TestDamagedRefundAccount(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	call := script.New(books)
	call.Play(t, sale)
	damaged := with(with(refundAccountRow(), "user_id", s(infra.RefundsKey(call.ID("sale")))), "r0", n("10000000000000"))
	put(t, books, books.Config.AggregateTable, damaged)
	_, _, err := books.Ledger.Refunds(t.Context(), call.ID("sale"))
	defect(t, err, "r0: is 10000000000000, must be at most")
	_, err = call.Send(t.Context(), t, "r: refund sale")
	defect(t, err, "r0: is 10000000000000, must be at most")
	remove(t, books, books.Config.AggregateTable, "user_id", damaged)
}
