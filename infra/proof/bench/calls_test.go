// Package bench measures the cost of each kind of call, and compares the call's allocations and
// latency with a floor: the same requests to DynamoDB, sent by an SDK client without our code.
package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// names holds a call's user and idempotency key.
type names struct{ user, key string }

// path returns the URL path of the transaction with n's user and key.
func (n names) path() string {
	user, userErr := ledger.ParseUserID(n.user)
	key, keyErr := ledger.ParseIdempotencyKey(n.key)
	if userErr != nil || keyErr != nil {
		panic(fmt.Sprint(userErr, keyErr))
	}
	return "/transactions/" + ledger.NewTransactionID(user, key).String()
}

var made atomic.Int64

// newNames returns a new user and key of constant lengths, because rows' sizes depend on them.
func newNames() names {
	i := made.Add(1)
	return names{fmt.Sprintf("new-%06d", i), fmt.Sprintf("key-%06d", i)}
}

type call struct{ method, path, query, key, body string }

// outcome is a call with the expected status and cost.
type outcome struct {
	name        string
	before      calls // made first, with the clock set two hours back
	call        func(names) call
	status      string
	units       units
	allocations float64 // upper bound for our own code; 0 for no bound and no benchmark
}

type calls []func(names) call

var (
	uuids   = names{"5f0c8a52-9d3e-4b71-8f26-000000000001", "0c9f7d1e-3a44-4c58-b1e0-000000000000"}
	longest = names{strings.Repeat("\U0001D11E", 127) + "1", strings.Repeat("k", 255)}
)

// outcomes are the rows of costs.md. Allocation bounds are 25 % above those counted on 2026-11-30.
var outcomes = []outcome{
	{"posted", nil, credit, "201", units{1, 5, 0}, 155},
	{"posted, replayed", calls{credit}, credit, "201", units{1, 4, 0}, 165},
	{"key reused", calls{credit}, debit, "422", units{1, 4, 0}, 0},
	{"declined", calls{first(credit)}, tooMuch, "422", units{2, 6, 0}, 200},
	{"declined, replayed", calls{first(credit), tooMuch}, tooMuch, "422", units{1, 4, 0}, 0},
	{"declined, of a new user", nil, as(longest, tooMuch), "422", units{3, 6, 1}, 0},
	{"invalid", nil, nothing, "400", units{}, 0},
	{"balance read", calls{credit}, readBalance, "200", units{1, 0, 1}, 90},
	{"transaction read", calls{credit}, readTransaction, "200", units{1, 0, 1}, 0},
	history("history of 50, short names", names{"payer-1", "more-000"}, 50, credit, units{1, 0, 1.5}),
	history("history of 50, UUIDs", uuids, 50, credit, units{1, 0, 2}),
	history("history of 100, longest names", longest, 100, credit, units{1, 0, 12}),
	{"transfer", nil, transfer, "201", units{1, 10, 0}, 270},
	{"sale with a fee", nil, sale, "201", units{1, 15, 0}, 0},
	{"50 credits of one user", nil, fiftyCredits, "201", units{1, 158, 0}, 2900},
	history("history of 50, of 50 entries", names{"payroll-1", "pay-000"}, 50, fiftyUsers, units{1, 0, 15}),
	{"hold", nil, hold, "201", units{1, 5, 0}, 185},
	{"capture", calls{hold}, capture, "200", units{2, 5, 1}, 170},
	{"void", calls{hold}, void, "200", units{2, 5, 1}, 0},
	{"refund", calls{credit}, refund, "201", units{2, 7, 1}, 210},
	{"refund of a captured hold", calls{hold, capture}, refund, "201", units{3, 7, 2}, 0},
	{"refund of a sale with a fee", calls{sale}, refund, "201", units{2, 17, 1}, 415},
	{"refunds read", calls{sale, refund}, readRefunds, "200", units{2, 0, 2}, 0},
	{"block, or credit limit", nil, block, "201", units{2, 4, 1}, 170},
	{"declined by a block", calls{first(block)}, debit, "422", units{2, 6, 0}, 205},
	{"debit, releases 1", times(1, first(shortHold)), opening, "201", units{2, 12, 0}, 0},
	{"debit, releases 16", times(ledger.MaxHolds, first(shortHold)), opening, "201", units{2, 57, 0}, 1030},
}

// as returns the call c with its user and key fixed to n, whatever names it is given.
func as(n names, c func(names) call) func(names) call {
	return func(names) call { return c(n) }
}

// first returns the call c with "1st-" before its key, so that it can precede another call with the
// same names.
func first(c func(names) call) func(names) call {
	return func(n names) call { return c(names{n.user, "1st-" + n.key}) }
}

// times returns count copies of the call c, whose keys differ in their last three characters.
func times(count int, c func(names) call) (all calls) {
	for i := range count {
		all = append(all, func(n names) call {
			return c(names{n.user, n.key[:len(n.key)-3] + fmt.Sprintf("%03d", i)})
		})
	}
	return all
}

