package infra_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

// scene is a test on a model of DynamoDB: a caller's steps, and the faults and other
// callers that interfere.
type scene struct {
	before    string               // other callers' steps before the caller's own
	moment    dynamodbmodel.Moment // for the caller's requests
	fault     faults.Fault         // for the caller's requests
	meanwhile string               // other callers' steps right before the caller's second request
	steps     string               // the caller's own steps
}

// play plays the scene on new books, and returns the requests that its steps sent.
func (c scene) play(t *testing.T) (requests []string) {
	t.Helper()
	onModel(t, c.moment, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		call, others := callers(books, model)
		others.Play(t, c.before)
		sent := 0
		books.Network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			if sent++; sent == 2 {
				others.Play(t, c.meanwhile)
			}
			if c.fault == nil {
				return deliver()
			}
			return c.fault(r, deliver)
		})
		call.Play(t, c.steps)
		requests = books.Network.Requests()
		books.Network.Always(nil)
	})
	return requests
}

// callers returns scripts for a caller whose requests go through the books' network, and
// for other callers, whose requests bypass the network's faults. The other callers' clock
// never advances, so no hold expires for them.
func callers(books *infratest.Books, model *dynamodbmodel.Model) (call, others *script.Script) {
	began := time.Now()
	call = script.InTime(books)
	return call, call.By(ledger.New(books.Over(model), func() time.Time { return began }))
}

// partialReports returns one Moment for each set of failed conditions that DynamoDB may
// leave unreported in a transaction with this many writes.
func partialReports(writes int) (all []dynamodbmodel.Moment) {
	for bits := range 1 << writes {
		var m dynamodbmodel.Moment
		for i := range writes {
			m.Unreported = append(m.Unreported, bits>>i&1 == 1)
		}
		all = append(all, m)
	}
	return all
}

// contention returns one Moment for each kind of contention on each write after the first.
func contention(writes int) (all []dynamodbmodel.Moment) {
	for position := 1; position < writes; position++ {
		for _, reason := range []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} {
			all = append(all, dynamodbmodel.Moment{Refusals: append(make([]string, position), reason)})
		}
	}
	return all
}

const sale = "sale: a debit 10, b credit 10;"

// A repeated call is answered as a replay, even if DynamoDB reports other reasons besides
// the taken id, and even if a new call could no longer be posted. Contention causes no
// further attempt.
func TestReplayByReports(t *testing.T) {
	t.Parallel()
	const lend, lower = "lend: rules 1 limit 50", "k: rules 1 limit 20"
	for _, c := range []struct {
		name                             string
		writes                           int
		before, call, between, meanwhile string
	}{
		{name: "a credit", writes: 2, call: "k: 1 credit 10"},
		{name: "a transfer", writes: 6, call: "k: a debit 100, b credit 99, shop credit 1"},
		{name: "a decline", writes: 2, call: "k: 1 debit 1000 = on 100", between: "credit: 1 credit 2000"},
		{name: "one of sixteen holds", writes: 2, call: "k: hold 1 debit 1",
			between: script.Holds(ledger.MaxHolds-1, "1 debit 1")},
		{name: "a voided hold", writes: 2, call: "k: hold 1 debit 1",
			between: "v: void k;" + script.Holds(ledger.MaxHolds, "1 debit 1")},
		{name: "an expired hold", writes: 2, call: "k: hold 1 debit 60, 2 credit 60", between: "2m"},
		{name: "one of two expired holds", writes: 2, before: "other: hold 1 debit 30",
			call: "k: hold 1 debit 60", between: "2m"},
		{name: "a capture that reaches the balance limit", writes: 4,
			before: "fill shop; h: hold 1 debit 70, shop credit 70", call: "k: capture h"},
		{name: "a full refund", writes: 5, before: sale, call: "k: refund sale", between: "spend: b debit 100"},
		{name: "a rule change", writes: 2, before: lend, call: lower,
			between: "raise: rules 1 limit 30; spend: 1 debit 130; block: rules 1 debits blocked"},
		{name: "a rule change overtaken by others", writes: 2, before: lend, call: lower,
			meanwhile: "more: rules 1 limit 60; spend: 1 debit 150"},
		{name: "a decline because of a block", writes: 2, before: "block: rules 1 debits blocked",
			call: "k: 1 debit 1 = on 100", between: "lift: rules 1 debits allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, moment := range slices.Concat(partialReports(c.writes), contention(c.writes)) {
				t.Run(fmt.Sprint(moment.Unreported, moment.Refusals), func(t *testing.T) {
					before := strings.Join([]string{c.before, c.call, c.between}, ";")
					requests := scene{before: before, moment: moment, meanwhile: c.meanwhile, steps: "k"}.play(t)
					first := slices.Index(requests, "TransactWriteItems")
					if moment.Refusals != nil {
						assert.Len(t, requests[first:], 1, "no other attempt and no read")
					}
				})
			}
		})
	}
}

