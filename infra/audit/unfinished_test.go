package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
)

// damagedBooks returns books with an unreadable row, a balance that differs from its history, and a
// user with a missing row.
func damagedBooks(t *testing.T) *infratest.Books {
	t.Helper()
	b := infratest.New(t)
	post(t, b.Ledger, "victim", "+10")
	post(t, b.Ledger, "robbed", "+1")
	b.Damage(t, b.Config.TransactionsTable, "INSERT INTO ? VALUE {'id': 'garbage'}", "DELETE FROM ? WHERE id = '"+idOf(t, "robbed", "1")+"'")
	b.Damage(t, b.Config.AggregateTable, "UPDATE ? SET balance = 1000000 WHERE user_id = 'victim'")
	return b
}

var denied = faults.Exception(http.StatusBadRequest, "AccessDeniedException", "no")

// Wherever reading fails, each task and format reports the findings so far and that the run is
// unfinished. The exit status is exitWrong if there are findings. Without findings, the run does
// not report the metric BalanceMismatches.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	damaged, right, torn := damagedBooks(t), infratest.New(t), infratest.New(t)
	post(t, right.Ledger, "1", "+10")
	transfer := infratest.Entries(t, "transfer", "bob debit 1").TransactionID()
	kinds(t).with(set("alice", "balance", num("1")), drop(transfer.Entry(1).String(), "carol")).writeTo(t, torn)
	torn.Damage(t, torn.Config.TransactionsTable) // the check at the end of the test must find damage
	const (
		garbage  = `^wrong      user "", transaction "garbage": transaction-row: id: is "garbage", must be a UUID; user_id: is missing; .*\n`
		victim   = `wrong      user "victim": balance: the balance is 1000000 at version 1, but the history adds up to 110 at version 1\n`
		robbed   = `wrong      user "robbed": balance: the balance is 101 at version 1, but the history adds up to 100 at version 0\n`
		rest     = `AccessDeniedException: not authorized\n2 users, 2 transactions so far: \d wrong, 0 unsettled; the rest was not read\n$`
		nothing  = ` so far: 0 wrong, 0 unsettled; the rest was not read\n$`
		scanning = `unfinished scan transactions-.*`
	)
	for _, c := range []struct {
		books           *infratest.Books
		n               int32 // the number of the operation's first request that fails
		operation, args string
		status          int
		out, log, not   string
	}{
		{damaged, 1, "Scan", "", exitUnfinished, `^unfinished scan .*\n0 users, 0 transactions` + nothing, `^$`, ""},
		{damaged, 2, "Scan", "", exitWrong, garbage + `unfinished scan .*\n1 user, 2 transactions so far: 1 wrong`, `^$`, ""},
		{damaged, 1, "TransactGetItems", "", exitWrong, garbage + `unfinished read balance of .*` + rest, `^$`, ""},
		{damaged, 2, "GetItem", "", exitWrong, garbage + victim + `unfinished read balance of .*` + rest, `^$`, ""}, // the first GetItem reads the settings
		{damaged, 3, "GetItem", "", exitWrong, garbage + victim + `unfinished read balance of .*` + rest, `^$`, ""},
		{damaged, 3, "Scan", "", exitWrong, garbage + victim + scanning + rest, `^$`, ""},
		{damaged, 3, "Scan", "-json", exitWrong, `^{"users":2,"transactions":2,"mismatches":\[.*"garbage".*"victim".*],"unsettled":\[],"unfinished":".*not authorized"}\n$`, `^$`, "totals"},
		{damaged, 3, "Scan", "-emf", exitWrong, `"BalanceMismatches":2,"AuditUnsettled":0,"AuditFailed":1,"Users":2,"Transactions":2}\n$`, garbage + victim + scanning + rest, ""},
		{damaged, 1, "DescribeTable", "", exitWrong, garbage + robbed + victim + `totals.*\n2 users, 2 transactions: 3 wrong, 0 unsettled\n$`, `^$`, ""}, // DescribeTable is optional
		{torn, 3, "Scan", "", exitWrong, `^wrong      user "alice": .*\n` + scanning, `^$`, "entries"},
		{right, 2, "Scan", "-emf", exitUnfinished, `"AuditUnsettled":0,"AuditFailed":1,"Users":1,"Transactions":1}\n$`, nothing, "BalanceMismatches"},
		{right, 1, "Query", "-user 1 -csv", exitUnfinished, `^date,.*\n$`, `^unfinished read .*\n1 user, \d transactions?` + nothing, "closing"},
		{right, 1, "TransactGetItems", "-user 1 -csv", exitUnfinished, `,credit,10,110,`, `^unfinished read .*\n1 user, 1 transaction` + nothing, "closing"},
		{right, 1, "Scan", "-export transactions", exitUnfinished, `^id,.*\n$`, `^` + scanning + `: AccessDeniedException: not authorized\n0 rows of transactions written, 0 wrong\n$`, ""},
	} {
		name, args := fmt.Sprint(c.operation, c.n, c.args), strings.Fields(c.args)
		if !strings.HasPrefix(c.args, "-user") {
			args = append(args, "-segments", "1")
		}
		if !strings.HasPrefix(c.args, "-export") {
			args = append(args, "-settle", "0s")
		}
		status, out, log := command(t, through(t, c.books, nth(c.n, c.operation, forbid)), args...)
		assert.Equal(t, c.status, status, name)
		assert.Regexp(t, c.out, out, name)
		assert.Regexp(t, c.log, log, name)
		assert.True(t, c.not == "" || !strings.Contains(out+log, c.not), name)
	}
}

// through returns the books behind a proxy. intercept reports whether it answered a request itself,
// in place of DynamoDB.
func through(t *testing.T, b *infratest.Books, intercept func(w http.ResponseWriter, r *http.Request) (answered bool)) *infratest.Books {
	t.Helper()
	to, err := url.Parse(b.Config.Endpoint)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !intercept(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	other := infratest.Books{Config: b.Config}
	other.Config.Endpoint = server.URL
	return &other
}

// nth returns an intercept that answers an operation's nth and later requests with do.
func nth(n int32, operation string, do http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	var requests atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool {
		if faults.Operation(r) != operation || requests.Add(1) < n {
			return false
		}
		do(w, r)
		return true
	}
}

func forbid(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","Message":"not authorized"}`))
}

// A signal ends the run like a failure to read, and the report names the signal.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	b := damagedBooks(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := through(t, b, nth(2, "Scan", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices a disconnected client only after the body is read
		cancel(errors.New("interrupt signal received"))
		<-r.Context().Done()
	}))
	var out, log bytes.Buffer
	err := execute(ctx, []string{"-segments", "1"}, environment(interrupted), &out, &log)
	assert.Equal(t, exitWrong, statusOf(t, err))
	assert.Contains(t, out.String(), `wrong      user "", transaction "garbage"`)
	assert.Contains(t, out.String(), "unfinished interrupt signal received\n1 user, 2 transactions so far: 1 wrong")
}

func TestOutputCannotBeWritten(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10")
	for _, format := range [][]string{nil, {"-json"}, {"-emf"}, {"-user", "1"}, {"-user", "1", "-csv"}, {"-export", "transactions", "-json"}} {
		var log bytes.Buffer
		err := execute(t.Context(), format, environment(b), full{}, &log)
		assert.Equal(t, exitUnfinished, statusOf(t, err), "%v", format)
		assert.ErrorContains(t, err, "the disk is full", "%v", format)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }
