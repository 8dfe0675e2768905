package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
)

// A wrong environment is an error that names its variables, and no damage.
func TestWrongEnvironment(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10")
	transactions, balances := b.Config.TransactionsTable, b.Config.AggregateTable
	for _, c := range []struct {
		transactions, balances, endpoint string
		status                           int
		want                             string
	}{
		{"missing", balances, b.Config.Endpoint, exitUsage, "TRANSACTIONS_TABLE is missing, and there is no such table in http://"},
		{transactions, "missing", b.Config.Endpoint, exitUsage, "TRANSACTIONS_AGGREGATE_TABLE is missing, and there is no such table"},
		{balances, transactions, b.Config.Endpoint, exitUsage, "whose key is user_id and not id: it is another table"},
		{transactions, transactions, b.Config.Endpoint, exitUsage, "whose key is id and not user_id: it is another table"},
		{transactions, balances, "http://127.0.0.1:1", exitUnfinished, "in http://127.0.0.1:1 (AWS_ENDPOINT_URL_DYNAMODB): dial tcp 127.0.0.1:1: connect: connection refused"},
	} {
		other := infratest.Books{Config: b.Config}
		other.Config.TransactionsTable, other.Config.AggregateTable, other.Config.Endpoint = c.transactions, c.balances, c.endpoint
		for _, task := range [][]string{nil, {"-user", "1"}, {"-export", "balances"}, {"-rebuild"}} {
			status, out, log := command(t, &other, task...)
			assert.Equal(t, c.status, status, "%v %v", c, task)
			assert.Contains(t, out+log, c.want, "%v", task)
			assert.NotContains(t, out+log, "wrong      ", "%v", task)
			assert.NotContains(t, out+log, "https response error", "%v", task)
		}
	}
}

// No task accepts a table with a replica.
func TestReplicas(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	for _, table := range []string{b.Config.TransactionsTable, b.Config.AggregateTable} {
		a, network := auditor(b)
		network.Always(on("DescribeTable", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			return faults.Rewrite(func(answer string) string {
				return strings.Replace(answer, `"TableName":"`+table+`"`, `"Replicas":[{"RegionName":"eu-west-1","ReplicaStatus":"ACTIVE"}],"TableName":"`+table+`"`, 1)
			})(r, deliver)
		}))
		err := a.tables.open(t.Context())
		assert.ErrorContains(t, err, "is "+table+", which has a replica in eu-west-1: ")
		assert.Equal(t, exitUsage, statusOf(t, err))
	}
}

// A caller who may read the tables and not describe them can audit them.
func TestWithoutDescribeTable(t *testing.T) {
	t.Parallel()
	b := damagedBooks(t)
	status, out, _ := command(t, through(t, b, nth(1, "DescribeTable", forbid)), "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, out, "2 users, 2 transactions: 3 wrong, 0 unsettled\n")
}

// A metric reports that nothing could be read, also after an early error.
func TestMetricWithoutDatabase(t *testing.T) {
	t.Parallel()
	_, out, _ := command(t, through(t, infratest.New(t), nth(1, "DescribeTable", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	})), "-emf")
	values, _ := metricsOf(t, out)
	assert.Equal(t, 1, values["AuditFailed"])
	assert.NotContains(t, values, "BalanceMismatches")
}

// A ledger on this machine needs its address and nothing else.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := run(t.Context(), nil, func(string) string { return "" }, &out, &out)
	assert.Equal(t, exitUsage, statusOf(t, err))
	assert.ErrorContains(t, err, "missing in the environment: TRANSACTIONS_TABLE")

	endpoint := infratest.New(t).Config.Endpoint
	err = run(t.Context(), nil, func(name string) string {
		return map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": endpoint}[name]
	}, &out, &out)
	assert.Equal(t, exitUsage, statusOf(t, err))
	assert.EqualError(t, err, "TRANSACTIONS_TABLE is transactions, and there is no such table in "+endpoint+" (AWS_ENDPOINT_URL_DYNAMODB)")
}
