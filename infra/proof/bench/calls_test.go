package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

// heldFor is how long a hold is open.
const heldFor = time.Hour

// names are a call's user and key.
type names struct{ user, key string }

func (n names) id() ledger.TransactionID {
	user, userErr := ledger.ParseUserID(n.user)
	key, keyErr := ledger.ParseIdempotencyKey(n.key)
	if userErr != nil || keyErr != nil {
		panic(fmt.Sprint(userErr, keyErr)) // our own names
	}
	return ledger.NewTransactionID(user, key)
}

// call is a caller's request.
type call struct{ method, path, query, key, body string }

func get(path, query string) call { return call{method: "GET", path: path, query: query} }

// post posts entries, each written as "user debit 10", and more body members.
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
	return call{"POST", "/transactions", "", n.key, body}
}

// template is an event from an HTTP API that checks callers by IAM.
var template, templateErr = os.ReadFile("../../../testdata/events/http-api-iam-balance.json")

// event returns the call as an HTTP API sends it.
func (c call) event() []byte {
	var e map[string]any
	if err := cmp.Or(templateErr, json.Unmarshal(template, &e)); err != nil {
		panic(err) // our own document
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
		panic(err) // our own document
	}
	return payload
}

type outcome struct {
	name, status string
	call         func(names) call
	before       *outcome // a call made first, with the same names
	lapsed       int      // the user's expired holds, a dollar each
}

var (
	balance  = outcome{name: "balance", status: "200", call: func(n names) call { return get("/balance", "userId="+n.user) }}
	posted   = entries("posted", func(n names) []string { return []string{n.user + " credit 1"} })
	replayed = outcome{name: "replayed", status: "201", call: posted.call, before: &posted}
	declined = outcome{name: "declined", status: "422", call: func(n names) call { return post(n, "", n.user+" debit 1000000") }}
	transfer = entries("transfer", payroll(2))
	sale     = entries("sale with a fee", func(n names) []string {
		return []string{n.user + " debit 10", n.user + "-seller credit 9", n.user + "-fees credit 1"}
	})
	hold = outcome{name: "hold", status: "201", call: func(n names) call {
		return post(n, fmt.Sprintf(`,"expiresIn":%d`, int(heldFor.Seconds())), n.user+" debit 1")
	}}
	capture = outcome{name: "capture", status: "200", before: &hold, call: func(n names) call {
		return call{method: "POST", path: "/transactions/" + n.id().String() + "/capture"}
	}}
	void = outcome{name: "void", status: "200", before: &hold, call: func(n names) call {
		return call{method: "POST", path: "/transactions/" + n.id().String() + "/void"}
	}}
	refund     = refundOf("refund", &posted, "")
	saleRefund = refundOf("refund of a sale with a fee", &sale, "")
	partRefund = refundOf("refund of a part", &sale, `{"entries":[{"entry":0,"ammount":"5"},{"entry":1,"ammount":"4.5"},{"entry":2,"ammount":"0.5"}]}`)
	refunded   = outcome{name: "refunds read", status: "200", before: &saleRefund, call: func(n names) call {
		return get("/transactions/"+n.id().String()+"/refunds", "")
	}}
	block = outcome{name: "block", status: "201", call: func(n names) call {
		return call{"POST", "/accounts", "", n.key, fmt.Sprintf(`{"userId":%q,"debits":"blocked"}`, n.user)}
	}}
	limit = outcome{name: "credit limit", status: "201", call: func(n names) call {
		return call{"POST", "/accounts", "", n.key, fmt.Sprintf(`{"userId":%q,"creditLimit":"50"}`, n.user)}
	}}
	blocked = outcome{name: "blocked", status: "422", before: &block, call: func(n names) call {
		return post(names{n.user, "re-" + n.key}, "", n.user+" debit 1")
	}}
	outcomes = []outcome{
		balance, posted, replayed, declined, transfer, entries("10 entries", credits(10)), entries("50 entries", credits(50)),
		entries("50 of 50 users", payroll(50)), entries("99 entries", credits(99)), hold, capture, void, releases(1), releases(ledger.MaxHolds),
		refund, saleRefund, partRefund, block, limit, blocked,
	}
)

