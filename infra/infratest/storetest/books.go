package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// noon is when every test begins.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// books has a ledger whose clock a test sets.
type books struct {
	*infratest.Books
	mu  sync.Mutex
	now time.Time
}

func newBooks(opened *infratest.Books) *books {
	b := &books{Books: opened, now: noon}
	b.Ledger = ledger.New(b.Store, func() time.Time {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.now
	})
	return b
}

// at sets the clock to a time after noon.
func (b *books) at(after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = noon.Add(after)
}

// posts requires that entries post.
func (b *books) posts(t *testing.T, key string, entries ...string) ledger.Transaction {
	t.Helper()
	result, err := b.Ledger.Post(t.Context(), infratest.Entries(t, key, entries...))
	require.NoError(t, err, "%s: %v", key, entries)
	assert.Equal(t, ledger.Posted, result.Transaction.Status, "%s: %v", key, entries)
	assert.False(t, result.Replayed, "%s: %v", key, entries)
	return result.Transaction
}

// post posts entries. It returns the text of a decline, which must be stored, or "".
func (b *books) post(t *testing.T, key string, entries ...string) string {
	t.Helper()
	_, err := b.Ledger.Post(t.Context(), infratest.Entries(t, key, entries...))
	if err == nil {
		return ""
	}
	return b.declined(t, err)
}

// declined returns the text of a decline, which must be stored.
func (b *books) declined(t *testing.T, err error) string {
	t.Helper()
	var declined *ledger.DeclinedError
	require.ErrorAs(t, err, &declined)
	d := declined.Result.Transaction
	stored, err := b.Ledger.Transaction(t.Context(), d.ID)
	require.NoError(t, err)
	assert.Equal(t, d, stored)
	return fmt.Sprintf("%v: entry %d on %s", declined.Unwrap(), d.DeclinedEntry, d.BalanceSeen)
}

// reused requires a key that was used for another call, and returns the differences.
func reused(t *testing.T, err error) ledger.KeyReusedError {
	t.Helper()
	var reused *ledger.KeyReusedError
	require.ErrorAs(t, err, &reused)
	require.ErrorIs(t, err, ledger.ErrKeyReused)
	return *reused
}

// pending returns the request for a hold that lasts a minute.
func pending(t *testing.T, key string, entries ...string) ledger.Request {
	t.Helper()
	r := infratest.Entries(t, key, entries...)
	r.ExpiresIn = time.Minute
	return r
}

// hold posts a pending transaction with these entries for a minute.
func (b *books) hold(t *testing.T, key string, entries ...string) ledger.Transaction {
	t.Helper()
	result, err := b.Ledger.Post(t.Context(), pending(t, key, entries...))
	require.NoError(t, err)
	assert.Equal(t, ledger.Pending, result.Transaction.Status)
	return result.Transaction
}

// holds posts sixteen holds of an amount for a user.
func (b *books) holds(t *testing.T, user, amount string) {
	t.Helper()
	for i := range ledger.MaxHolds {
		b.hold(t, fmt.Sprint(i), user+" debit "+amount)
	}
}

func endOf(t ledger.Transaction) ledger.EndRequest { return ledger.EndRequest{TransactionID: t.ID} }

func (b *books) rule(t *testing.T, user, key string, changes ...string) ledger.Transaction {
	t.Helper()
	result, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, user, key, changes...))
	require.NoError(t, err)
	assert.False(t, result.Replayed)
	return result.Transaction
}

// funds returns a user's funds, as "60" or "60 held 40".
func (b *books) funds(t *testing.T, user string) string {
	t.Helper()
	f, err := b.Ledger.Balance(t.Context(), userOf(t, user))
	require.NoError(t, err)
	if f.Held.IsZero() {
		return f.Balance.String()
	}
	return f.Balance.String() + " held " + f.Held.String()
}

// balances requires the users' funds, each written as "alice 12.5".
func (b *books) balances(t *testing.T, want ...string) {
	t.Helper()
	for _, text := range want {
		user, balance, _ := strings.Cut(text, " ")
		assert.Equal(t, balance, b.funds(t, user), "the balance of %s", user)
	}
}

func userOf(t *testing.T, text string) ledger.UserID {
	t.Helper()
	user, err := ledger.ParseUserID(text)
	require.NoError(t, err)
	return user
}

func amount(t *testing.T, text string) ledger.Amount {
	t.Helper()
	a, err := ledger.ParseAmount(text)
	require.NoError(t, err)
	return a
}

func metadata(t *testing.T) ledger.Metadata {
	t.Helper()
	m, err := ledger.NewMetadata(map[string]string{"order": "7", "note": "\u2028 <用> \"\\"})
	require.NoError(t, err)
	return m
}

// history returns the transactions on all pages, once the index has that many. It checks that each
// page but the last is full, and that the last is not empty, unless all are.
func (b *books) history(t *testing.T, user string, count, limit int) (all []ledger.Transaction) {
	t.Helper()
	read := func(after ledger.Cursor, limit int) ledger.Page {
		page, err := b.Ledger.History(t.Context(), userOf(t, user), after, limit)
		require.NoError(t, err)
		return page
	}
	for len(read(ledger.Cursor{}, ledger.MaxPage).Transactions) < count {
		require.NoError(t, t.Context().Err(), "the history doesn't catch up")
	}
	for after := (ledger.Cursor{}); ; {
		page := read(after, limit)
		require.False(t, len(page.Transactions) == 0 && len(all) > 0, "a next page of %d after all %d", limit, len(all))
		all = append(all, page.Transactions...)
		if page.Next == (ledger.Cursor{}) {
			return all
		}
		require.Len(t, page.Transactions, limit)
		after = page.Next
	}
}

// lines returns a user's history of that many lines, as "debit 40 pending".
func (b *books) lines(t *testing.T, user string, count int) (lines []string) {
	t.Helper()
	for _, row := range b.history(t, user, count, 100) {
		lines = append(lines, fmt.Sprintf("%s%s %s %s", row.Type, row.End, row.Amount, row.Status))
	}
	return lines
}

// atOnce calls f n times at once and returns the errors.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { errs[i] = f(i) })
	}
	calls.Wait()
	return errs
}
