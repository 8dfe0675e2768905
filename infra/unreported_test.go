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

// A hold's own replay after its expiry is a replay under every partial report: no
// write releases the hold that it opens.
func TestExpiredHoldReplayedByPartialReports(t *testing.T) {
	t.Parallel()
	for _, entries := range [][]string{{"1 debit 60"}, {"1 debit 60", "2 credit 60"}} {
		for _, other := range []bool{false, true} { // beside another expired hold
			partialReports([]string{"row", "balance"}, func(unreported []bool, names string) {
				onModel(t, dynamodbmodel.Moment{Unreported: unreported}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
					direct := ledger.New(books.Over(model), time.Now)
					if other {
						onceHeld(t, direct, "other", "1 debit 30")
					}
					r := infratest.Entries(t, "h", entries...)
					r.ExpiresIn = time.Second
					first, err := direct.Post(t.Context(), r)
					require.NoError(t, err)
					time.Sleep(2 * time.Minute)
					again, err := books.Ledger.Post(t.Context(), r)
					require.NoError(t, err, names)
					assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, again, names)

					r.ExpiresIn = 0
					_, err = books.Ledger.Post(t.Context(), r)
					require.ErrorIs(t, err, ledger.ErrKeyReused, names)
				})
			})
		}
	}
}

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

// "Too many holds" is not stored, so it is withheld while an attempt by the call may
// still open the hold.
func TestTooManyHoldsWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		var open []ledger.EndRequest
		for i := range ledger.MaxHolds - 1 {
			open = append(open, onceHeld(t, books.Ledger, fmt.Sprint(i), "1 debit 1"))
		}
		l, wire := lateFirst(books, model)
		r := infratest.Entries(t, "late", "1 debit 50")
		r.ExpiresIn = time.Minute
		time.AfterFunc(500*time.Millisecond, func() { onceHeld(t, books.Ledger, "sixteenth", "1 debit 1") })
		_, err := l.Post(t.Context(), r)
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.NotErrorIs(t, err, ledger.ErrTooManyHolds)

		_, err = books.Ledger.Void(t.Context(), open[0])
		require.NoError(t, err)
		wire.Settle()
		again, err := books.Ledger.Post(t.Context(), r)
		require.NoError(t, err)
		assert.True(t, again.Replayed, "the first attempt was applied")
	})
}

// The limit of a capture's receiver is not stored either, so it is withheld as well.
func TestReceiverLimitWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		books.Fill(t, "shop")
		hold := onceHeld(t, books.Ledger, "h", "1 debit 70", "shop credit 70")
		post := func(key, entry string) {
			_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, key, entry))
			assert.NoError(t, err)
		}
		l, wire := lateFirst(books, model)
		time.AfterFunc(500*time.Millisecond, func() { post("fill", "shop credit 50") })
		_, err := l.Capture(t.Context(), hold, ledger.Amount{})
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		assert.NotErrorIs(t, err, ledger.ErrBalanceLimit)

		post("room", "shop debit 50")
		wire.Settle()
		again, err := books.Ledger.Capture(t.Context(), hold, ledger.Amount{})
		require.NoError(t, err)
		assert.True(t, again.Replayed, "the first attempt was applied")
	})
}

// After an attempt with a known outcome, the refusal is the answer.
func TestTooManyHoldsAfterKnownAttempts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault faults.Fault
		want  error
	}{
		{"conflict", faults.Conflict, ledger.ErrTooManyHolds},
		{"throttled", faults.Throttle, ledger.ErrTooManyHolds},
		{"request lost", faults.LoseRequest, ledger.ErrTryAgain},
		{"response lost", faults.LoseResponse, ledger.ErrTryAgain},
		{"server error", faults.ServerError, ledger.ErrTryAgain},
		{"transaction in progress", faults.Exception(http.StatusBadRequest, "TransactionInProgressException", "in progress"), ledger.ErrTryAgain},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			for i := range ledger.MaxHolds {
				onceHeld(t, books.Ledger, fmt.Sprint(i), "1 debit 1")
			}
			r := infratest.Entries(t, "more", "1 debit 1")
			r.ExpiresIn = time.Minute
			books.Network.Next(c.fault)
			_, err := books.Ledger.Post(t.Context(), r)
			require.ErrorIs(t, err, c.want, c.name)
			_, err = books.Ledger.Post(t.Context(), r)
			require.ErrorIs(t, err, ledger.ErrTooManyHolds, "%s: another call", c.name)
		})
	}
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
		direct := ledger.New(books.Over(model), time.Now)
		entries := make([]string, ledger.MaxItems/2)
		for i := range entries {
			entries[i] = fmt.Sprintf("user-%d debit 70", i)
			onceHeld(t, direct, "h", fmt.Sprintf("user-%d debit 60", i))
		}
		time.Sleep(2 * time.Minute)
		_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", entries...))
		require.NoError(t, err)
		assert.Equal(t, "30", books.Balance(t, "user-49"))
	})
}

