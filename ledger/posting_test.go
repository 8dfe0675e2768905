package ledger_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"onewrite/ledger"
)

// The first row contains the transaction's data and first entry, and each other row one
// more entry. A transaction with one entry stores no list of entries. A pending one has
// only the first row.
func TestRowsOfPosting(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"1 debit 10", "1 debit 10, 2 credit 9, shop credit 1", "1 debit 10.50, pending", "1 debit 10.50, 2 credit 10.5, pending",
	} {
		r := requestOf(t, text)
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
		if r.ExpiresIn > 0 {
			want[0].Status, want[0].ExpiresAt = ledger.Pending, noon.Add(time.Minute)
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
		assert.Equal(t, r.ExpiresIn, p.Rows[0].ExpiresIn(), text)
	}
}

const (
	maxAmountCents  = 100_000_000_000_000     // 10^12 dollars
	maxBalanceCents = 100_000_000_000_000_000 // 10^15 dollars
	highestCents    = 101_600_000_000_000_000 // maxBalanceCents plus sixteen holds of maxAmountCents
)

func dollars(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

func centsOf(t require.TestingT, money fmt.Stringer) int64 {
	whole, fraction, _ := strings.Cut(money.String(), ".")
	cents, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	require.NoError(t, err)
	return cents
}

// drawCents draws an amount in cents from 0 to the limit most. It is often near 0, near the
// opening balance, or near that limit.
func drawCents(t *rapid.T, label string, most int64) int64 {
	near := rapid.SampledFrom([]int64{0, 10_000, most}).Draw(t, label+" near")
	away := rapid.SampledFrom([]int64{3, 3, 10_000, most}).Draw(t, label+" away")
	return min(max(near+rapid.Int64Range(-away, away).Draw(t, label), 0), most)
}

// drawEntries draws entries for only three users, so that a user often has several.
func drawEntries(t *rapid.T) []ledger.Entry {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Entry {
		return ledger.Entry{
			UserID: user(t, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "user")),
			Type:   rapid.SampledFrom([]ledger.Type{ledger.Credit, ledger.Debit}).Draw(t, "type"),
			Amount: amount(t, dollars(1+drawCents(t, "amount", maxAmountCents-1))),
		}
	}), 1, 12).Draw(t, "entries")
}

// misfit applies the entries one after another to the balances, in cents. It returns the
// place of the first entry that does not fit, or -1. It skips users without a balance.
func misfit(t require.TestingT, entries []ledger.Entry, balances map[ledger.UserID]int64) int {
	for i, e := range entries {
		before, ok := balances[e.UserID]
		after := before + centsOf(t, e.Amount)
		if e.Type == ledger.Debit {
			after = before - centsOf(t, e.Amount)
		}
		switch {
		case !ok:
		case after < 0, e.Type == ledger.Credit && after > maxBalanceCents:
			return i
		default:
			balances[e.UserID] = after
		}
	}
	return -1
}

// After a refusal, the next posting counts as if its releases and then its entries were
// posted one after another. If the reported accounts do not allow an entry, the first such
// entry declines the transaction. Otherwise a move allows a balance if and only if all the
// user's entries fit, and changes it by the sum of the releases and entries.
func TestPostingEqualsItsEntries(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := ledger.Request{IdempotencyKey: key(t, "k"), Entries: drawEntries(t)}
		refused := refusal(t, nil)
		spendable, released := map[ledger.UserID]int64{}, map[ledger.UserID]int64{}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.ID).Draw(t, "reported") {
			owner, balance := user(t, name), drawCents(t, "balance", maxBalanceCents)
			var held []string
			for range rapid.IntRange(0, 3).Draw(t, "holds") {
				one := 1 + drawCents(t, "held", maxAmountCents-1)
				held, released[owner] = append(held, dollars(one)), released[owner]+one
			}
			refused.Accounts[owner] = account(t, dollars(balance), holdsOf(t, name, noon, held...)...)
			spendable[owner] = balance + released[owner]
		}
		texts := fmt.Sprint(r, refused)
		s := &script{answers: []error{refused, nil}}
		_, err := s.at(after).Post(context.Background(), r)
		require.Equal(t, texts, fmt.Sprint(r, refused), "no sum changes another")
		if place := misfit(t, r.Entries, spendable); place >= 0 {
			entry := r.Entries[place]
			require.ErrorIs(t, err, map[ledger.Type]error{ledger.Credit: ledger.ErrBalanceLimit, ledger.Debit: ledger.ErrInsufficientFunds}[entry.Type])
			want := s.posted[0].Rows[0]
			want.Status, want.DeclinedEntry = ledger.Declined, place
			want.BalanceSeen = account(t, dollars(spendable[entry.UserID])).Balance
			require.Equal(t, []ledger.Transaction{want}, s.declined)
			require.Equal(t, &ledger.DeclinedError{Result: ledger.Result{Transaction: want}}, err)
			return
		}
		if len(released) > 0 {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "store declined what the accounts allow")
		}
		checkMoves(t, r.Entries, s.posted[len(s.posted)-1], refused.Accounts, released)
	})
}

