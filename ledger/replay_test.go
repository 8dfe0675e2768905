package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// postOn posts a request whose key is already used for the recorded transaction.
func postOn(t *testing.T, recorded ledger.Transaction, r ledger.Request) (ledger.Result, error) {
	t.Helper()
	s := &script{answers: []error{&ledger.RecordedError{Recorded: recorded}}}
	return s.at(noon).Post(t.Context(), r)
}

// The same request in any notation is a replay. For a different request with the same key,
// the error names all differences.
func TestRepeatedKey(t *testing.T) {
	t.Parallel()
	type differs = ledger.KeyReusedError
	order := metadata(t, members{"order": "7", "item": "1"})
	for _, c := range []struct {
		first, again string
		want         differs
	}{
		{"1 debit 10", "1 debit 0010.00", differs{}},
		{"1 debit 10, 2 credit 10", "1 debit 10.0, 2 credit 10", differs{}},
		{"1 credit 1, 1 credit 2", "1 credit 1, 1 credit 2.0", differs{}},
		// Single entries are compared by type and amount.
		{"1 debit 10", "1 credit 10", differs{TypeDiffers: true}},
		{"1 debit 10", "1 debit 10.01", differs{AmountDiffers: true}},
		{"1 debit 10", "1 credit 11", differs{TypeDiffers: true, AmountDiffers: true}},
		// A single entry and a list of entries are compared as a whole.
		{"1 debit 10", "1 debit 10, 2 credit 10", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 10", "1 credit 11", differs{EntriesDiffer: true}},
		{"1 credit 10", "1 credit 5, 1 credit 5", differs{EntriesDiffer: true}}, // even though the sums are equal
		// Several entries can differ in order, number, user, type or amount.
		{"1 debit 10, 1 credit 9", "1 credit 9, 1 debit 10", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 9, 3 credit 1", "1 debit 10, 2 credit 9", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 10", "1 debit 10, 3 credit 10", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 10", "1 debit 10, 2 debit 10", differs{EntriesDiffer: true}},
		{"1 debit 10, 2 credit 10", "1 debit 10, 2 credit 10.01", differs{EntriesDiffer: true}},
	} {
		for _, status := range []ledger.Status{ledger.Posted, ledger.Declined} {
			for _, again := range []ledger.Metadata{metadata(t, members{"item": "1", "order": "7"}), {}, metadata(t, members{"Order": "7"})} {
				r := requestOf(t, c.first)
				r.Metadata = order
				recorded := recordedAs(t, r)
				recorded.Status, recorded.DeclinedEntry = status, len(r.Entries)-1
				r.Entries, r.Metadata = entries(t, c.again), again
				want := c.want
				want.MetadataDiffers = again != order

				result, err := postOn(t, recorded, r)
				replay := ledger.Result{Transaction: recorded, Replayed: true}
				switch {
				case want != differs{}:
					assert.Equal(t, &want, err, "%s after %s", c.again, c.first)
					require.EqualError(t, err, "idempotency key reused")
					require.ErrorIs(t, err, ledger.ErrKeyReused)
				case status == ledger.Declined:
					assert.Equal(t, &ledger.DeclinedError{Result: replay}, err, c.again)
				default:
					require.NoError(t, err, c.again)
					assert.Equal(t, replay, result, c.again)
				}
			}
		}
	}
}

// For another refund with the same key, the error names the original, or else the entries
// or the amount.
func TestRepeatedRefundKey(t *testing.T) {
	t.Parallel()
	refund := func(original string, part ledger.Part) ledger.Request {
		o := originalOf(t, "1 debit 10, 1 debit 9")
		o.ID = newID(t, "1", original)
		r := o.Request([]ledger.Part{part})
		r.IdempotencyKey = key(t, "r")
		return r
	}
	nine, eight := amount(t, "9"), amount(t, "8")
	recorded := recordedAs(t, refund("order", ledger.Part{Entry: 0, Amount: nine}))
	for _, c := range []struct {
		original string
		part     ledger.Part
		want     ledger.KeyReusedError
	}{
		{"order", ledger.Part{Entry: 0, Amount: nine}, ledger.KeyReusedError{}},
		{"order", ledger.Part{Entry: 1, Amount: nine}, ledger.KeyReusedError{EntriesDiffer: true}},
		{"order", ledger.Part{Entry: 0, Amount: eight}, ledger.KeyReusedError{AmountDiffers: true}},
		{"other", ledger.Part{Entry: 1, Amount: nine}, ledger.KeyReusedError{RefundOfDiffers: true}},
	} {
		result, err := postOn(t, recorded, refund(c.original, c.part))
		if c.want == (ledger.KeyReusedError{}) {
			require.NoError(t, err)
			assert.Equal(t, ledger.Result{Transaction: recorded, Replayed: true}, result)
		} else {
			assert.Equal(t, &c.want, err, "%v", c)
		}
	}
}

// A stored row that the ledger could never have written is a defect.
func TestReplayOfImpossibleRow(t *testing.T) {
	t.Parallel()
	r := requestOf(t, "1 debit 100")
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

// These error messages appear in the log.
func TestErrorsNameTheirReason(t *testing.T) {
	t.Parallel()
	r := requestOf(t, "1 debit 150.5")
	row := recordedAs(t, r)
	row.BalanceSeen = ledger.DefaultSettings().Opening
	id := r.TransactionID().String()
	declined := &ledger.DeclinedError{Result: ledger.Result{Transaction: row}}
	assert.EqualError(t, declined, "transaction "+id+": insufficient funds: debit of 150.5 on a balance of 100")
	assert.EqualError(t, &ledger.RecordedError{Recorded: row}, "transaction "+id+" is recorded already")
	refused := refusal(t, accounts{"1": account(t, "100"), "2": account(t, "0")})
	assert.EqualError(t, refused, "not allowed: 1 has 100 and 0 holds, 2 has 0 and 0 holds")
}
