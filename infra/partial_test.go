package infra_test

import (
	"errors"
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

// caller makes calls that must succeed.
type caller struct {
	t *testing.T
	*ledger.Ledger
	books *infratest.Books
}

// usual returns a caller over the books' network.
func usual(t *testing.T, books *infratest.Books) caller { return caller{t, books.Ledger, books} }

func (c caller) post(key string, entries ...string) ledger.Transaction {
	c.t.Helper()
	result, err := c.Post(c.t.Context(), infratest.Entries(c.t, key, entries...))
	assert.NoError(c.t, err, key)
	return result.Transaction
}

// hold posts a hold for a minute, and returns the request that ends it.
func (c caller) hold(key string, entries ...string) ledger.EndRequest {
	c.t.Helper()
	r := pending(c.t, key, entries...)
	_, err := c.Post(c.t.Context(), r)
	assert.NoError(c.t, err, key)
	return ledger.EndRequest{TransactionID: r.TransactionID()}
}

// holds posts that many holds of 1 for user 1.
func (c caller) holds(count int) {
	c.t.Helper()
	for i := range count {
		c.hold(fmt.Sprint("hold-", i), "1 debit 1")
	}
}

func (c caller) void(hold ledger.EndRequest) {
	c.t.Helper()
	_, err := c.Void(c.t.Context(), hold)
	assert.NoError(c.t, err)
}

func (c caller) capture(hold ledger.EndRequest, amount ledger.Amount) {
	c.t.Helper()
	_, err := c.Capture(c.t.Context(), hold, amount)
	assert.NoError(c.t, err)
}

func (c caller) rule(user, key string, changes ...string) {
	c.t.Helper()
	_, err := c.ChangeRules(c.t.Context(), infratest.Rules(c.t, user, key, changes...))
	assert.NoError(c.t, err, key)
}

// pending returns the request for a hold that lasts a minute.
func pending(t *testing.T, key string, entries ...string) ledger.Request {
	t.Helper()
	r := infratest.Entries(t, key, entries...)
	r.ExpiresIn = time.Minute
	return r
}

// direct returns a caller on the model whose requests meet no faults.
func direct(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) caller {
	return caller{t, ledger.New(books.Over(model), time.Now), books}
}

// onPartialReports runs f once for each choice of conditions that DynamoDB does not
// report, among those of a transaction's first writes.
func onPartialReports(t *testing.T, conditions int, f func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model)) {
	t.Helper()
	for bits := range 1 << conditions {
		unreported := make([]bool, conditions)
		for i := range unreported {
			unreported[i] = bits>>i&1 == 1
		}
		t.Run(fmt.Sprintf("unreported %0*b", conditions, bits), func(t *testing.T) { // the first condition is the last digit
			onModel(t, dynamodbmodel.Moment{Unreported: unreported}, f)
		})
	}
}

