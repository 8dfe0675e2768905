package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// recordedAs returns a request's first row, posted an hour ago.
func recordedAs(t *testing.T, r ledger.Request) ledger.Transaction {
	t.Helper()
	p, err := ledger.NewPosting(r, noon.Add(-time.Hour))
	require.NoError(t, err)
	return p.Rows[0]
}

// postOn posts a request whose key is recorded for a transaction.
func postOn(t *testing.T, recorded ledger.Transaction, r ledger.Request) (ledger.Result, error) {
	t.Helper()
	store := wrongStore{err: &ledger.RecordedError{Recorded: recorded}}
	return ledger.New(store, func() time.Time { return noon }).Post(t.Context(), r)
}

func TestReplayOfEntries(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1 debit 10", "1 debit 10, 2 credit 10", "1 credit 1, 1 credit 1, 1 credit 2"} {
		r := ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, text), Metadata: metadata(t, map[string]string{"a": "1", "b": "2"})}
		recorded := recordedAs(t, r)
		again := r
		again.Metadata = metadata(t, map[string]string{"b": "2", "a": "1"})
		again.Entries = slices.Clone(r.Entries)
		amount, err := ledger.ParseAmount("00" + r.Entries[0].Amount.String() + ".00")
		require.NoError(t, err)
		again.Entries[0].Amount = amount
		result, err := postOn(t, recorded, again)
		require.NoError(t, err, text)
		assert.Equal(t, ledger.Result{Transaction: recorded, Replayed: true}, result, text)

		// A replay of a decline has its entry and balance.
		recorded.Status, recorded.DeclinedEntry, recorded.BalanceSeen = ledger.Declined, len(r.Entries)-1, ledger.DefaultSettings().Opening
		result, err = postOn(t, recorded, again)
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined, text)
		assert.Zero(t, result)
		assert.Equal(t, ledger.Result{Transaction: recorded, Replayed: true}, declined.Result, text)
	}
}

func TestReuseOfEntries(t *testing.T) {
	t.Parallel()
	type differs = ledger.KeyReusedError
	for _, c := range []struct {
		first, again string
		want         differs
	}{
		// One entry again: compared by type and amount.
		{"1 debit 10", "1 credit 10", differs{TypeDiffers: true}},
		{"1 debit 10", "1 debit 10.01", differs{AmountDiffers: true}},
		{"1 debit 10", "1 credit 11", differs{TypeDiffers: true, AmountDiffers: true}},
		// One entry and several: compared as a whole.
		{"1 debit 10", "1 debit 10, 2 credit 10", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 10", "1 debit 10", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 10", "1 credit 11", differs{EntriesDiffer: true}},
		// Several entries differ by order, number, user, type or amount.
		{"1 debit 10, 2 credit 9, 3 credit 1", "1 debit 10, 3 credit 1, 2 credit 9", differs{EntriesDiffer: true}},
		{"1 debit 10, 1 credit 9", "1 credit 9, 1 debit 10", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 9, 3 credit 1", "1 debit 10, 2 credit 9", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 9", "1 debit 10, 2 credit 9, 2 credit 1", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 10", "1 debit 10, 3 credit 10", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 10", "1 debit 10, 2 debit 10", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 10", "1 debit 10, 2 credit 10.01", differs{EntriesDiffer: true}},
		{"1 credit 10", "1 credit 5, 1 credit 5", differs{EntriesDiffer: true}}, // although the sums are equal
	} {
		for _, status := range []ledger.Status{ledger.Posted, ledger.Declined} {
			recorded := recordedAs(t, ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, c.first)})
			recorded.Status = status
			again := ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, c.again)}
			want := c.want
			reused(t, recorded, again, want)

			again.Metadata = metadata(t, map[string]string{"order": "7"})
			want.MetadataDiffers = true
			reused(t, recorded, again, want)
		}
	}
}

func TestReuseOfMetadata(t *testing.T) {
	t.Parallel()
	order := metadata(t, map[string]string{"order": "7"})
	for _, text := range []string{"1 debit 10", "1 debit 10, 2 credit 10"} {
		for _, c := range []struct{ first, again ledger.Metadata }{
			{order, ledger.Metadata{}},
			{ledger.Metadata{}, order},
			{order, metadata(t, map[string]string{"order": "8"})},
			{order, metadata(t, map[string]string{"Order": "7"})},
			{order, metadata(t, map[string]string{"order": "7", "note": ""})},
		} {
			recorded := recordedAs(t, ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, text), Metadata: c.first})
			reused(t, recorded, ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, text), Metadata: c.again}, ledger.KeyReusedError{MetadataDiffers: true})
		}
	}
}

func reused(t *testing.T, recorded ledger.Transaction, again ledger.Request, want ledger.KeyReusedError) {
	t.Helper()
	result, err := postOn(t, recorded, again)
	var got *ledger.KeyReusedError
	require.ErrorAs(t, err, &got, "%v after %v", again.Entries, recorded.AllEntries())
	require.ErrorIs(t, err, ledger.ErrKeyReused)
	assert.Equal(t, want, *got, "%v after %v", again.Entries, recorded.AllEntries())
	assert.Zero(t, result)
}
