package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// command runs the command on the books.
func command(t *testing.T, books *infratest.Books, args ...string) (status int, out, log string) {
	t.Helper()
	var o, l bytes.Buffer
	err := run(t.Context(), args, environment(books), &o, &l)
	if status = statusOf(t, err); errors.Unwrap(err) != nil {
		fmt.Fprintln(&l, "audit:", err)
	}
	return status, o.String(), l.String()
}

const exitUsage = 2

// statusOf returns the exit status of what the command ended with.
func statusOf(t *testing.T, err error) int {
	t.Helper()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return exitRight
	}
	exit, ok := errors.AsType[*cli.ExitError](err)
	require.True(t, ok, "an error without a status would be taken for damage: %v", err)
	return exit.Status
}

// environment returns the getenv of a process that keeps the books.
func environment(books *infratest.Books) func(string) string {
	env := map[string]string{}
	for _, variable := range books.Env() {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	return func(name string) string { return env[name] }
}

// post posts credits and debits such as "+10" and "-2.5" to a user, in order.
// The keys are the numbers from 1.
func post(t *testing.T, l *ledger.Ledger, user string, amounts ...string) {
	t.Helper()
	for i, amount := range amounts {
		kind := map[byte]ledger.Type{'+': ledger.Credit, '-': ledger.Debit}[amount[0]]
		_, err := l.Post(t.Context(), infratest.Request(t, user, string(rune('1'+i)), kind, amount[1:]))
		if err != nil {
			require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
		}
	}
}

// at returns a clock that goes on by a second with each transaction.
func at(begin time.Time) func() time.Time {
	return func() time.Time {
		begin = begin.Add(time.Second)
		return begin
	}
}

var lastYear = time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)

func TestRight(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	status, out, log := command(t, books)
	assert.Equal(t, "0 users, 0 transactions: every balance is what its history says\n", out+log)
	assert.Equal(t, exitRight, status)

	post(t, books.Ledger, "fresh", "+10", "-110", "-0.01")
	post(t, books.Ledger, "declined only", "-1000")
	post(t, ledger.New(books.Store, at(lastYear)), "old", "-99.99", "+0.01")
	books.Fill(t, "full")
	status, out, log = command(t, books)
	assert.Equal(t, "4 users, 1006 transactions: every balance is what its history says\n", out+log)
	assert.Equal(t, exitRight, status)
}

func TestJSON(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	_, out, _ := command(t, books, "-json")
	assert.Equal(t, `{"users":0,"transactions":0,"mismatches":[],"unsettled":[],"unfinished":""}`+"\n", out)
}

