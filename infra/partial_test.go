package infra_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// partialReports calls f with each choice of conditions that DynamoDB does not
// report, and with their names.
func partialReports(conditions []string, f func(unreported []bool, names string)) {
	for bits := range 1 << len(conditions) {
		unreported, names := make([]bool, len(conditions)), []string{}
		for i, name := range conditions {
			if unreported[i] = bits>>i&1 == 1; unreported[i] {
				names = append(names, name)
			}
		}
		f(unreported, fmt.Sprintf("unreported: %q", names))
	}
}

// A replay is a replay under every partial report: by the returned first row, by
// reading it, or by the decline that finds the id taken.
func TestReplayByPartialReports(t *testing.T) {
	t.Parallel()
	partialReports([]string{"first row", "b's row", "shop's row", "a's balance", "b's balance", "shop's balance"}, func(unreported []bool, names string) {
		onModel(t, dynamodbmodel.Moment{Unreported: unreported}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			r := infratest.Entries(t, "k", "a debit 100", "b credit 99", "shop credit 1")
			first, err := ledger.New(books.Over(model), time.Now).Post(t.Context(), r)
			require.NoError(t, err)

			// The replay fails the rows' conditions, and the one on a's balance.
			want := []string{"TransactWriteItems"}
			switch {
			case !unreported[0] || unreported[1] && unreported[2] && unreported[3]: // without any left, all are reported
			case !unreported[1] || !unreported[2]:
				want = append(want, "GetItem")
			default:
				want = append(want, "PutItem")
			}
			again, err := books.Ledger.Post(t.Context(), r)
			require.NoError(t, err, names)
			assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, again, names)
			assert.Equal(t, want, books.Network.Requests(), names)

			_, err = books.Ledger.Post(t.Context(), infratest.Entries(t, "k", "a debit 101", "b credit 99", "shop credit 1"))
			var reused *ledger.KeyReusedError
			require.ErrorAs(t, err, &reused, names)
			assert.Equal(t, ledger.KeyReusedError{EntriesDiffer: true}, *reused, names)
		})
	})
}

// Under every partial report a decline names a balance that does not allow the
// transaction, for ever.
func TestDeclineByPartialReports(t *testing.T) {
	t.Parallel()
	const rows = 4
	partialReports([]string{"a's balance", "b's balance", "c's balance"}, func(unreported []bool, names string) {
		moment := dynamodbmodel.Moment{Unreported: append(make([]bool, rows), unreported...)}
		onModel(t, moment, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			r := infratest.Entries(t, "k", "a credit 1", "b debit 101", "c debit 60", "c debit 60")
			place, balance := 1, "100"
			if unreported[1] && !unreported[2] {
				place, balance = 3, "40"
			}
			for _, replayed := range []bool{false, true} {
				_, err := books.Ledger.Post(t.Context(), r)
				var declined *ledger.DeclinedError
				require.ErrorAs(t, err, &declined, names)
				require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
				assert.Equal(t, replayed, declined.Result.Replayed, names)
				assert.Equal(t, place, declined.Result.Transaction.DeclinedEntry, names)
				assert.Equal(t, balance, declined.Result.Transaction.BalanceSeen.String(), names)
			}
			assert.Equal(t, "100", books.Balance(t, "a"))
		})
	})
}

// A taken id is the answer at once, even if another write in the transaction contends.
func TestTakenIDOfEntriesBesideContention(t *testing.T) {
	t.Parallel()
	for position := 1; position < 6; position++ {
		for _, reason := range []string{"TransactionConflict", "ThrottlingError"} {
			refusals := make([]string, 6)
			refusals[position] = reason
			onModel(t, dynamodbmodel.Moment{Refusals: refusals}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
				r := infratest.Entries(t, "k", "a debit 100", "b credit 99", "shop credit 1")
				_, err := ledger.New(books.Over(model), time.Now).Post(t.Context(), r)
				require.NoError(t, err)
				again, err := books.Ledger.Post(t.Context(), r)
				require.NoError(t, err, "%v", refusals)
				assert.True(t, again.Replayed, "%v", refusals)
				assert.Equal(t, []string{"TransactWriteItems"}, books.Network.Requests(), "%v", refusals)
			})
		}
	}
}

// While any write contends, neither a balance nor a taken further row is an answer:
// nothing is read and nothing is declined.
func TestConditionsOfEntriesBesideContention(t *testing.T) {
	t.Parallel()
	for position := range 6 {
		refusals := make([]string, 6)
		refusals[position] = "TransactionConflict"
		for _, taken := range []bool{false, true} {
			moment := dynamodbmodel.Moment{Refusals: refusals, Unreported: []bool{true}}
			onModel(t, moment, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
				r := infratest.Entries(t, "k", "a debit 100", "b credit 99", "shop credit 1")
				if taken {
					_, err := ledger.New(books.Over(model), time.Now).Post(t.Context(), r)
					require.NoError(t, err)
				} else {
					r = infratest.Entries(t, "k", "a debit 1000", "b debit 1000", "shop debit 1000")
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := books.Ledger.Post(ctx, r)
				require.ErrorIs(t, err, ledger.ErrTryAgain, "%v", refusals)
				for _, request := range books.Network.Requests() {
					assert.Equal(t, "TransactWriteItems", request, "%v", refusals)
				}
			})
		}
	}
}

// A further row without its first row is damage: no replay, no decline, and no
// reason to try again.
func TestFurtherRowWithoutItsFirst(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	r := infratest.Entries(t, "1", "1 debit 10", "2 credit 10")
	stray := with(furtherRow(), "id", s(r.TransactionID().Entry(1).String()))
	put(t, books, books.Config.TransactionsTable, stray)
	books.Network.Requests()
	for _, entries := range [][]string{{"1 debit 10", "2 credit 10"}, {"1 debit 1000", "2 credit 1000"}} {
		_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "1", entries...))
		defect(t, err, "a row of transaction "+rowID+" is there without its first")
		assert.Equal(t, []string{"TransactWriteItems", "GetItem"}, books.Network.Requests())
	}
	assert.Equal(t, "100", books.Balance(t, "1"))
	remove(t, books, books.Config.TransactionsTable, "id", stray)
}

// The first row can't be read, for some time or because it is damaged.
func TestFirstRowIsNotRead(t *testing.T) {
	t.Parallel()
	const none, failed = `{"Code":"None"}`, `{"Code":"ConditionalCheckFailed"}`
	for _, c := range []struct {
		name  string
		fault faults.Fault
		check func(*testing.T, error)
	}{
		{"lost", faults.LoseRequest, func(t *testing.T, err error) { require.ErrorIs(t, err, ledger.ErrTryAgain) }},
		{"damaged", faults.Rewrite(func(string) string { return `{"Item":{"id":{"S":"1"}}}` }), func(t *testing.T, err error) { defect(t, err, "user_id: is missing") }},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			books.Network.Next(cancelledFor(none, failed, none, none))
			books.Network.Always(c.fault)
			_, err := books.Ledger.Post(ctx, infratest.Entries(t, "k", "a debit 10", "b credit 10"))
			c.check(t, err)
			assert.NotContains(t, books.Network.Requests(), "PutItem", c.name)
			books.Network.Always(nil)
		})
	}
}

// Reasons that a posting with several entries can't have are a defect, whatever
// conditions are beside them: nothing is read and nothing is declined.
func TestReasonsOfEntriesThatCannotBe(t *testing.T) {
	t.Parallel()
	const none, failed, invalid = `{"Code":"None"}`, `{"Code":"ConditionalCheckFailed"}`, `{"Code":"ValidationError"}`
	for _, reasons := range [][]string{
		{none, none, none, none}, {none, failed}, {none, failed, failed}, {none, none, failed, failed, failed}, {failed, none, none},
		{none, failed, invalid, none}, {none, none, failed, invalid}, {none, invalid, failed, failed}, {none, `{}`, failed, none},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			books.Network.Next(cancelledFor(reasons...))
			_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", "a debit 1000", "b credit 1000"))
			defect(t, err, "TransactionCanceledException")
			assert.Equal(t, []string{"TransactWriteItems"}, books.Network.Requests(), "%v", reasons)
		})
	}
}

// A reported balance declines nothing if it allows all its user's entries.
func TestDeclineOfEntriesThatTheBalancesAllow(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		row := func(user, balance string) string {
			return fmt.Sprintf(`{"Code":"ConditionalCheckFailed","Item":{"user_id":{"S":%q},"balance":{"N":%q},"version":{"N":"1"}}}`, user, balance)
		}
		none := `{"Code":"None"}`
		books.Network.Next(cancelledFor(none, none, none, row("a", "50"), row("b", "50")))
		_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", "b credit 10", "a debit 50", "b debit 60"))
		defect(t, err, "store declined what the accounts allow: not allowed: a has 50 and 0 holds, b has 50 and 0 holds")
		assert.Equal(t, []string{"TransactWriteItems"}, books.Network.Requests())
	})
}

// onceHeld posts a hold to the model without faults, and returns the request that
// ends it.
func onceHeld(t *testing.T, l *ledger.Ledger, key string, entries ...string) ledger.EndRequest {
	t.Helper()
	r := infratest.Entries(t, key, entries...)
	r.ExpiresIn = time.Minute
	_, err := l.Post(t.Context(), r)
	require.NoError(t, err)
	return ledger.EndRequest{TransactionID: r.TransactionID()}
}

// The same end again is a replay under every partial report, even if the receiver's
// balance is now at the limit.
func TestEndReplayedByPartialReports(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		books.Fill(t, "shop")
		partialReports([]string{"end", "credit", "payer's balance", "receiver's balance"}, func(unreported []bool, names string) {
			l := ledger.New(books.Over(model.At(dynamodbmodel.Moment{Unreported: unreported})), time.Now)
			hold := onceHeld(t, books.Ledger, names, "1 debit 70", "shop credit 70")
			first, err := books.Ledger.Capture(t.Context(), hold, ledger.Amount{})
			require.NoError(t, err)

			again, err := l.Capture(t.Context(), hold, ledger.Amount{})
			require.NoError(t, err, names)
			assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, again, names)
			_, err = l.Void(t.Context(), hold)
			require.ErrorIs(t, err, ledger.ErrHoldEnded, names)

			_, err = books.Ledger.Post(t.Context(), infratest.Entries(t, "back "+names, "shop debit 70", "1 credit 70"))
			require.NoError(t, err)
		})
	})
}

// A hold again is a replay under every partial report, even if the user has too
// many.
func TestHoldReplayedByPartialReports(t *testing.T) {
	t.Parallel()
	partialReports([]string{"row", "balance"}, func(unreported []bool, names string) {
		onModel(t, dynamodbmodel.Moment{Unreported: unreported}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			direct := ledger.New(books.Over(model), time.Now)
			for i := range ledger.MaxHolds {
				onceHeld(t, direct, fmt.Sprint(i), "1 debit 1")
			}
			_, err := direct.Void(t.Context(), ledger.EndRequest{TransactionID: infratest.Entries(t, "1", "1 debit 1").TransactionID()})
			require.NoError(t, err)
			onceHeld(t, direct, "in its place", "1 debit 1")
			for _, key := range []string{"0", "1"} { // one open, one ended
				r := infratest.Entries(t, key, "1 debit 1")
				r.ExpiresIn = time.Minute
				again, err := books.Ledger.Post(t.Context(), r)
				require.NoError(t, err, names)
				assert.True(t, again.Replayed, names)
			}
		})
	})
}

// A hold that becomes spendable during the first attempt is released. It declines
// nothing.
func TestHoldExpiresUnderWay(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		onceHeld(t, books.Ledger, "1", "1 debit 40")
		const grace = time.Second
		time.Sleep(time.Minute + grace - time.Millisecond)
		books.Network.Next(func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			time.Sleep(time.Millisecond)
			return deliver()
		})
		_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", "1 debit 90"))
		require.NoError(t, err)
		assert.Equal(t, "10", books.Balance(t, "1"))
	})
}

// Another caller ends a hold just before the write that would release it. Under
// every partial report the call counts the remaining money.
func TestReleaseOfWhatHasEndedByPartialReports(t *testing.T) {
	t.Parallel()
	for _, captured := range []bool{false, true} {
		partialReports([]string{"row", "first end", "second end", "balance"}, func(unreported []bool, names string) {
			onModel(t, dynamodbmodel.Moment{Unreported: unreported}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
				slow := time.Now()
				other := ledger.New(books.Over(model), func() time.Time { return slow }) // its clock stands still
				holds := []ledger.EndRequest{onceHeld(t, other, "1", "1 debit 40"), onceHeld(t, other, "2", "1 debit 40")}
				time.Sleep(time.Minute + time.Second)
				before := func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
					var err error
					if captured {
						_, err = other.Capture(t.Context(), holds[0], ledger.Amount{})
					} else {
						_, err = other.Void(t.Context(), holds[0])
					}
					assert.NoError(t, err)
					return deliver()
				}
				books.Network.Next(nil, before)
				_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", "1 debit 90"))
				if !captured {
					require.NoError(t, err, names)
					assert.Equal(t, "10", books.Balance(t, "1"), names)
					return
				}
				var declined *ledger.DeclinedError
				require.ErrorAs(t, err, &declined, names)
				assert.Equal(t, "60", declined.Result.Transaction.BalanceSeen.String(), names)
			})
		})
	}
}