// checkMoves checks the moves of a posting that releases all holds of the seen accounts.
func checkMoves(t *rapid.T, entries []ledger.Entry, p ledger.Posting, seen map[ledger.UserID]ledger.Account, released map[ledger.UserID]int64) {
	rows, users := 0, map[ledger.UserID]bool{}
	for _, m := range p.Moves {
		require.False(t, users[m.UserID], "one move a user")
		users[m.UserID] = true
		rows += m.Rows
		require.Len(t, m.Ends, len(seen[m.UserID].Holds))
		require.Equal(t, -released[m.UserID], centsOf(t, m.Held))

		least, most := centsOf(t, m.MinBefore), centsOf(t, m.MaxBefore)
		for _, before := range []int64{least - 1, least, drawCents(t, "before", maxBalanceCents), most, most + 1} {
			if before < 0 || before > highestCents {
				continue
			}
			balances := map[ledger.UserID]int64{m.UserID: before + released[m.UserID]}
			ok := misfit(t, entries, balances) < 0
			require.Equal(t, ok, m.Allows(account(t, dollars(before)).Balance), "%s on %s", moveText(m), dollars(before))
			if ok {
				require.Equal(t, balances[m.UserID]-before, centsOf(t, m.Sum), moveText(m))
			}
		}
	}
	require.Len(t, p.Rows, rows, "each row is one user's")
	for i, e := range entries {
		require.True(t, users[e.UserID], "a move for each user")
		require.True(t, e.Equal(p.Rows[i].Entry()), "a row for each entry")
	}
}

func TestMints(t *testing.T) {
	t.Parallel()
	for text, sign := range map[string]int{
		"1 debit 10, 2 credit 9.99, shop credit 0.02": 1, "1 debit 10, 2 credit 9, shop credit 1": 0, "1 debit 10, 2 credit 9.99": -1,
	} {
		assert.Equal(t, sign > 0, ledger.Mints(entries(t, text)), text)
		assert.Equal(t, sign == 0, ledger.Balanced(entries(t, text)), text)
	}
}

func TestCheckEntries(t *testing.T) {
	t.Parallel()
	const tooMany = "invalid entries: must have at most 100 entries and different users together"
	for want, sizes := range map[string][][2]int{ // numbers of entries and users
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
		_, err := ledger.NewPosting(requestOf(t, text+", pending"), noon)
		require.ErrorIs(t, err, ledger.ErrInvalid, text)
		assert.ErrorContains(t, err, "must come with one debit, or with a debit and then a credit of the same amount for another user", text)
	}
}

func TestUnknownType(t *testing.T) {
	t.Parallel()
	for _, unknown := range []ledger.Type{"", "transfer", "capture"} {
		moves := fmt.Sprintf("type %q moves no balance", unknown)
		for place := range 2 {
			r := requestOf(t, "1 debit 10, 2 credit 10")
			r.Entries[place].Type = unknown
			_, err := ledger.NewPosting(r, noon)
			require.EqualError(t, err, "post "+r.TransactionID().String()+": "+moves)
			assert.PanicsWithValue(t, "ledger: "+moves, func() { ledger.Mints(r.Entries) })
		}
		declined := &ledger.DeclinedError{Result: ledger.Result{Transaction: ledger.Transaction{Type: unknown}}}
		assert.NoError(t, declined.Unwrap())
	}
}