func TestMetric(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	post(t, books.Ledger, "1", "+10", "+1")
	books.Damage(t, books.Config.AggregateTable, "UPDATE ? SET balance = 1 WHERE user_id = '1'")
	before := time.Now().UnixMilli()
	status, out, log := command(t, books, "-emf")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, log, `user "1": balance: the balance is 1 at version 2`)

	values, service := metricsOf(t, out)
	assert.Equal(t, map[string]int{"AuditFailed": 0, "AuditUnsettled": 0, "BalanceMismatches": 1, "Transactions": 2, "Users": 1}, values)
	assert.Empty(t, service)
	assert.Equal(t, 1, strings.Count(out, "\n"), "one line")
	var line struct {
		AWS struct{ Timestamp int64 } `json:"_aws"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &line))
	assert.GreaterOrEqual(t, line.AWS.Timestamp, before)
}

// metricsOf returns the metrics that CloudWatch makes of a line, which are those
// that it defines, with the values of its members of that name, and the service
// that they are counted by.
func metricsOf(t *testing.T, line string) (values map[string]int, service string) {
	t.Helper()
	var defined struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(line), &defined))
	require.NoError(t, json.Unmarshal([]byte(line), &members))
	require.Len(t, defined.AWS.CloudWatchMetrics, 1)
	set := defined.AWS.CloudWatchMetrics[0]
	assert.Equal(t, "onewrite", set.Namespace)
	dimensions := []string{}
	if members["service"] != nil {
		dimensions = append(dimensions, "service")
		assert.NoError(t, json.Unmarshal(members["service"], &service))
	}
	assert.Equal(t, [][]string{dimensions}, set.Dimensions)
	values = map[string]int{}
	for _, metric := range set.Metrics {
		var value int
		assert.Equal(t, "Count", metric.Unit)
		assert.NoError(t, json.Unmarshal(members[metric.Name], &value), metric.Name)
		values[metric.Name] = value
	}
	return values, service
}

// A clean report says so in a metric, which ends the alarm of an earlier one.
func TestMetricsOfCleanBooks(t *testing.T) {
	t.Parallel()
	_, out, _ := command(t, infratest.New(t), "-emf")
	values, _ := metricsOf(t, out)
	assert.Equal(t, map[string]int{"AuditFailed": 0, "AuditUnsettled": 0, "BalanceMismatches": 0, "Transactions": 0, "Users": 0}, values)
}

func TestStatement(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	post(t, ledger.New(books.Store, at(lastYear)), "1", "+10.5", "-1000", "-110.5")
	post(t, books.Ledger, "2", "+1")
	status, out, log := command(t, books, "-user", "1")
	assert.Equal(t, `date                      type    amount  balance  status
2025-11-22T12:00:01.000Z  credit  10.5    110.5    posted
2025-11-22T12:00:02.000Z  debit   1000    110.5    declined
2025-11-22T12:00:03.000Z  debit   110.5   0        posted
`, out+log)
	assert.Equal(t, exitRight, status)
	_, out, _ = command(t, books, "-user", "1", "-csv")
	assert.Equal(t, `date,type,amount,balance,status
2025-11-22T12:00:01.000Z,credit,10.5,110.5,posted
2025-11-22T12:00:02.000Z,debit,1000,110.5,declined
2025-11-22T12:00:03.000Z,debit,110.5,0,posted
`, out)
	_, out, _ = command(t, books, "-user", "=nobody()", "-csv")
	assert.Equal(t, "date,type,amount,balance,status\n", out)
}

func TestStatementOfDamagedHistory(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	post(t, books.Ledger, "1", "+10")
	books.Damage(t, books.Config.TransactionsTable, `UPDATE ? SET "type" = 'gift' WHERE id = '`+idOf(t, "1", "1")+"'")
	status, out, log := command(t, books, "-user", "1")
	assert.Equal(t, exitUnfinished, status)
	assert.Empty(t, out)
	assert.Contains(t, log, `type: is "gift", must be "credit" or "debit"`)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-nothing"}, "not defined"},
		{[]string{"1"}, `unexpected "1"`},
		{[]string{"-rate", "-1"}, "-rate must not be negative"},
		{[]string{"-rate", "NaN"}, "-rate must not be negative"},
		{[]string{"-segments", "0"}, "-segments must be from 1 to 1000"},
		{[]string{"-segments", "1001"}, "-segments must be from 1 to 1000"},
		{[]string{"-settle", "-1s"}, "-settle must not be negative"},
		{[]string{"-json", "-emf"}, "choose one"},
		{[]string{"-service", "x"}, "-service is a dimension"},
		{[]string{"-repair", "-emf"}, "-repair is for everybody"},
		{[]string{"-repair", "-user", "1"}, "-repair is for everybody"},
		{[]string{"-write"}, "-write is for -repair"},
		{[]string{"-csv"}, "-csv is for the statement"},
		{[]string{"-user", " 1"}, "invalid user id"},
		{[]string{"-user", ""}, "invalid user id: must not be blank"},
		{[]string{"-user", "1", "-json"}, "-user writes one statement"},
		{[]string{"-user", "1", "-emf"}, "-user writes one statement"},
	} {
		status, out, log := command(t, books, c.args...)
		assert.Equal(t, exitUsage, status, "%v", c.args)
		assert.Equal(t, 1, strings.Count(log, "\n"), "%v: %s", c.args, log)
		assert.Empty(t, out, "%v", c.args)
		assert.Contains(t, log, c.want, "%v", c.args)
	}
	var log bytes.Buffer
	err := run(t.Context(), nil, func(string) string { return "" }, &log, &log)
	assert.Equal(t, exitUsage, statusOf(t, err))
	assert.ErrorContains(t, err, "missing in the environment: TRANSACTIONS_TABLE")

	books.Config.TransactionsTable = "missing"
	status, out, _ := command(t, books)
	assert.Equal(t, exitUnfinished, status)
	assert.Contains(t, out, "unfinished scan missing: ")
}

func TestHelp(t *testing.T) {
	t.Parallel()
	status, out, log := command(t, infratest.New(t), "-h")
	assert.Equal(t, exitRight, status)
	assert.Contains(t, out, "-settle time")
	assert.Empty(t, log)
}

func TestPace(t *testing.T) {
	t.Parallel()
	now := lastYear
	p := pace{unitsPerSecond: 100}
	assert.Equal(t, 500*time.Millisecond, p.owed(50, now))
	assert.Equal(t, time.Second, p.owed(50, now), "what others read counts")
	assert.Equal(t, 100*time.Millisecond, p.owed(10, now.Add(time.Minute)), "what was not used is lost")
	assert.Zero(t, (&pace{}).owed(1e6, now))
}
