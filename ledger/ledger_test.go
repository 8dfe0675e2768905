package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// wrongStore breaks the [ledger.Store] contract: it posts nothing and returns this
// error. Any other call panics.
type wrongStore struct {
	ledger.Store
	err error
}

func (s wrongStore) Post(context.Context, ledger.Posting) error { return s.err }

func request(t *testing.T, kind ledger.Type, amount string) (r ledger.Request) {
	t.Helper()
	e := ledger.Entry{Type: kind}
	var err error
	e.UserID, err = ledger.ParseUserID("1")
	require.NoError(t, err)
	e.Amount, err = ledger.ParseAmount(amount)
	require.NoError(t, err)
	r.Entries = []ledger.Entry{e}
	r.IdempotencyKey, err = ledger.ParseIdempotencyKey("1")
	require.NoError(t, err)
	return r
}

// Whatever the store's error, nothing is posted or declined.
func TestPostOnWrongStore(t *testing.T) {
	t.Parallel()
	debit := request(t, ledger.Debit, "100")
	recorded := ledger.Transaction{UserID: debit.UserID(), IdempotencyKey: debit.IdempotencyKey, Type: ledger.Debit, Amount: debit.Entries[0].Amount}
	with := func(change func(*ledger.Transaction)) error {
		changed := recorded
		change(&changed)
		return &ledger.RecordedError{Recorded: changed}
	}
	accounts := map[ledger.UserID]ledger.Account{debit.UserID(): {Balance: ledger.DefaultSettings().Opening}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&ledger.RefusedError{Accounts: accounts}, "store declined what the accounts allow: not allowed: 1 has 100 and 0 holds"},
		{&ledger.RefusedError{}, "store declined what the accounts allow"},
		{with(func(r *ledger.Transaction) {}), `stored with status ""`},
		{with(func(r *ledger.Transaction) { r.Status = "voided" }), `stored with status "voided"`},
		{with(func(r *ledger.Transaction) { r.UserID = ledger.UserID{} }), "stored for another user or key"},
		{with(func(r *ledger.Transaction) { r.IdempotencyKey = ledger.IdempotencyKey{} }), "stored for another user or key"},
	} {
		noon := func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
		result, err := ledger.New(wrongStore{err: c.err}, noon).Post(t.Context(), debit)
		require.ErrorContains(t, err, c.want)
		assert.Zero(t, result)
		for _, known := range []error{ledger.ErrInsufficientFunds, ledger.ErrBalanceLimit, ledger.ErrKeyReused, ledger.ErrTryAgain} {
			assert.NotErrorIs(t, err, known)
		}
	}
}

func TestUnknownType(t *testing.T) {
	t.Parallel()
	for _, unknown := range []ledger.Type{"", "transfer", "Credit"} {
		assert.PanicsWithValue(t, `ledger: type "`+string(unknown)+`" moves no balance`, func() {
			ledger.DefaultSettings().Opening.After(unknown, request(t, unknown, "10").Entries[0].Amount)
		})
		declined := &ledger.DeclinedError{Result: ledger.Result{Transaction: ledger.Transaction{Type: unknown}}}
		assert.NotErrorIs(t, declined, ledger.ErrBalanceLimit)
		assert.NotErrorIs(t, declined, ledger.ErrInsufficientFunds)
	}
}

func TestErrorsNameTheirReason(t *testing.T) {
	t.Parallel()
	r := request(t, ledger.Debit, "150.5")
	transaction := ledger.Transaction{
		ID: r.TransactionID(), Type: ledger.Debit, Amount: r.Entries[0].Amount, BalanceSeen: ledger.DefaultSettings().Opening,
	}
	for _, c := range []struct {
		err  error
		want string
		is   error
	}{
		{&ledger.DeclinedError{Result: ledger.Result{Transaction: transaction}},
			"transaction 47b9e303-c943-824b-a25b-f2db8fa4f6ab: insufficient funds: debit of 150.5 on a balance of 100", ledger.ErrInsufficientFunds},
		{&ledger.KeyReusedError{TypeDiffers: true}, "idempotency key reused", ledger.ErrKeyReused},
		{&ledger.RecordedError{Recorded: transaction}, "transaction 47b9e303-c943-824b-a25b-f2db8fa4f6ab is recorded already", nil},
		{&ledger.RefusedError{Accounts: map[ledger.UserID]ledger.Account{r.UserID(): {Balance: ledger.DefaultSettings().Opening}}}, "not allowed: 1 has 100 and 0 holds", nil},
	} {
		assert.EqualError(t, c.err, c.want)
		if c.is != nil {
			assert.ErrorIs(t, c.err, c.is)
		}
	}
}

// Without a trace in the context, nothing is counted.
func TestTrace(t *testing.T) {
	t.Parallel()
	var trace ledger.Trace
	ctx := ledger.WithTrace(t.Context(), &trace)
	ledger.TraceOf(ctx).Retries++
	ledger.TraceOf(t.Context()).Retries++
	assert.Equal(t, 1, trace.Retries)
	assert.Zero(t, ledger.TraceOf(t.Context()).Retries)
}
