package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
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

// template is what the tests here read of template.yaml.
type template struct {
	Resources struct {
		Audit struct {
			Properties struct {
				Timeout     int `yaml:"Timeout"`
				Environment struct {
					Variables map[string]yaml.Node `yaml:"Variables"`
				} `yaml:"Environment"`
			} `yaml:"Properties"`
		} `yaml:"Audit"`
		Role struct {
			Properties struct {
				Policies []struct {
					Document struct {
						Statement []struct {
							Action   yaml.Node `yaml:"Action"`
							Resource string    `yaml:"Resource"`
						} `yaml:"Statement"`
					} `yaml:"PolicyDocument"`
				} `yaml:"Policies"`
			} `yaml:"Properties"`
		} `yaml:"Role"`
		MismatchesAlarm alarm `yaml:"MismatchesAlarm"`
		SilentAlarm     alarm `yaml:"SilentAlarm"`
	} `yaml:"Resources"`
}

type alarm struct {
	Properties struct {
		Namespace  string              `yaml:"Namespace"`
		MetricName string              `yaml:"MetricName"`
		Dimensions []map[string]string `yaml:"Dimensions"`
	} `yaml:"Properties"`
}

func readTemplate(t *testing.T) (read template) {
	t.Helper()
	source, err := os.ReadFile("template.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(source, &read))
	return read
}

// The function's role allows exactly the requests of an audit that makes every kind of request.
func TestPolicyAllowsWhatIsRequested(t *testing.T) {
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
	require.NoError(t, a.tables.open(t.Context()))
	require.NoError(t, a.tables.readSettings(t.Context()))
	a.run(t.Context())

	allowed := map[faults.Access]bool{}
	for _, policy := range readTemplate(t).Resources.Role.Properties.Policies {
		for _, statement := range policy.Document.Statement {
			var actions []string
			if err := statement.Action.Decode(&actions); err != nil {
				actions = []string{statement.Action.Value}
			}
			_, resource, ok := strings.Cut(statement.Resource, ":table/")
			table, index, _ := strings.Cut(strings.NewReplacer("${", "", "}", "").Replace(resource), "/index/")
			for _, action := range actions {
				if ok {
					allowed[faults.Access{Action: action, Table: table, Index: index}] = true
				}
			}
		}
	}
	assert.Equal(t, allowed, requested)
}

// With the template's environment and flags, an audit writes the metric that the alarms watch.
func TestTemplateFitsTheMetrics(t *testing.T) {
	t.Parallel()
	resources := readTemplate(t).Resources
	b := infratest.New(t)
	given := map[string]string{"TransactionsTable": b.Config.TransactionsTable, "AggregateTable": b.Config.AggregateTable}
	getenv := environment(b)
	var out, log bytes.Buffer
	require.NoError(t, invoke(t.Context(), func(name string) string {
		node, ok := resources.Audit.Properties.Environment.Variables[name]
		value := node.Value
		switch {
		case ok && given[value] != "": // a !Ref
			return given[value]
		case ok: // a !Sub
			return strings.NewReplacer("${Service}", "ledger", "${ReadUnits}", "1000").Replace(value)
		case strings.HasPrefix(name, "AWS_"):
			return getenv(name)
		}
		return ""
	}, &out, &log))
	values, service := metricsOf(t, out.String())
	assert.Equal(t, "ledger", service)
	for _, alarm := range []alarm{resources.MismatchesAlarm, resources.SilentAlarm} {
		assert.Equal(t, "onewrite", alarm.Properties.Namespace)
		assert.Contains(t, values, alarm.Properties.MetricName)
		assert.Equal(t, []map[string]string{{"Name": "service", "Value": "Service"}}, alarm.Properties.Dimensions)
	}
	assert.Equal(t, 15*time.Minute, time.Duration(resources.Audit.Properties.Timeout)*time.Second, "Lambda's longest")
}

// The built function logs the metrics and the findings.
func TestLambda(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10", "+1")
	b.Damage(t, b.Config.AggregateTable, "UPDATE ? SET balance = 1 WHERE user_id = '1'")
	binary := filepath.Join(t.TempDir(), "bootstrap")
	require.NoError(t, runtimeapi.Build(t.Context(), "onewrite/infra/audit", binary))
	var log bytes.Buffer
	function, err := runtimeapi.Start(binary, append(b.Env(), "AUDIT_FLAGS=-emf -service ledger"), &log)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	answer, err := function.Invoke(ctx, []byte(`{"source": "aws.events"}`))
	function.Kill()
	require.NoError(t, err)
	assert.Equal(t, "null", string(answer), "finding something is no failure of the function")
	line, rest, _ := cutLine(log.String(), "{")
	values, service := metricsOf(t, line)
	assert.Equal(t, map[string]int{"AuditFailed": 0, "AuditUnsettled": 0, "BalanceMismatches": 1, "Transactions": 2, "Users": 1}, values)
	assert.Equal(t, "ledger", service)
	assert.Contains(t, rest, `wrong      user "1": balance: the balance is 1 at version 2`)
}

// cutLine returns a text's first line that begins with prefix, and the other lines.
func cutLine(text, prefix string) (line, rest string, found bool) {
	var others strings.Builder
	for each := range strings.Lines(text) {
		if !found && strings.HasPrefix(each, prefix) {
			line, found = each, true
		} else {
			others.WriteString(each)
		}
	}
	return line, others.String(), found
}

// An audit that outlasts an invocation reports in time that it could not finish.
func TestLambdaTimeIsUp(t *testing.T) {
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
	assert.Contains(t, log.String(), "unfinished the time that Lambda gives to an invocation is up")
}

func TestLambdaCalledWrongly(t *testing.T) {
	t.Parallel()
	err := invoke(t.Context(), func(string) string { return "" }, nil, nil)
	assert.ErrorContains(t, err, "missing in the environment")
	err = invoke(t.Context(), func(string) string { return "-emf -service" }, nil, nil)
	assert.ErrorContains(t, err, "flag needs an argument: -service")
}