// Two payers' holds end just before the write that would release both, and only their
// ends are reported as taken. The call reads each payer's own account: each has enough
// left, and would not have enough in the other's place.
func TestReleasesOfTwoThatHaveEnded(t *testing.T) {
	t.Parallel()
	for _, entries := range [][]string{{"a debit 30", "b debit 70", "c credit 100"}, {"b debit 70", "a debit 30", "c credit 100"}} {
		unreported := []bool{true, true, true, false, false, true, true, true} // entries, ends, moves
		onModel(t, dynamodbmodel.Moment{Unreported: unreported}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			slow := time.Now()
			other := ledger.New(books.Over(model), func() time.Time { return slow }) // its clock stands still
			a, b := onceHeld(t, other, "1", "a debit 80"), onceHeld(t, other, "1", "b debit 60")
			time.Sleep(time.Minute + time.Second)
			books.Network.Next(nil, func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
				most, err := ledger.ParseAmount("60")
				assert.NoError(t, err)
				_, err = other.Capture(t.Context(), a, most) // leaves 40
				assert.NoError(t, err)
				_, err = other.Void(t.Context(), b) // leaves 100
				assert.NoError(t, err)
				return deliver()
			})
			_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", entries...))
			require.NoError(t, err, "%v", entries)
			assert.Equal(t, "10", books.Balance(t, "a"))
			assert.Equal(t, "30", books.Balance(t, "b"))
		})
	}
}

// Two payers need their expired holds, one of them perhaps only after the first
// attempt. Under every partial report one write releases both.
func TestReleasesOfTwoByPartialReports(t *testing.T) {
	t.Parallel()
	for _, drained := range []bool{false, true} {
		partialReports([]string{"a's row", "b's row", "c's row", "end", "a's balance", "b's balance", "c's balance"}, func(unreported []bool, names string) {
			onModel(t, dynamodbmodel.Moment{Unreported: unreported}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
				other := ledger.New(books.Over(model), time.Now)
				post := func(key, entry string) {
					_, err := other.Post(t.Context(), infratest.Entries(t, key, entry))
					assert.NoError(t, err)
				}
				onceHeld(t, other, "1", "a debit 60")
				onceHeld(t, other, "1", "b debit 60")
				time.Sleep(time.Minute + time.Second)
				if drained {
					post("2", "b credit 50")
					books.Network.Next(nil, func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
						post("3", "b debit 50")
						return deliver()
					})
				}
				_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", "a debit 70", "b debit 70", "c credit 140"))
				require.NoError(t, err, names)
				for user, balance := range map[string]string{"a": "30", "b": "30", "c": "240"} {
					assert.Equal(t, balance, books.Balance(t, user), "%s: %s", names, user)
				}
			})
		})
	}
}

// A hold is captured in time during another caller's request. When the answer arrives,
// that caller's clock takes the hold for spendable. The old answer proves nothing then:
// the caller reads again and gets the capture.
func TestHoldIsCapturedWhileAnAnswerIsUnderWay(t *testing.T) {
	t.Parallel()
	const ahead, back = 450 * time.Millisecond, 950 * time.Millisecond // within the grace, one second
	for name, c := range map[string]struct {
		slow int // the slow request's number
		ask  func(*testing.T, *ledger.Ledger, ledger.TransactionID) (any, error)
		told any
	}{
		"the transaction": {2, func(t *testing.T, l *ledger.Ledger, id ledger.TransactionID) (any, error) {
			read, err := l.Transaction(t.Context(), id)
			return read.Status, err
		}, ledger.Pending},
		"the balance": {1, func(t *testing.T, l *ledger.Ledger, _ ledger.TransactionID) (any, error) {
			user, err := ledger.ParseUserID("1")
			require.NoError(t, err)
			funds, err := l.Balance(t.Context(), user)
			return funds.Balance.String() + " and " + funds.Held.String(), err
		}, "60 and 0"},
		"a decline": {1, func(t *testing.T, l *ledger.Ledger, _ ledger.TransactionID) (any, error) {
			_, err := l.Post(t.Context(), infratest.Entries(t, "2", "1 debit 200"))
			var declined *ledger.DeclinedError
			require.ErrorAs(t, err, &declined)
			return declined.Result.Transaction.BalanceSeen.String(), nil
		}, "60"},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			hold := onceHeld(t, books.Ledger, "1", "1 debit 40")
			time.Sleep(time.Minute - 400*time.Millisecond)
			sent := 0
			wire := faults.NewWire(func() faults.Delivery {
				d := faults.Delivery{To: model}
				if sent++; sent == c.slow {
					d.Back = back
				}
				return d
			})
			other := ledger.New(books.Over(wire), func() time.Time { return time.Now().Add(ahead) })
			var captured sync.WaitGroup
			captured.Go(func() {
				time.Sleep(100 * time.Millisecond)
				_, err := books.Ledger.Capture(t.Context(), hold, ledger.Amount{})
				assert.NoError(t, err, name)
			})
			told, err := c.ask(t, other, hold.TransactionID)
			require.NoError(t, err, name)
			assert.Equal(t, c.told, told, name)
			captured.Wait()
		})
	}
}
