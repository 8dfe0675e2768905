package infra_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// lateFirst returns a ledger whose first write gets no answer, and is applied after
// 2.5 s.
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

// These refusals are not stored, so they are withheld while an attempt by the call may
// still be applied. A late attempt is applied once there is room again.
func TestRefusalWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	capture := func(c caller) (ledger.Result, error) {
		hold := pending(c.t, "h", "1 debit 70")
		return c.Capture(c.t.Context(), ledger.EndRequest{TransactionID: hold.TransactionID()}, ledger.Amount{})
	}
	for _, c := range []struct {
		name      string
		before    func(caller)
		call      func(caller) (ledger.Result, error)
		meanwhile func(caller)
		refusal   error
		undo      func(caller) // nil: there is never room again
	}{
		{
			name:   "too many holds",
			before: func(c caller) { c.holds(ledger.MaxHolds - 1) },
			call: func(c caller) (ledger.Result, error) {
				return c.Post(c.t.Context(), pending(c.t, "late", "1 debit 50"))
			},
			meanwhile: func(c caller) { c.hold("sixteenth", "1 debit 1") },
			refusal:   ledger.ErrTooManyHolds,
			undo: func(c caller) {
				c.void(ledger.EndRequest{TransactionID: pending(c.t, "sixteenth", "1 debit 1").TransactionID()})
			},
		},
		{
			name: "the receiver's limit",
			before: func(c caller) {
				c.books.Fill(c.t, "shop")
				c.hold("h", "1 debit 70", "shop credit 70")
			},
			call:      capture,
			meanwhile: func(c caller) { c.post("fill", "shop credit 50") },
			refusal:   ledger.ErrBalanceLimit,
			undo:      func(c caller) { c.post("room", "shop debit 50") },
		},
		{
			name:      "the receiver's block",
			before:    func(c caller) { c.hold("h", "1 debit 70", "shop credit 70") },
			call:      capture,
			meanwhile: func(c caller) { c.rule("shop", "block", "credits blocked") },
			refusal:   ledger.ErrAccountBlocked,
			undo:      func(c caller) { c.rule("shop", "lift", "credits allowed") },
		},
		{
			name:   "a refund's limit",
			before: func(c caller) { saleOf(c.t, c.Ledger) },
			call: func(c caller) (ledger.Result, error) {
				return c.Post(c.t.Context(), infratest.Refund(c.t, originalOf(c.t, c.Ledger), "late", "0 1", "1 1"))
			},
			meanwhile: func(c caller) {
				_, err := c.Post(c.t.Context(), infratest.Refund(c.t, originalOf(c.t, c.Ledger), "half", "0 9.5", "1 9.5"))
				assert.NoError(c.t, err)
			},
			refusal: ledger.ErrRefundLimit,
		},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			other := usual(t, books)
			c.before(other)
			l, wire := lateFirst(books, model)
			time.AfterFunc(500*time.Millisecond, func() { c.meanwhile(other) })
			_, err := c.call(caller{t, l, books})
			require.ErrorIs(t, err, ledger.ErrTryAgain, c.name)
			assert.NotErrorIs(t, err, c.refusal, c.name)
			if c.undo != nil {
				c.undo(other)
			}
			wire.Settle()
			again, err := c.call(other)
			if c.undo == nil {
				require.ErrorIs(t, err, c.refusal, c.name)
				return
			}
			require.NoError(t, err, c.name)
			assert.True(t, again.Replayed, "%s: the first attempt was applied", c.name)
		})
	}
}

// A debit that a block declined stays declined, although its first attempt arrives
// after the block is lifted.
func TestBlockedWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		other := usual(t, books)
		l, wire := lateFirst(books, model)
		time.AfterFunc(500*time.Millisecond, func() { other.rule("1", "block", "debits blocked") })
		r := infratest.Request(t, "1", "late", ledger.Debit, "50")
		_, err := l.Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrAccountBlocked)
		other.rule("1", "lift", "debits allowed")
		wire.Settle()
		_, err = books.Ledger.Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrAccountBlocked)
		assert.Equal(t, "100", books.Balance(t, "1"))
	})
}

// failedReason matches a failed condition in the answer to a transaction.
var failedReason = regexp.MustCompile(`\{"Code":"ConditionalCheckFailed".*?"Message":"[^"]*"\}`)

// firstReason keeps only an answer's first failed condition.
func firstReason(answer string) string {
	first := true
	return failedReason.ReplaceAllStringFunc(answer, func(reason string) string {
		if first {
			first = false
			return reason
		}
		return `{"Code":"None"}`
	})
}

// Fifty users need their expired holds, and every refusal reports one user. The
// call still posts.
func TestReleasesOfFiftyReportedOneAtATime(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		books.Network.Always(faults.Rewrite(firstReason))
		direct := direct(t, books, model)
		entries := make([]string, ledger.MaxItems/2)
		for i := range entries {
			entries[i] = fmt.Sprintf("user-%d debit 70", i)
			direct.hold("h", fmt.Sprintf("user-%d debit 60", i))
		}
		time.Sleep(2 * time.Minute)
		_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", entries...))
		require.NoError(t, err)
		assert.Equal(t, "30", books.Balance(t, "user-49"))
	})
}

// capturesUntil returns a fault that affects captures and voids, but no expiries.
// It fails the test if one of them is sent at or after the expiry.
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

// A capture or void in flight at the expiry is settled within the call, by the end
// that is stored first.
func TestEndOnTheBrink(t *testing.T) {
	t.Parallel()
	silent := func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	applied := func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		_, _ = faults.LoseResponse(r, deliver) //nolint:bodyclose // it has no body
		return silent(r, nil)
	}
	for _, c := range []struct {
		name  string
		fault faults.Fault
		want  ledger.End // the stored end; "": the requested one
	}{
		{"conflicts", faults.Conflict, ledger.Expiry},
		{"throttled", faults.Throttle, ledger.Expiry},
		{"failing", faults.ServerError, ledger.Expiry},
		{"lost", faults.LoseRequest, ledger.Expiry},
		{"silent", silent, ledger.Expiry},
		{"applied, and no answer", applied, ""},
		{"applied, and the answer lost", faults.LoseResponse, ""},
	} {
		for _, before := range []time.Duration{time.Millisecond, 30 * time.Millisecond, 150 * time.Millisecond, 990 * time.Millisecond, 3 * time.Second} {
			for _, asked := range []ledger.End{ledger.Capture, ledger.Void} {
				onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
					what := fmt.Sprintf("%s, %v before, %s", c.name, before, asked)
					hold := usual(t, books).hold("h", "1 debit 40")
					time.Sleep(time.Minute - before)
					expiry := time.Now().Add(before)
					books.Network.Always(capturesUntil(t, expiry, c.fault))
					ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
					defer cancel()
					var err error
					if asked == ledger.Capture {
						_, err = books.Ledger.Capture(ctx, hold, ledger.Amount{})
					} else {
						_, err = books.Ledger.Void(ctx, hold)
					}
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

// Just before the expiry a capture is 503 only where any other call is: if the
// call's own time runs out, or DynamoDB fails the expiry too.
func TestEndOnTheBrinkInVain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fault  faults.Fault
		within time.Duration // the call's time, which starts 150 ms before the expiry
		want   time.Duration // how long it takes
	}{
		{"no time for another attempt", faults.Conflict, 140 * time.Millisecond, 20 * time.Millisecond},
		{"the expiry fails, too", faults.ServerError, 450 * time.Millisecond, (150 + 25 + 50 + 100) * time.Millisecond},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			hold := usual(t, books).hold("h", "1 debit 40")
			time.Sleep(time.Minute - 150*time.Millisecond)
			store := books.Over(first(1000, "TransactWriteItems", c.fault).Before(model), infra.WithJitter(longest))
			ctx, cancel := context.WithTimeout(t.Context(), c.within)
			defer cancel()
			began := time.Now()
			_, err := ledger.New(store, time.Now).Capture(ctx, hold, ledger.Amount{})
			require.ErrorIs(t, err, ledger.ErrTryAgain, c.name)
			assert.Equal(t, c.want, time.Since(began), c.name)
		})
	}
}