// history returns an outcome: a read of the history of who.user, after count calls c by that user.
func history(name string, who names, count int, c func(names) call, want units) outcome {
	before := times(count, c)
	for i, each := range before {
		before[i] = as(who, each)
	}
	query := url.Values{"userId": {who.user}, "limit": {fmt.Sprint(count)}}.Encode()
	read := func(names) call { return call{method: "GET", path: "/transactions", query: query} }
	return outcome{name, before, read, "200", want, 0}
}

// template is an event from an HTTP API that authenticates callers with IAM.
var template, templateErr = os.ReadFile("../../../testdata/events/http-api-iam-balance.json")

// event returns the event that an HTTP API sends to the function for the call.
func (c call) event() []byte {
	var e map[string]any
	if err := cmp.Or(templateErr, json.Unmarshal(template, &e)); err != nil {
		panic(err)
	}
	http := e["requestContext"].(map[string]any)["http"].(map[string]any)
	http["method"], http["path"] = c.method, c.path
	e["rawPath"], e["rawQueryString"], e["body"] = c.path, c.query, c.body
	delete(e, "queryStringParameters")
	if c.key != "" {
		e["headers"].(map[string]any)["idempotent-key"] = c.key
	}
	payload, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return payload
}

// post returns a call that posts entries such as "user debit 10". The JSON in more is added to
// each entry.
func post(n names, more string, entries ...string) call {
	var bodies []string
	for _, text := range entries {
		words := strings.Fields(text)
		bodies = append(bodies, fmt.Sprintf(`{"userId":%q,"type":%q,"ammount":%q%s}`, words[0], words[1], words[2], more))
	}
	body := bodies[0]
	if len(bodies) > 1 {
		body = `{"entries":[` + strings.Join(bodies, ",") + `]}`
	}
	return call{method: "POST", path: "/transactions", key: n.key, body: body}
}

func credit(n names) call  { return post(n, "", n.user+" credit 1") }
func debit(n names) call   { return post(n, "", n.user+" debit 1") }
func nothing(n names) call { return post(n, "", n.user+" credit 0") }
func opening(n names) call { return post(n, "", n.user+" debit 100") }
func tooMuch(n names) call { return post(n, "", n.user+" debit 1000000") }

func hold(n names) call      { return post(n, `,"expiresIn":86400`, n.user+" debit 1") }
func shortHold(n names) call { return post(n, `,"expiresIn":3600`, n.user+" debit 1") }

func transfer(n names) call { return post(n, "", n.user+" debit 1", n.user+"-0 credit 1") }

func sale(n names) call {
	return post(n, "", n.user+" debit 10", n.user+"-seller credit 9", n.user+"-fees credit 1")
}

func fiftyCredits(n names) call {
	return post(n, "", slices.Repeat([]string{n.user + " credit 1"}, 50)...)
}

// fiftyUsers returns a call that credits the user and 49 others.
func fiftyUsers(n names) call {
	entries := []string{n.user + " credit 1"}
	for i := range 49 {
		entries = append(entries, fmt.Sprintf("%s-%d credit 1", n.user, i))
	}
	return post(n, "", entries...)
}

func capture(n names) call { return call{method: "POST", path: n.path() + "/capture"} }
func void(n names) call    { return call{method: "POST", path: n.path() + "/void"} }

func refund(n names) call {
	return call{method: "POST", path: n.path() + "/refunds", key: "re-" + n.key}
}

func block(n names) call {
	body := fmt.Sprintf(`{"userId":%q,"debits":"blocked"}`, n.user)
	return call{method: "POST", path: "/accounts", key: n.key, body: body}
}

func readBalance(n names) call {
	return call{method: "GET", path: "/balance", query: "userId=" + n.user}
}
func readTransaction(n names) call { return call{method: "GET", path: n.path()} }
func readRefunds(n names) call     { return call{method: "GET", path: n.path() + "/refunds"} }

// environment passes an event to the function and returns its answer, as AWS Lambda does.
type environment func(ctx context.Context, payload []byte) ([]byte, error)

// newHandler returns the function's handler, with its clock set back by the duration ago.
func newHandler(store *infra.Store, ago time.Duration, log io.Writer) environment {
	now := func() time.Time { return time.Now().Add(-ago) }
	open := handler.Access{Authorization: handler.None}
	return handler.New(ledger.New(store, now), handler.NewLogger(log, "bench", "1"), open).Invoke
}

// request makes a call that was prepared before, so that a measurement covers only the call.
type request func(context.Context) error

// request prepares the outcome's call. The returned request fails unless the answer has the
// outcome's status.
func (o outcome) request(to environment, n names) request {
	payload := o.call(n).event()
	return func(ctx context.Context) error {
		answer, err := to(ctx, payload)
		if err == nil && !bytes.HasPrefix(answer, []byte(`{"statusCode":`+o.status)) {
			err = fmt.Errorf("%s: answered %s", o.name, answer)
		}
		return err
	}
}

// prepare makes the calls that must come before the outcome's call.
func (o outcome) prepare(t testing.TB, books *infratest.Books, n names) {
	t.Helper()
	serve := newHandler(books.Store, 2*time.Hour, io.Discard)
	for _, before := range o.before {
		answer, err := serve(t.Context(), before(n).event())
		require.NoError(t, err)
		require.Regexp(t, `^{"statusCode":(20|422)`, string(answer), o.name)
	}
}
