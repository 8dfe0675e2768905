package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// entries parses entries such as "alice debit 12.50", separated by commas.
func entries(t require.TestingT, text string) (all []ledger.Entry) {
	for one := range strings.SplitSeq(text, ", ") {
		words := strings.Fields(one)
		require.Len(t, words, 3, one)
		user, err := ledger.ParseUserID(words[0])
		require.NoError(t, err)
		amount, err := ledger.ParseAmount(words[2])
		require.NoError(t, err)
		all = append(all, ledger.Entry{UserID: user, Type: ledger.Type(words[1]), Amount: amount})
	}
	return all
}

// creditsOf returns n credits of 1, for that many different users.
func creditsOf(t *testing.T, n, users int) (all []ledger.Entry) {
	t.Helper()
	for i := range n {
		all = append(all, entries(t, fmt.Sprintf("user-%d credit 1", i%max(users, 1)))...)
	}
	return all
}

func TestCheckEntries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ entries, users int }{{1, 1}, {2, 1}, {2, 2}, {50, 50}, {51, 49}, {98, 1}, {98, 2}, {99, 1}} {
		assert.NoError(t, ledger.CheckEntries(creditsOf(t, c.entries, c.users)), "%+v", c)
	}
}

func TestCheckEntriesRejects(t *testing.T) {
	t.Parallel()
	const tooMany = "invalid entries: must have at most 100 entries and different users together"
	for _, c := range []struct {
		entries, users int
		want           string
	}{
		{0, 0, "invalid entries: must have at least one entry"},
		{51, 50, tooMany}, {51, 51, tooMany}, {98, 3, tooMany}, {99, 2, tooMany}, {100, 1, tooMany}, {100, 100, tooMany}, {10_000, 1, tooMany},
	} {
		all := creditsOf(t, c.entries, c.users)
		err := ledger.CheckEntries(all)
		require.ErrorIs(t, err, ledger.ErrInvalidEntries, "%+v", c)
		require.EqualError(t, err, c.want, "%+v", c)
		_, err = ledger.NewPosting(ledger.Request{Entries: all, IdempotencyKey: key(t, "k")}, noon)
		assert.EqualError(t, err, c.want, "%+v", c)
	}
}

func TestUsersAreCountedOnce(t *testing.T) {
	t.Parallel()
	all := creditsOf(t, 98, 2)
	slices.SortStableFunc(all, func(a, b ledger.Entry) int { return strings.Compare(a.UserID.String(), b.UserID.String()) })
	assert.NoError(t, ledger.CheckEntries(all))
	assert.NoError(t, ledger.CheckEntries(creditsOf(t, 98, 2)))
}

func TestMints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		entries string
		want    bool
	}{
		{"1 credit 0.01", true},
		{"1 debit 0.01", false},
		{"1 debit 10, 2 credit 10", false},
		{"1 debit 10, 2 credit 10.01", true},
		{"1 debit 10.01, 2 credit 10", false},
		{"2 credit 10, 1 debit 10", false},
		{"1 debit 10, 2 credit 9, shop credit 1", false},
		{"1 debit 10, 2 credit 9, shop credit 1.01", true},
		{"1 debit 1000000000000, 2 credit 1000000000000", false},
		{"1 debit 1000000000000, 2 credit 1000000000000, 2 credit 0.01", true},
	} {
		assert.Equal(t, c.want, ledger.Mints(entries(t, c.entries)), c.entries)
	}
}

func TestEntryEqual(t *testing.T) {
	t.Parallel()
	one := entries(t, "1 debit 10")[0]
	for _, c := range []struct {
		other string
		want  bool
	}{
		{"1 debit 10", true}, {"1 debit 10.00", true}, {"2 debit 10", false}, {"1 credit 10", false}, {"1 debit 10.01", false},
	} {
		assert.Equal(t, c.want, one.Equal(entries(t, c.other)[0]), c.other)
	}
}
