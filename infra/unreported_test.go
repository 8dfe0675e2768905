package infra_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

// lateFirst returns a ledger whose first write is applied after 2.5 s, and gets no answer.
func lateFirst(books *infratest.Books, model *dynamodbmodel.Model) (*ledger.Ledger, *faults.Wire) {
	wire := faults.NewWire(func() faults.Delivery { return faults.Delivery{To: model, Out: 2500 * time.Millisecond, Silent: true} })
	late := true
	route := faults.Fault(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if late && faults.Operation(r) == "TransactWriteItems" {
			late = false
			return wire.RoundTrip(r)
		}
		return deliver()
	})
	return ledger.New(books.Over(route.Before(model)), time.Now), wire
}

// The refusals in this table are not stored. So while an earlier attempt at the same call
// may still be applied, the call returns ErrTryAgain instead of the refusal. That attempt
// is applied if the reason for the refusal is gone when it arrives.
func TestRefusalWhileAnAttemptIsInFlight(t *testing.T) {
	t.Parallel()
	const order = "h: hold 1 debit 70, shop credit 70"
	for _, c := range []struct {
		before, call, meanwhile string
		refusal                 error
		undo                    string // removes the reason for the refusal; "" if nothing can
	}{
		{script.Holds(ledger.MaxHolds-1, "1 debit 1"), "late: hold 1 debit 50", "sixteenth: hold 1 debit 1",
			ledger.ErrTooManyHolds, "v: void sixteenth"},
		{"fill shop;" + order, "late: capture h", "more: shop credit 50", ledger.ErrBalanceLimit, "room: shop debit 50"},
		{order, "late: capture h", "block: rules shop credits blocked", ledger.ErrAccountBlocked, "lift: rules shop credits allowed"},
		{sale, "late: refund sale 0 1, 1 1", "half: refund sale 0 9.5, 1 9.5", ledger.ErrRefundLimit, ""},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			other := script.InTime(books)
			other.Play(t, c.before)
			l, wire := lateFirst(books, model)
			time.AfterFunc(500*time.Millisecond, func() { other.Play(t, c.meanwhile) })
			_, err := other.By(l).Send(t.Context(), t, c.call)
			require.ErrorIs(t, err, ledger.ErrTryAgain, c.call)
			assert.NotErrorIs(t, err, c.refusal, c.call)
			other.Play(t, c.undo)
			wire.Settle()
			again, err := other.Send(t.Context(), t, "late")
			if c.undo == "" {
				require.ErrorIs(t, err, c.refusal, c.call)
				return
			}
			require.NoError(t, err, c.call)
			assert.True(t, again.Replayed, "%s: the first attempt was applied", c.call)
		})
	}
}

// A debit that a block declined stays declined, even if its first attempt arrives after the
// block is lifted.
func TestBlockWhileAnAttemptIsInFlight(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		other := script.InTime(books)
		l, wire := lateFirst(books, model)
		time.AfterFunc(500*time.Millisecond, func() { other.Play(t, "block: rules 1 debits blocked") })
		other.By(l).Play(t, "late: 1 debit 50 = account blocked: entry 0 on 100")
		other.Play(t, "lift: rules 1 debits allowed")
		wire.Settle()
		other.Play(t, "late; 1 100")
	})
}

// capturesUntil returns a fault that applies the given fault to captures and voids only. It
// fails the test if a capture or void is sent at or after the expiry.
func capturesUntil(t *testing.T, expiry time.Time, fault faults.Fault) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		body, err := faults.Body(r)
		if err != nil || !strings.Contains(string(body), `"capture"`) && !strings.Contains(string(body), `"void"`) {
			return deliver()
		}
		assert.True(t, time.Now().Before(expiry), "sent at %v, which is not before %v", time.Now(), expiry)
		return fault(r, deliver)
	}
}

// A capture or void that is in flight at the expiry is settled within the call. The call
// returns the end that is stored first.
func TestEndAtTheExpiry(t *testing.T) {
	t.Parallel()
	silent := func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	applied := func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		_, _ = faults.LoseResponse(r, deliver) //nolint:bodyclose // a lost response has no body
		return silent(r, nil)
	}
	for _, c := range []struct {
		name  string
		fault faults.Fault
		want  ledger.End // the stored end; "" means the requested one
	}{
		{"conflicts", faults.Conflict, ledger.Expiry},
		{"throttled", faults.Throttle, ledger.Expiry},
		{"failing", faults.ServerError, ledger.Expiry},
		{"lost", faults.LoseRequest, ledger.Expiry},
		{"silent", silent, ledger.Expiry},
		{"applied, no answer", applied, ""},
		{"applied, answer lost", faults.LoseResponse, ""},
	} {
		for _, before := range []time.Duration{time.Millisecond, 30 * time.Millisecond, 150 * time.Millisecond, 990 * time.Millisecond, 3 * time.Second} {
			for _, asked := range []string{"capture", "void"} {
				onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
					what := fmt.Sprintf("%s, %v before, %s", c.name, before, asked)
					call := script.InTime(books)
					call.Play(t, "h: hold 1 debit 40;"+(time.Minute-before).String())
					expiry := time.Now().Add(before)
					books.Network.Always(capturesUntil(t, expiry, c.fault))
					ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
					defer cancel()
					_, err := call.Send(ctx, t, "e: "+asked+" h")
					if c.want == "" {
						require.NoError(t, err, what)
						return
					}
					var ended *ledger.HoldEndedError
					require.ErrorAs(t, err, &ended, what)
					assert.Equal(t, c.want, ended.End.End, what)
					assert.False(t, time.Now().Before(expiry), what)
				})
			}
		}
	}
}

// Just before the expiry a capture returns ErrTryAgain only if the call's time runs out, or
// if DynamoDB also fails to write the expiry.
func TestEndAtTheExpiryFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fault  faults.Fault
		within time.Duration // the time limit of the call, which starts 150 ms before the expiry
		want   time.Duration // how long the call takes
	}{
		{"no time for another attempt", faults.Conflict, 140 * time.Millisecond, 20 * time.Millisecond},
		{"the expiry fails as well", faults.ServerError, 450 * time.Millisecond, (150 + 25 + 50 + 100) * time.Millisecond},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			call := script.InTime(books)
			call.Play(t, "h: hold 1 debit 40; 59.85s")
			store := books.Over(first(1000, "TransactWriteItems", c.fault).Before(model), infra.WithJitter(longest))
			ctx, cancel := context.WithTimeout(t.Context(), c.within)
			defer cancel()
			began := time.Now()
			_, err := call.By(ledger.New(store, time.Now)).Send(ctx, t, "c: capture h")
			require.ErrorIs(t, err, ledger.ErrTryAgain, c.name)
			assert.Equal(t, c.want, time.Since(began), c.name)
		})
	}
}
