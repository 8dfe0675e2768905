package ledger_test

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"onewrite/ledger"
)

// The first row holds the transaction's data, each other row its entry's. A transaction
// with one entry has no list of entries, and a pending one has no other rows.
func TestRowsOfPosting(t *testing.T) {
	t.Parallel()
	for text, expiresIn := range map[string]time.Duration{
		"1 debit 10, 2 credit 9, shop credit 1": 0,
		"1 debit 10":                            0,
		"1 debit 10.50":                         90 * time.Second,
		"1 debit 10.50, 2 credit 10.5":          90 * time.Second,
	} {
		r := requestOf(t, text, expiresIn)
		r.Metadata = metadata(t, members{"order": "7"})
		p, err := ledger.NewPosting(r, noon.In(time.FixedZone("east", 3600)).Add(999*time.Microsecond))
		require.NoError(t, err)
		first := ledger.Transaction{
			ID: newID(t, "1", "k"), UserID: r.UserID(), Type: ledger.Debit, Amount: r.Entries[0].Amount, Status: ledger.Posted,
			CreatedAt: noon, IdempotencyKey: r.IdempotencyKey, Metadata: r.Metadata,
		}
		if len(r.Entries) > 1 {
			first.Entries = r.Entries
		}
		want := []ledger.Transaction{first}
		if expiresIn > 0 {
			want[0].Status, want[0].ExpiresAt = ledger.Pending, noon.Add(expiresIn)
			assert.Equal(t, []string{"1 -10.5 from 10.5 to 1016000000000000 in 1; held 10.5; opens 10.5"}, moveTexts(p), text)
			assert.Equal(t, ledger.Hold{TransactionID: first.ID, Amount: first.Amount, ExpiresAt: want[0].ExpiresAt}, *p.Moves[0].Opens, text)
		} else {
			for i, e := range r.Entries[1:] {
				want = append(want, ledger.Transaction{
					ID: first.ID.Entry(i + 1), UserID: e.UserID, Type: e.Type, Amount: e.Amount, Status: ledger.Posted,
					CreatedAt: noon, TransactionID: first.ID,
				})
			}
		}
		assert.Equal(t, want, p.Rows, text)
		assert.Equal(t, r.Entries, p.Rows[0].AllEntries(), text)
		assert.Equal(t, expiresIn, p.Rows[0].ExpiresIn(), text)
	}
}

// A move's bounds apply after each entry, not only to the sum. TestMovesAreTheEntries
// has all other cases.
func TestMoves(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"1 credit 10.50": {"1 10.5 from 0 to 999999999999989.5 in 1"},
		"1 debit 10.50":  {"1 -10.5 from 10.5 to 1016000000000000 in 1"},
		// Users are in the order of their first entries.
		"b credit 1, a credit 2, b credit 3": {"b 4 from 0 to 999999999999996 in 2", "a 2 from 0 to 999999999999998 in 1"},
		"1 credit 10, 1 debit 4":             {"1 6 from 0 to 999999999999990 in 2"},
		"1 debit 4, 1 credit 10":             {"1 6 from 4 to 999999999999994 in 2"},
		"1 debit 10, 1 credit 10":            {"1 0 from 10 to 1000000000000000 in 2"},
		strings.Repeat("1 credit 1000000000000, ", 98) + "1 credit 1000000000000": {"1 99000000000000 from 0 to 901000000000000 in 99"},
	} {
		p, err := ledger.NewPosting(requestOf(t, text, 0), noon)
		require.NoError(t, err, text)
		assert.Equal(t, want, moveTexts(p), text)
	}
}

// drawEntries draws entries for few users. Their amounts are near an opening balance,
// and sometimes near the highest one.
func drawEntries(t *rapid.T) []ledger.Entry {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Entry {
		cents := rapid.OneOf(
			rapid.Int64Range(1, 20), rapid.Int64Range(1, 20_000), rapid.Int64Range(maxAmountCents-2, maxAmountCents),
		).Draw(t, "cents")
		return ledger.Entry{
			UserID: user(t, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "user")),
			Type:   rapid.SampledFrom([]ledger.Type{ledger.Credit, ledger.Debit}).Draw(t, "type"),
			Amount: amount(t, dollars(cents)),
		}
	}), 1, 12).Draw(t, "entries")
}