// entries is the outcome when entries are posted.
func entries(name string, texts func(names) []string) outcome {
	return outcome{name: name, status: "201", call: func(n names) call { return post(n, "", texts(n)...) }}
}

// refundOf is the outcome when a transaction with the same names is refunded.
func refundOf(name string, original *outcome, body string) outcome {
	return outcome{name: name, status: "201", before: original, call: func(n names) call {
		return call{"POST", "/transactions/" + n.id().String() + "/refunds", "", "re-" + n.key, body}
	}}
}

// credits returns that many credits for the user.
func credits(count int) func(names) []string {
	return func(n names) []string { return slices.Repeat([]string{n.user + " credit 1"}, count) }
}

// payroll returns that many entries: a debit for the user, and a credit of one dollar for each
// other user.
func payroll(count int) func(names) []string {
	return func(n names) []string {
		all := []string{fmt.Sprintf("%s debit %d", n.user, count-1)}
		for i := range count - 1 {
			all = append(all, fmt.Sprintf("%s-%d credit 1", n.user, i))
		}
		return all
	}
}

// releases debits a new user's whole opening balance, which includes that many expired holds, a
// dollar each.
func releases(holds int) outcome {
	o := entries(fmt.Sprintf("debit, releases %d", holds), func(n names) []string { return []string{n.user + " debit 100"} })
	o.lapsed = holds
	return o
}

// check returns an error if an event's answer is not the outcome's.
func (o outcome) check(answer []byte) error {
	if !bytes.HasPrefix(answer, []byte(`{"statusCode":`+o.status)) {
		return fmt.Errorf("%s: answered %s", o.name, answer)
	}
	return nil
}

// request is a prepared call; only running it is measured.
type request func(context.Context) error

// environment is a Lambda environment: it takes an event and returns its answer.
type environment func(ctx context.Context, payload []byte) ([]byte, error)

// invoke returns the outcome's call to an environment.
func (to environment) invoke(o outcome, n names) request {
	payload := o.call(n).event()
	return func(ctx context.Context) error {
		answer, err := to(ctx, payload)
		if err != nil {
			return err
		}
		return o.check(answer)
	}
}

// prepare makes the calls that the outcome needs before it.
func (o outcome) prepare(t testing.TB, books *infratest.Books, n names) {
	t.Helper()
	if o.before != nil {
		o.before.prepare(t, books, n)
		require.NoError(t, newHandler(books.Store, io.Discard).invoke(*o.before, n)(t.Context()))
	}
	longAgo := ledger.New(books.Store, func() time.Time { return time.Now().Add(-2 * heldFor) })
	for i := range o.lapsed {
		r := infratest.Request(t, n.user, fmt.Sprintf("%s-hold-%d", n.key, i), ledger.Debit, "1")
		r.ExpiresIn = heldFor
		_, err := longAgo.Post(t.Context(), r)
		require.NoError(t, err)
	}
}

// newHandler returns the handler that the function has.
func newHandler(store *infra.Store, log io.Writer) environment {
	return handler.New(ledger.New(store, time.Now), handler.NewLogger(log, "bench", "1"), handler.Access{Authorization: handler.None}).Invoke
}

var made atomic.Int64

// newNames returns a new key for one of a thousand users or, if fresh, for a new user. New users'
// names are equally long, because a row's size depends on them.
func newNames(fresh bool) names {
	i := made.Add(1)
	if fresh {
		return names{fmt.Sprintf("new-%06d", i), fmt.Sprintf("key-%d", i)}
	}
	return names{fmt.Sprintf("user-%d", i%1000), fmt.Sprintf("key-%d", i)}
}
