package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler/emf"
	"onewrite/infra/infratest"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "6") // the tests mostly wait; -parallel overrides this
	infratest.Main(m)
}

// command runs the audit command. It adds -segments 2, because the tables are small, except with
// -user, which does not accept that flag.
func command(t *testing.T, books *infratest.Books, args ...string) (status int, out, log string) {
	t.Helper()
	if !slices.Contains(args, "-user") && !slices.Contains(args, "-segments") {
		args = append([]string{"-segments", "2"}, args...)
	}
	var o, l bytes.Buffer
	err := execute(t.Context(), args, environment(books), &o, &l)
	if status = statusOf(t, err); errors.Unwrap(err) != nil {
		fmt.Fprintln(&l, "audit:", err)
	}
	return status, o.String(), l.String()
}

const exitUsage = 2

func statusOf(t *testing.T, err error) int {
	t.Helper()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return exitRight
	}
	exit, ok := errors.AsType[*cli.ExitError](err)
	require.True(t, ok, "an error without a status would be taken for damage: %v", err)
	return exit.Status
}

func environment(books *infratest.Books) func(string) string {
	env := map[string]string{}
	for _, variable := range books.Env() {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	return func(name string) string { return env[name] }
}

// post posts credits and debits such as "+10" and "-2.5" to a user, in order. The idempotency keys
// are 1, 2, 3 and so on.
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

// at returns a clock that starts at begin and advances by a second at each reading.
func at(begin time.Time) func() time.Time {
	return func() time.Time {
		begin = begin.Add(time.Second)
		return begin
	}
}

var lastYear = time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)

func TestCorrectBooks(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	status, out, log := command(t, books)
	assert.Equal(t, `totals     0 users: opening 0 + credits 0 - debits 0 = 0; balances 0, difference 0
0 users, 0 transactions: every balance matches its history
`, out+log)
	assert.Equal(t, exitRight, status)
	_, out, _ = command(t, books, "-json")
	assert.Equal(t, `{"users":0,"transactions":0,"mismatches":[],"unsettled":[],"unfinished":"",`+
		`"totals":{"users":0,"opening":"0","credits":"0","debits":"0","history":"0","balances":"0","difference":"0"}}`+"\n", out)

	post(t, books.Ledger, "fresh", "+10", "-110", "-0.01")
	post(t, books.Ledger, "declined only", "-1000")
	post(t, ledger.New(books.Store, at(lastYear)), "old", "-99.99", "+0.01")
	books.Credit(t, "full", append(slices.Repeat([]string{"1000000000000"}, 999), "999999999800")...)
	status, out, log = command(t, books)
	assert.Equal(t, `totals     3 users: opening 300 + credits 999999999999810.01 - debits 209.99 = 999999999999900.02; balances 999999999999900.02, difference 0
4 users, 1006 transactions: every balance matches its history
`, out+log)
	assert.Equal(t, exitRight, status)
}