// A refusal gives a correct reason, even if DynamoDB does not report all failed conditions.
func TestRefusalByReports(t *testing.T) {
	t.Parallel()
	const (
		decline = "k: a credit 1, b debit 101, c debit 60, c debit 60 = "
		spent   = sale + "part: refund sale 0 1; spend: b debit 110"
		refund  = "k: refund sale = "
	)
	for _, c := range []struct {
		unreported    []int // positions of the unreported writes
		before, steps string
	}{
		{nil, "", decline + "insufficient funds: entry 1 on 100; k; a 100"},
		{[]int{6}, "", decline + "insufficient funds: entry 1 on 100; k; a 100"},
		{[]int{5}, "", decline + "insufficient funds: entry 3 on 40; k; a 100"},
		{[]int{5, 6}, "", decline + "insufficient funds: entry 1 on 100; k; a 100"}, // no other condition fails, so DynamoDB reports both
		{nil, spent, refund + "refund limit: 9 is left of entry 0"},
		{[]int{3}, spent, refund + "refund limit: 9 is left of entry 0"},
		{[]int{4}, spent, refund + "insufficient funds: entry 1 on 0"},
		{[]int{3, 4}, spent, refund + "refund limit: 9 is left of entry 0"},
	} {
		moment := dynamodbmodel.Moment{Unreported: make([]bool, 7)}
		for _, place := range c.unreported {
			moment.Unreported[place] = true
		}
		scene{before: c.before, moment: moment, steps: c.steps}.play(t)
	}
}

// Another caller ends holds right before the write that would release them. The call then
// posts if the remaining money is enough and declines if not, even if DynamoDB does not
// report all failed conditions.
func TestReleasesByReports(t *testing.T) {
	t.Parallel()
	const (
		two       = "h1: hold 1 debit 40; h2: hold 1 debit 40; 1m1s"
		twoPayers = "ha: hold a debit 60; hb: hold b debit 60; 1m1s;"
		drained   = "k: a debit 70, b debit 70, c credit 140; a 30, b 30, c 240"

		// Each payer can still cover its own debit, but user a could not cover user b's.
		others = "ha: hold a debit 80; hb: hold b debit 60; 1m1s"
		end    = "ca: capture ha 60; vb: void hb" // leaves 40 for user a and 100 for user b
		left   = "; a 10, b 30"
	)
	entriesEndsMoves := []bool{true, true, true, false, false, true, true, true}
	onlyEnds := []dynamodbmodel.Moment{{Unreported: entriesEndsMoves}}
	for name, c := range map[string]struct {
		moments                  []dynamodbmodel.Moment
		before, meanwhile, steps string
	}{
		"voided":                      {partialReports(4), two, "v: void h1", "k: 1 debit 90; 1 10"},
		"captured":                    {partialReports(4), two, "c: capture h1", "k: 1 debit 90 = insufficient funds: entry 0 on 60"},
		"two payers":                  {partialReports(7), twoPayers, "", drained},
		"a release needed later":      {partialReports(7), twoPayers + "credit: b credit 50", "debit: b debit 50", drained},
		"both ended":                  {onlyEnds, others, end, "k: a debit 30, b debit 70, c credit 100" + left},
		"both ended, debits reversed": {onlyEnds, others, end, "k: b debit 70, a debit 30, c credit 100" + left},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, moment := range c.moments {
				scene{before: c.before, moment: moment, meanwhile: c.meanwhile, steps: c.steps}.play(t)
			}
		})
	}
}

