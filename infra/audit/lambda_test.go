package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

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