const (
	maxAmountCents  = 100_000_000_000_000     // 10^12 dollars
	maxBalanceCents = 100_000_000_000_000_000 // 10^15 dollars
)

func dollars(cents int64) string { return new(big.Rat).SetFrac64(cents, 100).FloatString(2) }

// exactly returns a sum's value.
func exactly(t require.TestingT, sum fmt.Stringer) *big.Rat {
	value, ok := new(big.Rat).SetString(sum.String())
	require.True(t, ok, sum)
	return value
}

// drawBalance draws a balance at most some cents away from another.
func drawBalance(t *rapid.T, around fmt.Stringer, away int64) ledger.Balance {
	cents := new(big.Rat).Mul(exactly(t, around), big.NewRat(100, 1)).Num().Int64() + rapid.Int64Range(-away, away).Draw(t, "away")
	return account(t, dollars(min(max(cents, 0), maxBalanceCents))).Balance
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

// A posting moves each user as its releases and then its entries would, one after
// another, and is allowed exactly if each of them is.
func TestMovesAreTheEntries(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := drawEntries(t)
		opening := ledger.DefaultSettings().Opening
		seen := accounts{}
		for i := range rapid.IntRange(0, 3).Draw(t, "users with holds") {
			owner := all[min(i, len(all)-1)].UserID.String()
			var held []string
			for range rapid.IntRange(1, 4).Draw(t, "holds") {
				held = append(held, dollars(rapid.Int64Range(1, 20_000).Draw(t, "held")))
			}
			seen[owner] = account(t, drawBalance(t, opening, 10_000).String(), holdsOf(t, owner, noon, held...)...)
		}
		s := &script{answers: []error{nil}}
		if len(seen) > 0 {
			s.answers = []error{refusal(t, seen), nil}
		}
		_, err := s.at(after).Post(context.Background(), ledger.Request{IdempotencyKey: key(t, "k"), Entries: all})
		for name, a := range seen {
			if _, fits := oneAfterAnother(a.Funds(after).Balance, user(t, name), all); !fits {
				var declined *ledger.DeclinedError
				require.ErrorAs(t, err, &declined)
				return
			}
		}
		require.NoError(t, err)
		p := s.posted[len(s.posted)-1]
		rows, users := 0, map[ledger.UserID]bool{}
		for _, m := range p.Moves {
			require.False(t, users[m.UserID], "one move a user")
			users[m.UserID] = true
			rows += m.Rows
			a := seen[m.UserID.String()]
			require.Len(t, m.Ends, len(a.Holds))
			released := exactly(t, ledger.Held(a.Holds))
			require.Zero(t, released.Cmp(new(big.Rat).Neg(exactly(t, m.Held))))

			before := rapid.OneOf(
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, opening, 0) }),
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, m.MinBefore, 1) }),
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, m.MaxBefore, 1) }),
				rapid.Custom(func(t *rapid.T) ledger.Balance { return drawBalance(t, ledger.Balance{}, maxBalanceCents) }),
			).Draw(t, "before")
			lifted := new(big.Rat).Add(exactly(t, before), released) // even above the limit
			want, ok := oneAfterAnother(account(t, lifted.FloatString(2)).Balance, m.UserID, all)
			require.Equal(t, ok, m.Allows(before), "%s on %s", moveText(m), before)
			if ok {
				moved := new(big.Rat).Sub(exactly(t, want), exactly(t, before))
				require.Zero(t, moved.Cmp(exactly(t, m.Sum)), "%s on %s", moveText(m), before)
			}
		}
		require.Len(t, p.Rows, rows, "each row is one user's")
		for i, e := range all {
			require.True(t, users[e.UserID], "a move for each user")
			require.True(t, e.Equal(p.Rows[i].Entry()), "a row for each entry")
		}
	})
}