// A hold is captured in time while another caller's request is in flight. When the answer
// arrives, that caller's fast clock is already past the expiry. The answer is too old to
// show that the hold expired, so the caller reads again and finds the capture.
func TestCaptureWhileAnAnswerIsInFlight(t *testing.T) {
	t.Parallel()
	const ahead, back = 450 * time.Millisecond, 950 * time.Millisecond // each within the grace period of one second
	for _, c := range []struct {
		slow int // the number of the slow request
		ask  func(*testing.T, *script.Script)
	}{
		{2, func(t *testing.T, other *script.Script) {
			read, err := other.Ledger.Transaction(t.Context(), other.ID("h"))
			require.NoError(t, err)
			assert.Equal(t, ledger.Pending, read.Status)
		}},
		{1, func(t *testing.T, other *script.Script) { other.Play(t, "1 60") }},
		{1, func(t *testing.T, other *script.Script) {
			other.Play(t, "d: 1 debit 200 = insufficient funds: entry 0 on 60")
		}},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			holder := script.InTime(books)
			holder.Play(t, "h: hold 1 debit 40; 59.6s")
			sent := 0
			wire := faults.NewWire(func() faults.Delivery {
				d := faults.Delivery{To: model}
				if sent++; sent == c.slow {
					d.Back = back
				}
				return d
			})
			other := holder.By(ledger.New(books.Over(wire), func() time.Time { return time.Now().Add(ahead) }))
			var captured sync.WaitGroup
			captured.Go(func() {
				time.Sleep(100 * time.Millisecond)
				holder.Play(t, "c: capture h")
			})
			c.ask(t, other)
			captured.Wait()
		})
	}
}

// While any write is contended, a call only retries. It reads and declines nothing, even if
// the condition on a balance, a further row or a refund account also failed. The contending
// request may change the balance, or be an earlier attempt at the same call.
func TestFailedConditionsWithContention(t *testing.T) {
	t.Parallel()
	const transfer = "k: a debit 100, b credit 99, shop credit 1"
	for _, c := range []struct {
		writes       int
		before, call string
	}{
		{2, "", "k: 1 debit 1000"},
		{6, "", "k: a debit 1000, b debit 1000, c debit 1000"},
		{6, transfer, transfer},
		{5, sale + "all: refund sale", "more: refund sale"},
	} {
		for position := range c.writes {
			refusals := append(make([]string, position), "TransactionConflict")
			moment := dynamodbmodel.Moment{Refusals: refusals, Unreported: []bool{true}} // hides the first row's taken id, which would end the call
			onModel(t, moment, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
				call, others := callers(books, model)
				others.Play(t, c.before)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := call.Send(ctx, t, c.call)
				require.ErrorIs(t, err, ledger.ErrTryAgain, "%s, %q", c.call, refusals)
				assert.NotErrorIs(t, err, ledger.ErrInsufficientFunds)
				assert.NotErrorIs(t, err, ledger.ErrRefundLimit)
				requests := books.Network.Requests()
				attempts := requests[slices.Index(requests, "TransactWriteItems"):]
				assert.Greater(t, len(attempts), 1, "%s, %q", c.call, refusals)
				assert.Len(t, slices.Compact(attempts), 1, "%s, %q: something else is requested", c.call, refusals)
			})
		}
	}
}
