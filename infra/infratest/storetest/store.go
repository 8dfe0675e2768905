package storetest

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

func posting(t *testing.T, r ledger.Request) ledger.Posting {
	t.Helper()
	p, err := ledger.NewPosting(r, script.Noon.Add(123*time.Millisecond))
	require.NoError(t, err)
	return p
}

// declinedRow returns a request's first row, declined because of a balance of 100.
func declinedRow(t *testing.T, r ledger.Request) ledger.Transaction {
	t.Helper()
	first := posting(t, r).Rows[0]
	first.Status, first.BalanceSeen = ledger.Declined, ledger.DefaultSettings().Opening
	return first
}

// If an id is taken, the store returns the recorded row, even if the balance is now too low.
func takenIDReturnsItsRow(t *testing.T, b *script.Script) {
	all := posting(t, infratest.Entries(t, "all", "1 debit 100", "2 credit 100"))
	more := declinedRow(t, infratest.Entries(t, "more", "1 debit 100.01"))
	require.NoError(t, b.Store.Post(t.Context(), all))
	require.NoError(t, b.Store.Decline(t.Context(), more))
	for _, first := range []ledger.Transaction{all.Rows[0], more} {
		key := first.IdempotencyKey.String()
		for _, entries := range [][]string{{"1 debit 99"}, {"1 debit 100", "2 credit 100"}, {"1 credit 1", "2 credit 1", "3 debit 1000"}} {
			again := infratest.Entries(t, key, entries...)
			for _, err := range []error{
				b.Store.Post(t.Context(), posting(t, again)),
				b.Store.Decline(t.Context(), declinedRow(t, again)),
			} {
				var recorded *ledger.RecordedError
				require.ErrorAs(t, err, &recorded, "%v", entries)
				assert.Equal(t, first, recorded.Recorded, "%v", entries)
			}
		}
	}
	b.Play(t, "1 0, 2 200, 3 100")
}

// A refusal reports whether DynamoDB can still apply an earlier attempt at the same call.
func refusalAfterEarlierAttempts(t *testing.T, b *script.Script) {
	inProgress := faults.Exception(http.StatusBadRequest, "TransactionInProgressException", "in progress")
	for i, c := range []struct {
		fault   faults.Fault // in the first attempt
		unknown bool
	}{
		{nil, false}, {faults.Conflict, false}, {faults.Throttle, false},
		{faults.LoseRequest, true}, {faults.LoseResponse, true}, {faults.CutResponse, true}, {faults.ServerError, true}, {faults.FailAfter, true},
		{inProgress, true},
	} {
		beyond := posting(t, infratest.Request(t, "1", fmt.Sprint(i), ledger.Debit, "1000"))
		b.Network.Next(c.fault)
		var refused *ledger.RefusedError
		require.ErrorAs(t, b.Store.Post(t.Context(), beyond), &refused, "%d", i)
		assert.Equal(t, c.unknown, refused.Unknown, "%d", i)
		assert.Equal(t, "100", refused.Accounts[beyond.Moves[0].UserID].Balance.String(), "%d", i)
	}
}

func cancelledCall(t *testing.T, b *script.Script) {
	r := infratest.Request(t, "1", "k", ledger.Credit, "10")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, b.Store.Post(cancelled, posting(t, r)), ledger.ErrTryAgain)
	assert.ErrorIs(t, b.Store.Decline(cancelled, declinedRow(t, r)), ledger.ErrTryAgain)
	_, err := b.Store.Account(cancelled, r.UserID())
	assert.ErrorIs(t, err, ledger.ErrTryAgain)
	_, err = b.Store.Transaction(cancelled, r.TransactionID())
	assert.ErrorIs(t, err, ledger.ErrTryAgain)
	_, err = b.Store.History(cancelled, r.UserID(), ledger.Cursor{}, 1)
	assert.ErrorIs(t, err, ledger.ErrTryAgain)
	b.Play(t, "1 100")
}

// Each row can be read by its own id, and is the same as when it was recorded.
func rowsAreReadBack(t *testing.T, b *script.Script) {
	metadata, err := ledger.NewMetadata(map[string]string{"order": "7", "note": "\u2028 <用> \"\\"})
	require.NoError(t, err)
	request := func(key string, entries ...string) ledger.Request {
		r := infratest.Entries(t, key, entries...)
		r.Metadata = metadata
		return r
	}
	several := posting(t, request("key~", "Ω debit 0.01", "Ω credit 1000000000000", "b debit 100", "Ω debit 99.99"))
	one := posting(t, request("one", "Ω debit 1"))
	refused := declinedRow(t, request("declined", "Ω debit 1", "b debit 100.01"))
	refused.DeclinedEntry = 1
	require.NoError(t, b.Store.Post(t.Context(), several))
	require.NoError(t, b.Store.Post(t.Context(), one))
	require.NoError(t, b.Store.Decline(t.Context(), refused))
	for _, want := range append(several.Rows, one.Rows[0], refused) {
		got, err := b.Store.Transaction(t.Context(), want.ID)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}