// A failed condition without its row does not prove a new user: the row is read
// before it declines anything.
func TestRefusalWithoutItsRow(t *testing.T) {
	t.Parallel()
	withoutRow := cancelledFor(`{"Code":"None"}`, `{"Code":"ConditionalCheckFailed"}`)
	for _, c := range []struct {
		credit, debit string // "": none
		want          string // the balance in the decline; "": posted
	}{
		{"20", "110", ""}, {"20", "120", ""}, {"20", "120.01", "120"}, {"", "100.01", "100"},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			if c.credit != "" {
				_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "credit", ledger.Credit, c.credit))
				require.NoError(t, err)
			}
			books.Network.Next(withoutRow)
			_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "debit", ledger.Debit, c.debit))
			if c.want == "" {
				require.NoError(t, err, "%+v", c)
				return
			}
			var declined *ledger.DeclinedError
			require.ErrorAs(t, err, &declined, "%+v", c)
			assert.Equal(t, c.want, declined.Result.Transaction.BalanceSeen.String(), "%+v", c)
		})
	}
}

// A new user gets a credit between the refusal and the read: the debit posts.
func TestNewUserIsCreditedAfterTheRefusal(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		direct := ledger.New(books.Over(model), time.Now)
		books.Network.Next(nil, func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			_, err := direct.Post(t.Context(), infratest.Request(t, "1", "credit", ledger.Credit, "50"))
			assert.NoError(t, err)
			return deliver()
		})
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "debit", ledger.Debit, "150"))
		require.NoError(t, err)
		assert.Equal(t, "0", books.Balance(t, "1"))
	})
}

func TestTakenIDIsRead(t *testing.T) {
	t.Parallel()
	noRow := faults.Exception(http.StatusBadRequest, "ConditionalCheckFailedException", "The conditional request failed")
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		credit, debit := infratest.Request(t, "1", "c", ledger.Credit, "10"), infratest.Request(t, "1", "d", ledger.Debit, "1000")
		first, err := books.Ledger.Post(t.Context(), credit)
		require.NoError(t, err)
		_, err = books.Ledger.Post(t.Context(), debit)
		require.ErrorIs(t, err, ledger.ErrInsufficientFunds)

		books.Network.Next(cancelledFor(`{"Code":"ConditionalCheckFailed"}`, `{"Code":"None"}`))
		again, err := books.Ledger.Post(t.Context(), credit)
		require.NoError(t, err)
		assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, again)

		balance := `{"Code":"ConditionalCheckFailed","Item":{"user_id":{"S":"1"},"balance":{"N":"110"},"version":{"N":"1"}}}`
		books.Network.Next(cancelledFor(`{"Code":"None"}`, balance), noRow)
		_, err = books.Ledger.Post(t.Context(), debit)
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined)
		assert.True(t, declined.Result.Replayed)
	})
}

// capturesUntil returns a fault that affects captures and voids, but no expiries.
// It fails the test if one of them is sent at or after the expiry.
func capturesUntil(t *testing.T, expiry time.Time, fault faults.Fault) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		body := bodyOf(t, r)
		if !strings.Contains(body, `"capture"`) && !strings.Contains(body, `"void"`) {
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
					hold := onceHeld(t, books.Ledger, "h", "1 debit 40")
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
			hold := onceHeld(t, books.Ledger, "h", "1 debit 40")
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
