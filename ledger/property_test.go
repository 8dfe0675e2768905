package ledger_test

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"onewrite/ledger"
)

const (
	maxAmountCents  = 100_000_000_000_000     // 10^12 dollars
	maxBalanceCents = 100_000_000_000_000_000 // 10^15 dollars
)

// dollars returns the text for a sum in cents.
func dollars(cents *big.Int) string {
	return new(big.Rat).SetFrac(cents, big.NewInt(100)).FloatString(2)
}

// near draws a number from least to most, often a bound or its neighbour.
func near(t *rapid.T, least, most int64, label string) *big.Int {
	return big.NewInt(rapid.OneOf(
		rapid.Int64Range(least, most),
		rapid.Int64Range(least, least+2),
		rapid.Int64Range(most-2, most),
	).Draw(t, label))
}

// Balances count like whole cents, up to their bounds.
func TestArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amountCents := near(t, 1, maxAmountCents, "amount")
		balanceCents := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) *big.Int { return near(t, 0, maxBalanceCents, "balance") }),
			rapid.Custom(func(t *rapid.T) *big.Int { // at the credit's limit
				return new(big.Int).Sub(big.NewInt(maxBalanceCents-rapid.Int64Range(-1, 1).Draw(t, "over")), amountCents)
			}),
			rapid.Custom(func(t *rapid.T) *big.Int { // at the debit's limit
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

// drawEntries draws entries for few users. Their amounts are near an opening balance,
// and sometimes near the highest one.
func drawEntries(t *rapid.T) []ledger.Entry {
	users := make([]ledger.UserID, 3)
	for i := range users {
		var err error
		users[i], err = ledger.ParseUserID(fmt.Sprintf("user-%d", i))
		require.NoError(t, err)
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Entry {
		cents := rapid.OneOf(rapid.Int64Range(1, 20), rapid.Int64Range(1, 20_000), rapid.Int64Range(maxAmountCents-2, maxAmountCents)).Draw(t, "cents")
		amount, err := ledger.ParseAmount(dollars(big.NewInt(cents)))
		require.NoError(t, err)
		return ledger.Entry{
			UserID: rapid.SampledFrom(users).Draw(t, "user"),
			Type:   rapid.SampledFrom([]ledger.Type{ledger.Credit, ledger.Debit}).Draw(t, "type"),
			Amount: amount,
		}
	}), 1, 12).Draw(t, "entries")
}

// oneAfterAnother applies a user's entries to a balance. It is not ok if one of
// them leaves the range.
func oneAfterAnother(before ledger.Balance, user ledger.UserID, entries []ledger.Entry) (after ledger.Balance, ok bool) {
	after, ok = before, true
	for _, e := range entries {
		if e.UserID == user && ok {
			after, ok = after.After(e.Type, e.Amount)
		}
	}
	return after, ok
}

// A posting moves each user as the entries do in their order, and is allowed exactly if
// each entry is.
func TestMovesAreTheEntries(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t)
		p, err := ledger.NewPosting(ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries}, noon)
		require.NoError(t, err)
		rows, users := 0, map[ledger.UserID]bool{}
		for _, move := range p.Moves {
			require.False(t, users[move.UserID], "one move a user")
			users[move.UserID] = true
			rows += move.Rows

			before := rapid.OneOf(
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, "0", 0) }),
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, "100", 0) }),
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, move.MinBefore.String(), 1) }),
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, move.MaxBefore.String(), 1) }),
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, "0", maxBalanceCents) }),
			).Draw(t, "before")
			want, ok := oneAfterAnother(before, move.UserID, entries)
			require.Equal(t, ok, move.Allows(before), "%s on %s", moveText(move), before)
			if ok {
				require.Equal(t, want.String(), moved(t, before, move), "%s on %s", moveText(move), before)
			}
		}
		require.Equal(t, len(entries), rows, "each row is one user's")
		for i, e := range entries {
			require.True(t, users[e.UserID], "a move for each user")
			require.True(t, e.Equal(p.Rows[i].Entry()), "a row for each entry")
		}
	})
}

func drawBalance(t *rapid.T, around string, away int64) ledger.Balance {
	center, ok := new(big.Rat).SetString(around)
	require.True(t, ok)
	cents := new(big.Rat).Mul(center, big.NewRat(100, 1)).Num().Int64() + rapid.Int64Range(-away, away).Draw(t, "away")
	balance, err := ledger.ParseBalance(dollars(big.NewInt(min(max(cents, 0), maxBalanceCents))))
	require.NoError(t, err)
	return balance
}

// moved returns the balance after a move, computed differently.
func moved(t *rapid.T, before ledger.Balance, m ledger.Move) string {
	after, ok := new(big.Rat).SetString(before.String())
	require.True(t, ok)
	sum, ok := new(big.Rat).SetString(m.Sum.String())
	require.True(t, ok)
	if m.Type == ledger.Debit {
		sum.Neg(sum)
	}
	balance, err := ledger.ParseBalance(after.Add(after, sum).FloatString(2))
	require.NoError(t, err, "stays in range")
	return balance.String()
}

// Entries mint exactly if the credits exceed the debits.
func TestMintsIsTheSum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		entries, sum := drawEntries(t), new(big.Rat)
		for _, e := range entries {
			amount, ok := new(big.Rat).SetString(e.Amount.String())
			require.True(t, ok)
			if e.Type == ledger.Debit {
				amount.Neg(amount)
			}
			sum.Add(sum, amount)
		}
		require.Equal(t, sum.Sign() > 0, ledger.Mints(entries), "%v", entries)
	})
}

// Metadata is read back as written, with any text, and is as long as the shortest JSON.
func TestMetadataReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.MapOfN(rapid.String(), rapid.String(), 0, 24).Draw(t, "members")
		shortest, err := json.Marshal(in)
		require.NoError(t, err)
		m, err := ledger.NewMetadata(in)
		if len(in) > 20 || len(shortest) > 512 {
			require.ErrorIs(t, err, ledger.ErrInvalidMetadata)
			return
		}
		require.NoError(t, err)
		if len(in) == 0 {
			require.Zero(t, m)
			return
		}
		again, err := ledger.ParseMetadata(m.String())
		require.NoError(t, err)
		require.Equal(t, m, again)
		var read map[string]string
		require.NoError(t, json.Unmarshal([]byte(m.String()), &read))
		require.Equal(t, in, read)
	})
}

// Equal values have one text, in any notation.
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