// A clean audit reports BalanceMismatches as 0, which ends the alarm. An audit that could not read
// the tables does not report it, so the alarm stays on.
func TestMetrics(t *testing.T) {
	t.Parallel()
	wrong := infratest.New(t)
	post(t, wrong.Ledger, "1", "+10", "+1")
	wrong.Damage(t, wrong.Config.AggregateTable, "UPDATE ? SET balance = 1 WHERE user_id = '1'")
	unread := through(t, infratest.New(t), nth(1, "DescribeTable", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	}))
	for _, c := range []struct {
		books  *infratest.Books
		status int
		log    string
		want   map[string]int
	}{
		{infratest.New(t), exitRight, "every balance matches its history", map[string]int{"AuditFailed": 0, "AuditUnsettled": 0, "BalanceMismatches": 0, "Transactions": 0, "Users": 0}},
		{wrong, exitWrong, `user "1": balance: the balance is 1 at version 2`, map[string]int{"AuditFailed": 0, "AuditUnsettled": 0, "BalanceMismatches": 1, "Transactions": 2, "Users": 1}},
		{unread, exitUnfinished, "unfinished describe ", map[string]int{"AuditFailed": 1, "AuditUnsettled": 0, "Transactions": 0, "Users": 0}},
	} {
		before := time.Now().UnixMilli()
		status, out, log := command(t, c.books, "-emf")
		assert.Equal(t, c.status, status)
		assert.Contains(t, log, c.log)
		values, service := metricsOf(t, out)
		assert.Equal(t, c.want, values)
		assert.Empty(t, service)
		assert.Equal(t, 1, strings.Count(out, "\n"), "one line")
		var line struct {
			AWS emf.Metadata `json:"_aws"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &line))
		assert.GreaterOrEqual(t, line.AWS.Timestamp, before)
	}
}

// metricsOf returns the metrics that CloudWatch extracts from a line, by name, and the value of the
// service dimension, if any.
func metricsOf(t *testing.T, line string) (values map[string]int, service string) {
	t.Helper()
	var defined struct {
		AWS     emf.Metadata `json:"_aws"`
		Service string       `json:"service"`
	}
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(line), &defined))
	require.NoError(t, json.Unmarshal([]byte(line), &members))
	require.Len(t, defined.AWS.CloudWatchMetrics, 1)
	of := defined.AWS.CloudWatchMetrics[0]
	assert.Equal(t, "onewrite", of.Namespace)
	dimensions := []string{}
	if members["service"] != nil {
		dimensions = append(dimensions, "service")
	}
	assert.Equal(t, [][]string{dimensions}, of.Dimensions)
	values = map[string]int{}
	for _, metric := range of.Metrics {
		assert.Equal(t, "Count", metric.Unit)
		value, ok := members[metric.Name].(float64)
		assert.True(t, ok, metric.Name)
		values[metric.Name] = int(value)
	}
	return values, defined.Service
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-nothing"}, "not defined"},
		{[]string{"1"}, `unexpected argument "1"`},
		{[]string{"-rate", "-1"}, "-rate must be at least 0.001, or 0"},
		{[]string{"-rate", "NaN"}, "-rate must be at least 0.001, or 0"},
		{[]string{"-rate", "1e-300"}, "-rate must be at least 0.001, or 0"},
		{[]string{"-segments", "0"}, "-segments must be from 1 to 1000"},
		{[]string{"-segments", "1001"}, "-segments must be from 1 to 1000"},
		{[]string{"-settle", "-1s"}, "-settle must not be negative"},
		{[]string{"-json", "-emf"}, "-json and -emf are both output formats"},
		{[]string{"-service", "x"}, "-service needs -emf"},
		{[]string{"-emf", "-service", ""}, "-service is empty"},
		{[]string{"-csv"}, "-csv cannot be used with the audit of all users; use it with -user or -export"},
		{[]string{"-from", "2026-11-22"}, "-from cannot be used with the audit of all users"},
		{[]string{"-write"}, "-write cannot be used with the audit of all users; use it with -rebuild"},
		{[]string{"-rebuild", "-emf"}, "-emf cannot be used with -rebuild"},
		{[]string{"-rebuild", "-from", "2026-11-22"}, "-from cannot be used with -rebuild"},
		{[]string{"-user", " 1"}, "invalid user id"},
		{[]string{"-user", ""}, "invalid user id: must not be blank"},
		{[]string{"-user", "1", "-json", "-csv"}, "choose one"},
		{[]string{"-user", "1", "-emf"}, "-emf cannot be used with -user"},
		{[]string{"-user", "1", "-segments", "2"}, "-segments cannot be used with -user"},
		{[]string{"-user", "1", "-export", "balances"}, "-export cannot be used with -user"},
		{[]string{"-user", "1", "-from", "yesterday"}, "must be a day, such as 2026-11-30, or a time"},
		{[]string{"-user", "1", "-to", ""}, "must be a day"},
		{[]string{"-user", "1", "-from", "2026-11-23", "-to", "2026-11-22"}, "-from must be before -to"},
		{[]string{"-export", "users"}, "must be transactions or balances"},
		{[]string{"-export", ""}, "must be transactions or balances"},
		{[]string{"-export", "balances", "-settle", "1s"}, "-settle cannot be used with -export"},
		{[]string{"-export", "balances", "-to", "2026-11-22"}, "-from and -to select transactions"},
	} {
		status, out, log := command(t, books, c.args...)
		assert.Equal(t, exitUsage, status, "%v", c.args)
		assert.Equal(t, 1, strings.Count(log, "\n"), "%v: %s", c.args, log)
		assert.Empty(t, out, "%v", c.args)
		assert.Contains(t, log, c.want, "%v", c.args)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	status, out, log := command(t, infratest.New(t), "-h")
	assert.Equal(t, exitRight, status)
	assert.Contains(t, out, "-settle time")
	assert.Contains(t, out, "AWS_ENDPOINT_URL_DYNAMODB")
	assert.Empty(t, log)
}

func TestPace(t *testing.T) {
	t.Parallel()
	now := lastYear
	p := pace{unitsPerSecond: 100}
	assert.Equal(t, 500*time.Millisecond, p.delay(50, now))
	assert.Equal(t, time.Second, p.delay(50, now), "units of other readers count")
	assert.Equal(t, 100*time.Millisecond, p.delay(10, now.Add(time.Minute)), "unused units are lost")
	assert.Zero(t, (&pace{}).delay(1e6, now))
}
