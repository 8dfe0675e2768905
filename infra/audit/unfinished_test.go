package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// damagedBooks returns books with an unreadable row, a balance that differs from its
// history, and a user with a missing row.
func damagedBooks(t *testing.T) *infratest.Books {
	t.Helper()
	b := infratest.New(t)
	post(t, b.Ledger, "victim", "+10")
	post(t, b.Ledger, "robbed", "+1")
	b.Damage(t, b.Config.TransactionsTable, "INSERT INTO ? VALUE {'id': 'garbage'}", "DELETE FROM ? WHERE id = '"+idOf(t, "robbed", "1")+"'")
	b.Damage(t, b.Config.AggregateTable, "UPDATE ? SET balance = 1000000 WHERE user_id = 'victim'")
	return b
}

var (
	garbage = finding{UserID: "", TransactionID: "garbage", Kind: books.KindTransactionRow, Detail: `id: is "garbage", must be a UUID; user_id: is missing; ammount: is missing; status: is missing; created_at: is missing; type: is missing; idempotency_key: is missing`}
	victim  = finding{UserID: "victim", TransactionID: "", Kind: books.KindBalance, Detail: "the balance is 1000000 at version 1, and the history makes it 110 at version 1"}
	robbed  = finding{UserID: "robbed", TransactionID: "", Kind: books.KindBalance, Detail: "the balance is 101 at version 1, and the history makes it 100 at version 0"}
)

var denied = faults.Exception(http.StatusBadRequest, "AccessDeniedException", "no")

// Wherever reading fails, the report has the earlier findings and a note that it is incomplete.
func TestFaultsThatLast(t *testing.T) {
	t.Parallel()
	b := damagedBooks(t)
	for _, c := range []struct {
		operation string
		good      int // requests before the fault
		want      []finding
	}{
		{"Scan", 0, nil},
		{"Scan", 1, []finding{garbage}},
		{"TransactGetItems", 0, []finding{garbage}},
		{"GetItem", 0, []finding{garbage, victim}},
		{"Scan", 2, []finding{garbage, victim}},
		{"GetItem", 1, []finding{garbage, victim}},
	} {
		a, network := auditor(b)
		a.tables.segments = 1
		var requests int
		network.Always(on(c.operation, func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			if requests++; requests > c.good {
				return denied(r, deliver)
			}
			return deliver()
		}))
		found := a.run(t.Context())
		assert.Contains(t, found.Unfinished, "AccessDeniedException", "%+v", c)
		assert.ElementsMatch(t, c.want, found.Mismatches, "%+v", c)
	}
	torn, model := infratest.OpenOnModel(dynamodbmodel.Moment{}, ledger.DefaultSettings())
	kinds(t).with(set("alice", "balance", num("1")), drop(infratest.Entries(t, "transfer", "bob debit 1").TransactionID().Entry(1).String(), "carol")).writeTo(t, torn)
	a, network := auditorOver(torn, model)
	a.tables.segments = 1
	scans := 0
	network.Always(on("Scan", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if scans++; scans > 2 {
			return denied(r, deliver)
		}
		return deliver()
	}))
	found := a.run(t.Context())
	assert.Contains(t, found.Unfinished, "AccessDeniedException", "the scan for torn transactions")
	assert.Len(t, found.Mismatches, 1)

	a, network = auditor(b)
	network.Always(on("DescribeTable", denied))
	found = a.run(t.Context())
	assert.Empty(t, found.Unfinished, "it can do without a total for its progress")
	assert.ElementsMatch(t, []finding{garbage, victim, robbed}, found.Mismatches)
}

// through returns books behind intercept, which may answer a request itself.
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

// nth returns an intercept that lets do answer from an operation's nth request on.
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

// Each format has the findings so far and a note that the run did not finish. The findings decide
// the exit status.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	b := damagedBooks(t)
	thirdScan := func(args ...string) (int, string, string) {
		return command(t, through(t, b, nth(3, "Scan", forbid)), append(args, "-segments", "1", "-settle", "0s")...)
	}
	status, out, log := thirdScan()
	assert.Equal(t, exitWrong, status)
	assert.Empty(t, log)
	assert.Regexp(t, `^wrong      user "", transaction "garbage": .*
wrong      user "victim": .*
unfinished scan transactions-.*AccessDeniedException: not authorized
2 users, 2 transactions so far: 2 wrong, 0 unsettled; the rest was not read
$`, out)

	status, out, _ = thirdScan("-json")
	assert.Equal(t, exitWrong, status)
	var found report
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	assert.Equal(t, []finding{garbage, victim}, found.Mismatches)
	assert.Contains(t, found.Unfinished, "not authorized")

	status, out, log = thirdScan("-emf")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, log, "2 transactions so far: 2 wrong")
	values, _ := metricsOf(t, out)
	assert.Equal(t, map[string]int{"AuditFailed": 1, "AuditUnsettled": 0, "BalanceMismatches": 2, "Transactions": 2, "Users": 2}, values)
}

// A run that found nothing and did not finish is not clean, and reports no mismatch count.
func TestUnfinishedWithNothingFound(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10")
	partly := through(t, b, nth(2, "Scan", forbid))
	status, out, _ := command(t, partly, "-emf", "-segments", "1")
	assert.Equal(t, exitUnfinished, status)
	values, _ := metricsOf(t, out)
	assert.Equal(t, map[string]int{"AuditFailed": 1, "AuditUnsettled": 0, "Transactions": 1, "Users": 1}, values)
	status, out, _ = command(t, partly)
	assert.Equal(t, exitUnfinished, status)
	assert.Contains(t, out, "0 users, 0 transactions so far: 0 wrong, 0 unsettled; the rest was not read\n")
}

// A signal ends the run like a failure to read: main sets it as ctx's cause.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	b := damagedBooks(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := through(t, b, nth(2, "Scan", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server sees the client go
		cancel(errors.New("interrupt signal received"))
		<-r.Context().Done()
	}))
	var out, log bytes.Buffer
	err := run(ctx, []string{"-segments", "1"}, environment(interrupted), &out, &log)
	assert.Equal(t, exitWrong, statusOf(t, err))
	assert.Contains(t, out.String(), `wrong      user "", transaction "garbage"`)
	assert.Contains(t, out.String(), "unfinished interrupt signal received\n1 user, 2 transactions so far: 1 wrong")
}

func TestUnwritten(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	for _, format := range [][]string{nil, {"-json"}, {"-emf"}, {"-user", "1"}, {"-user", "1", "-csv"}} {
		var log bytes.Buffer
		err := run(t.Context(), format, environment(b), full{}, &log)
		assert.Equal(t, exitUnfinished, statusOf(t, err), "%v", format)
		assert.ErrorContains(t, err, "the disk is full", "%v", format)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }
