package ledger_test

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"onewrite/ledger"
)

const (
	maxAmountCents  = 100_000_000_000_000     // 10^12 dollars
	maxBalanceCents = 100_000_000_000_000_000 // 10^15 dollars
)

// dollars is the text of a sum of cents.
func dollars(cents *big.Int) string {
	return new(big.Rat).SetFrac(cents, big.NewInt(100)).FloatString(2)
}

// near draws a number between least and most, often one of its bounds or next
// to it.
func near(t *rapid.T, least, most int64, label string) *big.Int {
	return big.NewInt(rapid.OneOf(
		rapid.Int64Range(least, most),
		rapid.Int64Range(least, least+2),
		rapid.Int64Range(most-2, most),
	).Draw(t, label))
}

// The arithmetic is that of whole cents, up to its bounds and not beyond.
func TestArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amountCents := near(t, 1, maxAmountCents, "amount")
		balanceCents := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) *big.Int { return near(t, 0, maxBalanceCents, "balance") }),
			rapid.Custom(func(t *rapid.T) *big.Int { // where the credit just fits or not
				return new(big.Int).Sub(big.NewInt(maxBalanceCents-rapid.Int64Range(-1, 1).Draw(t, "over")), amountCents)
			}),
			rapid.Custom(func(t *rapid.T) *big.Int { // where the debit just fits or not
				return new(big.Int).Add(amountCents, big.NewInt(rapid.Int64Range(-1, 1).Draw(t, "over")))
			}),
		).Draw(t, "balance")

		amount, err := ledger.ParseAmount(dollars(amountCents))
		require.NoError(t, err)
		balance, err := ledger.ParseBalance(dollars(balanceCents))
		require.NoError(t, err)
		for _, kind := range []ledger.Type{ledger.Credit, ledger.Debit} {
			want := new(big.Int).Add(balanceCents, amountCents)
			if kind == ledger.Debit {
				want.Sub(balanceCents, amountCents)
			}
			fits := want.Sign() >= 0 && want.Cmp(big.NewInt(maxBalanceCents)) <= 0
			if !fits {
				want = balanceCents
			}
			after, ok := balance.After(kind, amount)
			require.Equal(t, fits, ok, "%s of %s on %s", kind, amount, balance)
			expected, err := ledger.ParseBalance(dollars(want))
			require.NoError(t, err)
			require.True(t, expected.Equal(after), "%s of %s on %s is %s, not %s", kind, amount, balance, after, expected)

			back, err := ledger.ParseBalance(after.String())
			require.NoError(t, err)
			require.True(t, back.Equal(after), "%s read back", after)
		}
	})
}

// One value has one text, however it was written.
func TestOneText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cents := near(t, 1, maxAmountCents, "amount")
		zeros := rapid.StringMatching(`0{0,30}`).Draw(t, "leading zeros")
		plain, err := ledger.ParseAmount(dollars(cents))
		require.NoError(t, err)
		padded, err := ledger.ParseAmount(zeros + dollars(cents))
		require.NoError(t, err)
		require.Equal(t, plain.String(), padded.String())
		require.True(t, plain.Equal(padded))
		shortest, err := ledger.ParseAmount(plain.String())
		require.NoError(t, err, fmt.Sprint(plain))
		require.True(t, shortest.Equal(plain))
	})
}