// A replay is a replay under every partial report, although the call could not be made
// any more.
func TestReplayByPartialReports(t *testing.T) {
	t.Parallel()
	type call func(caller) (ledger.Result, error)
	posts := func(entries ...string) call {
		return func(c caller) (ledger.Result, error) {
			return c.Post(c.t.Context(), infratest.Entries(c.t, "k", entries...))
		}
	}
	holds := func(entries ...string) call {
		return func(c caller) (ledger.Result, error) { return c.Post(c.t.Context(), pending(c.t, "h", entries...)) }
	}
	lower := func(c caller) (ledger.Result, error) {
		return c.ChangeRules(c.t.Context(), infratest.Rules(c.t, "1", "lower", "limit 20"))
	}
	lend := func(c caller) { c.rule("1", "lend", "limit 50") }
	expire := func(caller) { time.Sleep(2 * time.Minute) }
	for _, c := range []struct {
		name    string
		writes  int
		before  func(caller)
		call    call
		between func(caller)
	}{
		{name: "a transfer", writes: 6, call: posts("a debit 100", "b credit 99", "shop credit 1")},
		{name: "a decline", writes: 2, call: posts("1 debit 1000"), between: func(c caller) { c.post("credit", "1 credit 2000") }},
		{name: "a hold of sixteen", writes: 2, call: holds("1 debit 1"), between: func(c caller) { c.holds(ledger.MaxHolds - 1) }},
		{name: "a voided hold", writes: 2, call: holds("1 debit 1"), between: func(c caller) {
			c.void(ledger.EndRequest{TransactionID: pending(c.t, "h", "1 debit 1").TransactionID()})
			c.holds(ledger.MaxHolds)
		}},
		{name: "an expired hold", writes: 2, call: holds("1 debit 60", "2 credit 60"), between: expire},
		{
			name: "an expired hold beside another", writes: 2,
			before: func(c caller) { c.hold("other", "1 debit 30") },
			call:   holds("1 debit 60"), between: expire,
		},
		{
			name: "a capture that fills the receiver", writes: 4,
			before: func(c caller) {
				c.books.Fill(c.t, "shop")
				c.hold("h", "1 debit 70", "shop credit 70")
			},
			call: func(c caller) (ledger.Result, error) {
				hold := ledger.EndRequest{TransactionID: pending(c.t, "h", "1 debit 70").TransactionID()}
				return c.Capture(c.t.Context(), hold, ledger.Amount{})
			},
		},
		{
			name: "a refund of all", writes: 5,
			before: func(c caller) { saleOf(c.t, c.Ledger) },
			call: func(c caller) (ledger.Result, error) {
				return c.Post(c.t.Context(), infratest.Refund(c.t, originalOf(c.t, c.Ledger), "r"))
			},
			between: func(c caller) { c.post("spend", "b debit 100") },
		},
		{name: "a change of rules", writes: 2, before: lend, call: lower, between: func(c caller) {
			c.rule("1", "raise", "limit 30")
			c.post("spend", "1 debit 130")
			c.rule("1", "block", "debits blocked")
		}},
		{name: "a change of rules that misses others", writes: 2, before: lend, call: lower, between: func(c caller) {
			c.books.Network.Next(func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
				answer, err := deliver() // to the read before the write
				c.rule("1", "more", "limit 60")
				c.post("spend", "1 debit 150")
				return answer, err
			})
		}},
		{
			name: "a decline by a block", writes: 2,
			before:  func(c caller) { c.rule("1", "block", "debits blocked") },
			call:    posts("1 debit 1"),
			between: func(c caller) { c.rule("1", "lift", "debits allowed") },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onPartialReports(t, c.writes, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
				result := func(by caller) ledger.Result {
					result, err := c.call(by)
					if declined, ok := errors.AsType[*ledger.DeclinedError](err); ok {
						return declined.Result
					}
					require.NoError(t, err)
					return result
				}
				direct := direct(t, books, model)
				if c.before != nil {
					c.before(direct)
				}
				first := result(direct)
				require.False(t, first.Replayed)
				if c.between != nil {
					c.between(direct)
				}
				assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, result(usual(t, books)))
			})
		})
	}
}

// Under every partial report a decline names a balance that does not allow the
// transaction, for ever.
func TestDeclineByPartialReports(t *testing.T) {
	t.Parallel()
	for unreported, want := range map[[2]bool]string{ // the balances of b and c
		{false, false}: "1: 100",
		{false, true}:  "1: 100",
		{true, false}:  "3: 40",
		{true, true}:   "1: 100", // without any left, all are reported
	} {
		rowsAndA := make([]bool, 5)
		moment := dynamodbmodel.Moment{Unreported: append(rowsAndA, unreported[:]...)}
		onModel(t, moment, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			for _, replayed := range []bool{false, true} {
				_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", "a credit 1", "b debit 101", "c debit 60", "c debit 60"))
				var declined *ledger.DeclinedError
				require.ErrorAs(t, err, &declined, "%v", unreported)
				require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
				got := declined.Result.Transaction
				assert.Equal(t, want, fmt.Sprintf("%d: %s", got.DeclinedEntry, got.BalanceSeen), "%v", unreported)
				assert.Equal(t, replayed, declined.Result.Replayed, "%v", unreported)
			}
			assert.Equal(t, "100", books.Balance(t, "a"))
		})
	}
}