// Entries mint exactly if the credits exceed the debits.
func TestMintsIsTheSum(t *testing.T) {
	t.Parallel()
	check := func(t require.TestingT, all []ledger.Entry) {
		sum := new(big.Rat)
		for _, e := range all {
			moved := exactly(t, e.Amount)
			if e.Type == ledger.Debit {
				moved.Neg(moved)
			}
			sum.Add(sum, moved)
		}
		require.Equal(t, sum.Sign() > 0, ledger.Mints(all), "%v", all)
		require.Equal(t, sum.Sign() == 0, ledger.Balanced(all), "%v", all)
	}
	for _, text := range []string{"1 debit 10, 2 credit 10", "1 debit 10, 2 credit 9, shop credit 1", "1 debit 10, 2 credit 10.01"} {
		check(t, entries(t, text))
	}
	rapid.Check(t, func(t *rapid.T) { check(t, drawEntries(t)) })
}

func TestCheckEntries(t *testing.T) {
	t.Parallel()
	const tooMany = "invalid entries: must have at most 100 entries and different users together"
	for want, sizes := range map[string][][2]int{ // entries, and users
		"": {{1, 1}, {2, 1}, {2, 2}, {50, 50}, {51, 49}, {98, 1}, {98, 2}, {99, 1}},
		"invalid entries: must have at least one entry": {{0, 0}},
		tooMany: {{51, 50}, {51, 51}, {98, 3}, {99, 2}, {100, 1}, {100, 100}, {10_000, 1}},
	} {
		for _, size := range sizes {
			var all []ledger.Entry
			for i := range size[0] {
				all = append(all, entries(t, fmt.Sprintf("user-%d credit 1", i%size[1]))...)
			}
			_, postingErr := ledger.NewPosting(ledger.Request{Entries: all, IdempotencyKey: key(t, "k")}, noon)
			for _, err := range []error{ledger.CheckEntries(all), postingErr} {
				if want == "" {
					assert.NoError(t, err, "%v", size)
				} else {
					assert.EqualError(t, err, want, "%v", size)
				}
			}
		}
	}
}

func TestCheckHold(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1 debit 10", "1 debit 10, 2 credit 10", "1 debit 10, 2 credit 10.00", "1 debit 1000000000000"} {
		require.NoError(t, ledger.CheckHold(entries(t, text)), text)
	}
	require.ErrorIs(t, ledger.CheckHold(nil), ledger.ErrInvalid)
	for _, text := range []string{
		"1 credit 10", "1 debit 10, 1 credit 10", "1 debit 10, 2 credit 9.99", "1 debit 10, 2 credit 10.01", "1 debit 10, 2 debit 10",
		"2 credit 10, 1 debit 10", "1 debit 10, 2 credit 5, 3 credit 5", "1 debit 5, 1 debit 5",
	} {
		_, err := ledger.NewPosting(requestOf(t, text, time.Minute), noon)
		require.ErrorIs(t, err, ledger.ErrInvalid, text)
		assert.ErrorContains(t, err, "must come with one debit, or with a debit and then a credit of the same amount for another user", text)
	}
}

func TestUnknownType(t *testing.T) {
	t.Parallel()
	for _, unknown := range []ledger.Type{"", "transfer", "capture"} {
		moves := fmt.Sprintf("type %q moves no balance", unknown)
		for place := range 2 {
			r := requestOf(t, "1 debit 10, 2 credit 10", 0)
			r.Entries[place].Type = unknown
			_, err := ledger.NewPosting(r, noon)
			require.EqualError(t, err, "post "+r.TransactionID().String()+": "+moves)
			assert.PanicsWithValue(t, "ledger: "+moves, func() { ledger.Mints(r.Entries) })
		}
		declined := &ledger.DeclinedError{Result: ledger.Result{Transaction: ledger.Transaction{Type: unknown}}}
		assert.NoError(t, declined.Unwrap())
	}
}
