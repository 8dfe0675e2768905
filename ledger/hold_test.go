package ledger_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

func amount(t require.TestingT, text string) ledger.Amount {
	a, err := ledger.ParseAmount(text)
	require.NoError(t, err)
	return a
}

// holdsOf returns a user's holds with these amounts, ordered by id. All expire at that
// time.
func holdsOf(t *testing.T, user string, expires time.Time, amounts ...string) (holds []ledger.Hold) {
	t.Helper()
	for i, text := range amounts {
		holds = append(holds, ledger.Hold{TransactionID: newID(t, user, fmt.Sprint("hold ", i)), Amount: amount(t, text), ExpiresAt: expires})
	}
	slices.SortFunc(holds, func(a, b ledger.Hold) int { return slices.Compare(a.TransactionID[:], b.TransactionID[:]) })
	return holds
}

// account returns an account. Its balance is without the holds.
func account(t require.TestingT, balance string, holds ...ledger.Hold) ledger.Account {
	b, err := ledger.ParseBalance(balance)
	require.NoError(t, err)
	return ledger.Account{Balance: b, Holds: holds}
}

func TestParseExpiresIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want time.Duration
	}{
		{"1", time.Second}, {"60", time.Minute}, {"060", time.Minute}, {"2678400", 31 * 24 * time.Hour},
	} {
		got, err := ledger.ParseExpiresIn(c.in)
		require.NoError(t, err, c.in)
		assert.Equal(t, c.want, got, c.in)
	}
	for _, in := range []string{
		"", "0", "-1", "+1", "2678401", "1.0", "1e3", "1_0", "0x1", " 1", "1 ", "60s", "NaN", "٣", strconv.Itoa(1<<62) + "0",
		"18446744073709551617", // 1, if it wrapped around
	} {
		_, err := ledger.ParseExpiresIn(in)
		require.ErrorIs(t, err, ledger.ErrInvalidExpiresIn, "ParseExpiresIn(%q)", in)
		assert.EqualError(t, err, "invalid expiry: must be whole seconds from 1 to 2678400", "ParseExpiresIn(%q)", in)
	}
}

func TestCheckHold(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"1 debit 10", "1 debit 10, 2 credit 10", "1 debit 10, 2 credit 10.00", "1 debit 1000000000000",
	} {
		require.NoError(t, ledger.CheckHold(entries(t, text)), text)
	}
	refused := [][]ledger.Entry{nil}
	for _, text := range []string{
		"1 credit 10", "1 debit 10, 1 credit 10", "1 debit 10, 2 credit 9.99", "1 debit 10, 2 credit 10.01", "1 debit 10, 2 debit 10",
		"2 credit 10, 1 debit 10", "1 debit 10, 2 credit 5, 3 credit 5", "1 debit 5, 1 debit 5", "1 debit 10, 2 capture 10",
	} {
		refused = append(refused, entries(t, text))
	}
	for _, all := range refused {
		err := ledger.CheckHold(all)
		require.ErrorIs(t, err, ledger.ErrInvalidExpiresIn, "%v", all)
		assert.ErrorContains(t, err, "must come with one debit, or with a debit and then a credit of the same amount for another user", "%v", all)
		p, err := ledger.NewPosting(ledger.Request{IdempotencyKey: key(t, "k"), Entries: all, ExpiresIn: time.Minute}, noon)
		require.Error(t, err, "%v", all)
		assert.Zero(t, p, "%v", all)
	}
}

func TestParseEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in     ledger.End
		status ledger.Status
	}{
		{ledger.Capture, ledger.Posted}, {ledger.Void, ledger.Voided}, {ledger.Expiry, ledger.Expired},
	} {
		got, err := ledger.ParseEnd(string(c.in))
		require.NoError(t, err)
		assert.Equal(t, c.in, got)
		assert.Equal(t, c.status, got.Status())
	}
	for _, in := range []string{"", "Capture", "captured", "void ", "expired", "credit", "debit"} {
		_, err := ledger.ParseEnd(in)
		require.ErrorIs(t, err, ledger.ErrInvalidType, "ParseEnd(%q)", in)
		assert.Empty(t, ledger.End(in).Status(), in)
	}
}

// End ids are stored. These were computed with other code, like transaction ids.
func TestEndIDNeverChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ user, key, want string }{
		{"1", "1", "2b05791f-6d45-878a-a624-d690bc9d2b35"},
		{"用户", "signup-bonus", "c663b94d-8129-86c5-98da-b5c3569e60bf"},
	} {
		assert.Equal(t, c.want, newID(t, c.user, c.key).End().String(), "%+v", c)
	}
}

func TestEndIDTellsNamesApart(t *testing.T) {
	t.Parallel()
	seen := map[ledger.TransactionID]bool{}
	for _, names := range [][2]string{{"1", "1"}, {"1", "end"}, {"1", "11"}, {"11", "1"}, {"2", "1"}} {
		first := newID(t, names[0], names[1])
		end := first.End()
		assert.Equal(t, byte(0x80), end[6]&0xf0, "version")
		assert.Equal(t, byte(0x80), end[8]&0xc0, "variant")
		for _, id := range []ledger.TransactionID{first, end, end.End(), end.Entry(1)} {
			assert.False(t, seen[id], "%v of %q", id, names)
			seen[id] = true
		}
		for place := 1; place < ledger.MaxItems; place++ {
			id := first.Entry(place)
			assert.False(t, seen[id], "entry %d of %q", place, names)
			seen[id] = true
			assert.False(t, seen[id.End()], "the end of an entry")
		}
	}
}

// A hold is spendable one second after its expiry, and not before.
func TestFunds(t *testing.T) {
	t.Parallel()
	early, late := noon.Add(time.Minute), noon.Add(time.Hour)
	holds := slices.Concat(holdsOf(t, "1", early, "40", "0.01"), holdsOf(t, "2", late, "5.50"))
	for _, c := range []struct {
		at                time.Time
		spendable, inHold string
	}{
		{noon, "10", "45.51"},
		{early.Add(-time.Millisecond), "10", "45.51"},
		{early, "10", "45.51"},
		{early.Add(999 * time.Millisecond), "10", "45.51"},
		{early.Add(time.Second), "50.01", "5.5"},
		{late.Add(999 * time.Millisecond), "50.01", "5.5"},
		{late.Add(time.Second), "55.51", "0"},
		{late.Add(1000 * time.Hour), "55.51", "0"},
	} {
		a := account(t, "10", holds...)
		funds := a.Funds(c.at)
		assert.Equal(t, c.spendable, funds.Balance.String(), "%v", c.at)
		assert.Equal(t, c.inHold, funds.Held.String(), "%v", c.at)
		assert.Equal(t, "10", a.Balance.String(), "a reading changes nothing")
	}
	assert.Equal(t, "45.51", ledger.Held(holds).String())
	assert.True(t, ledger.Held(nil).IsZero())
}

// The highest balance is MaxBalance plus a release of all holds at the highest amount.
func TestFundsOverTheLimit(t *testing.T) {
	t.Parallel()
	holds := holdsOf(t, "1", noon, slices.Repeat([]string{"1000000000000"}, ledger.MaxHolds)...)
	funds := account(t, "1000000000000000", holds...).Funds(noon.Add(time.Second))
	assert.Equal(t, "1016000000000000", funds.Balance.String())
	assert.True(t, funds.Balance.Equal(ledger.HighestBalance()))
	assert.True(t, funds.Held.IsZero())
}