// A refused refund has a true reason under every partial report: the account, or the
// balance where the account is not reported.
func TestRefundRefusedByPartialReports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		unreported []bool // rows, balances, account
		want       error
	}{
		{nil, ledger.ErrRefundLimit},
		{[]bool{false, false, false, true, false}, ledger.ErrRefundLimit},
		{[]bool{false, false, false, false, true}, ledger.ErrInsufficientFunds},
		{[]bool{false, false, false, true, true}, ledger.ErrRefundLimit}, // without any left, all are reported
	} {
		onModel(t, dynamodbmodel.Moment{Unreported: c.unreported}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			direct := direct(t, books, model)
			sale := saleOf(t, direct.Ledger)
			_, err := direct.Post(t.Context(), infratest.Refund(t, sale, "part", "0 1"))
			require.NoError(t, err)
			direct.post("spend", "b debit 110")
			_, err = books.Ledger.Post(t.Context(), infratest.Refund(t, sale, "r"))
			require.ErrorIs(t, err, c.want, "%v", c.unreported)
		})
	}
}

// A hold that becomes spendable during the first attempt is released. It declines
// nothing.
func TestHoldExpiresUnderWay(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		c := usual(t, books)
		c.hold("1", "1 debit 40")
		const grace = time.Second
		time.Sleep(time.Minute + grace - time.Millisecond)
		books.Network.Next(func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			time.Sleep(time.Millisecond)
			return deliver()
		})
		c.post("k", "1 debit 90")
		assert.Equal(t, "10", books.Balance(t, "1"))
	})
}

// beforeWrite returns a fault that calls f before it delivers a request.
func beforeWrite(f func()) faults.Fault {
	return func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		f()
		return deliver()
	}
}

// slow returns a caller whose clock stands still.
func slow(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) caller {
	began := time.Now()
	return caller{t, ledger.New(books.Over(model), func() time.Time { return began }), books}
}

// Another caller ends a hold just before the write that would release it. Under
// every partial report the call counts the remaining money.
func TestReleaseOfWhatHasEndedByPartialReports(t *testing.T) {
	t.Parallel()
	for _, captured := range []bool{false, true} {
		onPartialReports(t, 4, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) { // row, two ends, balance
			other := slow(t, books, model)
			first := other.hold("1", "1 debit 40")
			other.hold("2", "1 debit 40")
			time.Sleep(time.Minute + time.Second)
			books.Network.Next(nil, beforeWrite(func() {
				if captured {
					other.capture(first, ledger.Amount{})
				} else {
					other.void(first)
				}
			}))
			_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", "1 debit 90"))
			if !captured {
				require.NoError(t, err)
				assert.Equal(t, "10", books.Balance(t, "1"))
				return
			}
			var declined *ledger.DeclinedError
			require.ErrorAs(t, err, &declined)
			assert.Equal(t, "60", declined.Result.Transaction.BalanceSeen.String())
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
			other := slow(t, books, model)
			a, b := other.hold("1", "a debit 80"), other.hold("1", "b debit 60")
			time.Sleep(time.Minute + time.Second)
			books.Network.Next(nil, beforeWrite(func() {
				other.capture(a, infratest.Entries(t, "k", "a debit 60").Entries[0].Amount) // leaves 40
				other.void(b)                                                               // leaves 100
			}))
			usual(t, books).post("k", entries...)
			assert.Equal(t, "10", books.Balance(t, "a"))
			assert.Equal(t, "30", books.Balance(t, "b"))
		})
	}
}

// Two payers need their expired holds, one of them perhaps only after the first
// attempt. Under every report of the balances one write releases both.
func TestReleasesOfTwoByPartialReports(t *testing.T) {
	t.Parallel()
	for _, drained := range []bool{false, true} {
		onPartialReports(t, 7, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) { // rows, an end, balances
			other := direct(t, books, model)
			other.hold("1", "a debit 60")
			other.hold("1", "b debit 60")
			time.Sleep(time.Minute + time.Second)
			if drained {
				other.post("2", "b credit 50")
				books.Network.Next(nil, beforeWrite(func() { other.post("3", "b debit 50") }))
			}
			usual(t, books).post("k", "a debit 70", "b debit 70", "c credit 140")
			for user, balance := range map[string]string{"a": "30", "b": "30", "c": "240"} {
				assert.Equal(t, balance, books.Balance(t, user), user)
			}
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
			funds, err := l.Balance(t.Context(), infratest.Entries(t, "k", "1 debit 1").UserID())
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
			holder := usual(t, books)
			hold := holder.hold("1", "1 debit 40")
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
				holder.capture(hold, ledger.Amount{})
			})
			told, err := c.ask(t, other, hold.TransactionID)
			require.NoError(t, err, name)
			assert.Equal(t, c.told, told, name)
			captured.Wait()
		})
	}
}
