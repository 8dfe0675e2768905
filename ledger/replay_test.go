package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// postOn posts a request whose key is recorded for a transaction.
func postOn(t *testing.T, recorded ledger.Transaction, r ledger.Request) (ledger.Result, error) {
	t.Helper()
	s := &script{answers: []error{&ledger.RecordedError{Recorded: recorded}}}
	return s.at(noon).Post(t.Context(), r)
}

func TestReplayOfEntries(t *testing.T) {
	t.Parallel()
	for first, again := range map[string]string{
		"1 debit 10": "1 debit 0010.00", "1 debit 10, 2 credit 10": "1 debit 10.0, 2 credit 10", "1 credit 1, 1 credit 2": "1 credit 1, 1 credit 2.0",
	} {
		r := requestOf(t, first, 0)
		r.Metadata = metadata(t, members{"a": "1", "b": "2"})
		recorded := recordedAs(t, r)
		r.Entries, r.Metadata = entries(t, again), metadata(t, members{"b": "2", "a": "1"})
		result, err := postOn(t, recorded, r)
		require.NoError(t, err, first)
		assert.Equal(t, ledger.Result{Transaction: recorded, Replayed: true}, result, first)

		// A replay of a decline has its entry and balance.
		recorded.Status, recorded.DeclinedEntry, recorded.BalanceSeen = ledger.Declined, len(r.Entries)-1, ledger.DefaultSettings().Opening
		_, err = postOn(t, recorded, r)
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined, first)
		assert.Equal(t, ledger.Result{Transaction: recorded, Replayed: true}, declined.Result, first)
	}
}

func TestReuseOfEntries(t *testing.T) {
	t.Parallel()
	type differs = ledger.KeyReusedError
	order := metadata(t, members{"order": "7"})
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
		{"1 debit 10", "1 debit 10", differs{}},
		{"1 debit 10, 2 credit 10", "1 debit 10, 2 credit 10", differs{}},
	} {
		for _, status := range []ledger.Status{ledger.Posted, ledger.Declined} {
			for _, metadata := range [][2]ledger.Metadata{
				{}, {order, {}}, {{}, order}, {order, metadata(t, members{"order": "8"})}, {order, metadata(t, members{"Order": "7"})},
			} {
				first, again := requestOf(t, c.first, 0), requestOf(t, c.again, 0)
				first.Metadata, again.Metadata = metadata[0], metadata[1]
				recorded := recordedAs(t, first)
				recorded.Status = status
				want := c.want
				want.MetadataDiffers = metadata[0] != metadata[1]
				if want == (differs{}) {
					continue
				}
				_, err := postOn(t, recorded, again)
				var got *ledger.KeyReusedError
				require.ErrorAs(t, err, &got, "%s after %s", c.again, c.first)
				require.EqualError(t, err, "idempotency key reused")
				require.ErrorIs(t, err, ledger.ErrKeyReused)
				assert.Equal(t, want, *got, "%s after %s", c.again, c.first)
			}
		}
	}
}

// A row under the request's id that no version wrote is a defect.
func TestReplayOfAWrongRow(t *testing.T) {
	t.Parallel()
	r := requestOf(t, "1 debit 100", 0)
	for want, change := range map[string]func(*ledger.Transaction){
		`stored with status ""`:          func(row *ledger.Transaction) { row.Status = "" },
		`stored with status "voided"`:    func(row *ledger.Transaction) { row.Status = ledger.Voided },
		"stored for another user":        func(row *ledger.Transaction) { row.UserID = ledger.UserID{} },
		"stored for another user or key": func(row *ledger.Transaction) { row.IdempotencyKey = ledger.IdempotencyKey{} },
	} {
		recorded := recordedAs(t, r)
		change(&recorded)
		result, err := postOn(t, recorded, r)
		require.ErrorContains(t, err, want)
		assert.Zero(t, result)
		for _, known := range []error{ledger.ErrInsufficientFunds, ledger.ErrBalanceLimit, ledger.ErrKeyReused, ledger.ErrTryAgain} {
			assert.NotErrorIs(t, err, known)
		}
	}
}

// The log reads these.
func TestErrorsNameTheirReason(t *testing.T) {
	t.Parallel()
	r := requestOf(t, "1 debit 150.5", 0)
	row := recordedAs(t, r)
	row.BalanceSeen = ledger.DefaultSettings().Opening
	id := r.TransactionID().String()
	declined := &ledger.DeclinedError{Result: ledger.Result{Transaction: row}}
	assert.EqualError(t, declined, "transaction "+id+": insufficient funds: debit of 150.5 on a balance of 100")
	assert.EqualError(t, &ledger.RecordedError{Recorded: row}, "transaction "+id+" is recorded already")
	refused := refusal(t, accounts{"1": account(t, "100"), "2": account(t, "0")})
	assert.EqualError(t, refused, "not allowed: 1 has 100 and 0 holds, 2 has 0 and 0 holds")
}
