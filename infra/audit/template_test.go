package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/runtimeapi"
)

// resource returns the property at path in the named resource of template.yaml.
func resource(t *testing.T, name string, path ...string) any {
	t.Helper()
	source, err := os.ReadFile("template.yaml")
	require.NoError(t, err)
	var template struct {
		Resources map[string]map[string]any `yaml:"Resources"`
	}
	require.NoError(t, yaml.Unmarshal(source, &template))
	part := template.Resources[name]["Properties"]
	for _, name := range path {
		part = part.(map[string]any)[name]
	}
	return part
}

// The function's role allows exactly the requests that an audit makes.
func TestPolicyAllowsEveryRequest(t *testing.T) {
	t.Parallel()
	b := damagedBooks(t)
	_, err := b.Ledger.Post(t.Context(), infratest.Entries(t, "new", "3 debit 1", "4 credit 1"))
	require.NoError(t, err)
	b.Execute(t, b.Config.AggregateTable, "UPDATE ? SET transaction_id = '"+idOf(t, "victim", "1")+"' WHERE user_id = '4'")
	a, network := auditor(b)
	tables := map[string]string{b.Config.TransactionsTable: "TransactionsTable", b.Config.AggregateTable: "AggregateTable"}
	var mu sync.Mutex
	requested := map[faults.Access]bool{}
	network.Always(faults.Record(func(access faults.Access) {
		access.Table = tables[access.Table]
		mu.Lock()
		defer mu.Unlock()
		requested[access] = true
	}))
	require.NoError(t, a.open(t.Context()))
	require.NoError(t, a.readSettings(t.Context()))
	a.run(t.Context())

	allowed := map[faults.Access]bool{}
	var policies []struct {
		PolicyDocument struct {
			Statement []struct{ Action, Resource any }
		}
	}
	encoded, err := json.Marshal(resource(t, "Role", "Policies"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(encoded, &policies))
	for _, policy := range policies {
		for _, statement := range policy.PolicyDocument.Statement {
			actions, ok := statement.Action.([]any)
			if !ok {
				actions = []any{statement.Action}
			}
			_, on, ok := strings.Cut(fmt.Sprint(statement.Resource), ":table/")
			table, index, _ := strings.Cut(strings.NewReplacer("${", "", "}", "").Replace(on), "/index/")
			for _, action := range actions {
				if ok {
					allowed[faults.Access{Action: fmt.Sprint(action), Table: table, Index: index}] = true
				}
			}
		}
	}
	assert.Equal(t, allowed, requested)
}

// With the template's environment and flags, the built function logs the findings and the metrics
// that the alarms watch.
func TestLambda(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10", "+1")
	b.Damage(t, b.Config.AggregateTable, "UPDATE ? SET balance = 1 WHERE user_id = '1'")
	env := slices.DeleteFunc(b.Env(), func(variable string) bool { return !strings.HasPrefix(variable, "AWS_") })
	given := strings.NewReplacer("TransactionsTable", b.Config.TransactionsTable, "AggregateTable", b.Config.AggregateTable,
		"${Service}", "ledger", "${ReadUnits}", "1000")
	for name, value := range resource(t, "Audit", "Environment", "Variables").(map[string]any) {
		if text, ok := value.(string); ok { // skips GOMEMLIMIT, which is a !FindInMap
			env = append(env, name+"="+given.Replace(text))
		}
	}
	binary := filepath.Join(t.TempDir(), "bootstrap")
	require.NoError(t, runtimeapi.Build(t.Context(), "onewrite/infra/audit", binary))
	var log bytes.Buffer
	function, err := runtimeapi.Start(binary, env, &log)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	answer, err := function.Invoke(ctx, []byte(`{"source": "aws.events"}`))
	function.Kill()
	require.NoError(t, err)
	assert.Equal(t, "null", string(answer), "a finding is not a failure of the function")
	assert.Regexp(t, `(?m)^wrong      user "1": balance: the balance is 1 at version 2`, log.String())
	values, service := metricsOf(t, regexp.MustCompile(`(?m)^{.*}$`).FindString(log.String()))
	assert.Equal(t, map[string]int{"AuditFailed": 0, "AuditUnsettled": 0, "BalanceMismatches": 1, "Transactions": 2, "Users": 1}, values)
	assert.Equal(t, "ledger", service)
	for _, alarm := range []string{"MismatchesAlarm", "SilentAlarm"} {
		assert.Equal(t, "onewrite", resource(t, alarm, "Namespace"))
		assert.Contains(t, values, resource(t, alarm, "MetricName"))
		assert.Equal(t, []any{map[string]any{"Name": "service", "Value": "Service"}}, resource(t, alarm, "Dimensions"))
	}
	assert.Equal(t, 900, resource(t, "Audit", "Timeout"), "Lambda's longest")
}

// If an audit needs longer than one invocation, it reports before the timeout that it is
// unfinished.
func TestLambdaTimeout(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10")
	getenv := environment(b)
	ctx, cancel := context.WithTimeout(t.Context(), reportWithin+100*time.Millisecond)
	defer cancel()
	var out, log bytes.Buffer
	require.NoError(t, invoke(ctx, func(name string) string {
		if name == "AUDIT_FLAGS" {
			return "-emf -rate 0.001"
		}
		return getenv(name)
	}, &out, &log))
	deadline, _ := ctx.Deadline()
	assert.Greater(t, time.Until(deadline), 5*time.Second, "the time left to report")
	values, _ := metricsOf(t, out.String())
	assert.Equal(t, 1, values["AuditFailed"])
	assert.NotContains(t, values, "BalanceMismatches")
	assert.Contains(t, log.String(), "unfinished this invocation is about to end")
}

func TestLambdaWithInvalidSettings(t *testing.T) {
	t.Parallel()
	err := invoke(t.Context(), func(string) string { return "" }, nil, nil)
	assert.ErrorContains(t, err, "missing in the environment")
	err = invoke(t.Context(), func(string) string { return "-emf -service" }, nil, nil)
	assert.ErrorContains(t, err, "flag needs an argument: -service")
}
