package handler_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
)

// emf is a line as CloudWatch reads it: the metrics that its metadata names, and
// its members.
type emf struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
	members map[string]json.RawMessage
}

// readEMF reads a line, and checks it against the embedded metric format.
func readEMF(t *testing.T, line []byte) (e emf) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(line))
	require.NoError(t, decoder.Decode(&e.members))
	strict := json.NewDecoder(bytes.NewReader(e.members["_aws"]))
	strict.DisallowUnknownFields()
	require.NoError(t, strict.Decode(&e.AWS), "the metadata has no other members")

	assert.Less(t, len(line), 256<<10)
	assert.InDelta(t, time.Now().UnixMilli(), e.AWS.Timestamp, float64(time.Hour.Milliseconds()))
	require.NotEmpty(t, e.AWS.CloudWatchMetrics)
	for _, directive := range e.AWS.CloudWatchMetrics {
		assertText(t, directive.Namespace)
		assert.NotEmpty(t, directive.Dimensions, "no set of dimensions publishes nothing")
		for _, set := range directive.Dimensions {
			assert.LessOrEqual(t, len(set), 30)
			for _, name := range set {
				var value string
				require.NoError(t, json.Unmarshal(e.members[name], &value), "dimension %s is a string", name)
				assertText(t, value)
			}
		}
		assert.LessOrEqual(t, len(directive.Metrics), 100)
		names := map[string]bool{}
		for _, metric := range directive.Metrics {
			assertText(t, metric.Name)
			assert.False(t, names[metric.Name], "%s stands twice", metric.Name)
			names[metric.Name] = true
			assert.Contains(t, []string{"Count", "Milliseconds"}, metric.Unit)
			var value float64
			require.NoError(t, json.Unmarshal(e.members[metric.Name], &value), "metric %s is a number", metric.Name)
			assert.GreaterOrEqual(t, value, 0.0)
		}
	}
	return e
}

// assertText checks a name's or value's length and characters: 1 to 1,024 in ASCII.
func assertText(t *testing.T, text string) {
	t.Helper()
	assert.Regexp(t, `^[\x20-\x7e]+$`, text)
	assert.LessOrEqual(t, len(text), 1024)
}

// outcomes makes a call with each outcome, and passes on its line.
func outcomes(t *testing.T, h *handler.Handler, books *infratest.Books, log *bytes.Buffer, see func(counter, route string, e emf)) {
	t.Helper()
	send := overEvents(event2)(t, h)
	post := func(key, body string) request {
		return request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": key}, body}
	}
	const posting = "POST /transactions"
	for _, c := range []struct {
		request        request
		fault          faults.Fault
		counter, route string
	}{
		{request{method: "GET", target: "/balance?userId=1"}, nil, "Read", "GET /balance"},
		{post("1", body("1", "1", "credit")), nil, "Posted", posting},
		{post("1", body("1", "1", "credit")), nil, "Replayed", posting},
		{post("1", body("1", "2", "credit")), nil, "Reused", posting},
		{post("2", body("1", "500", "debit")), nil, "Declined", posting},
		{post("3", `{}`), nil, "Rejected", posting},
		{request{method: "GET", target: "/nothing"}, nil, "Rejected", ""},
		{post("4", body("1", "1", "credit")), damage, "Failed", posting},
	} {
		log.Reset()
		if c.fault != nil {
			books.Network.Next(c.fault)
		}
		began := time.Now()
		send(t, c.request)
		took := time.Since(began)
		e := readEMF(t, log.Bytes())
		var latency float64
		require.NoError(t, json.Unmarshal(e.members["Latency"], &latency))
		assert.LessOrEqual(t, latency, float64(took)/float64(time.Millisecond), "milliseconds, of a part of the call")
		see(c.counter, c.route, e)
	}
}

func TestLogLineHoldsMetrics(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	outcomes(t, h, books, log, func(counter, route string, e emf) {
		directive := e.AWS.CloudWatchMetrics[0]
		var names []string
		for _, metric := range directive.Metrics {
			names = append(names, metric.Name)
		}
		assert.Equal(t, []string{counter, "Retries", "Latency"}, names)
		assert.JSONEq(t, "1", string(e.members[counter]))
		if route == "" {
			assert.Equal(t, [][]string{{"service"}}, directive.Dimensions, "no route, so none to count by")
			return
		}
		assert.Equal(t, [][]string{{"service"}, {"service", "route"}}, directive.Dimensions, counter)
		assert.JSONEq(t, `"`+route+`"`, string(e.members["route"]))
		assert.JSONEq(t, `"ledger"`, string(e.members["service"]))
		if counter != "Failed" {
			assert.Len(t, e.AWS.CloudWatchMetrics, 1, counter)
			return
		}
		require.Len(t, e.AWS.CloudWatchMetrics, 2, counter)
		own := e.AWS.CloudWatchMetrics[1]
		assert.Equal(t, [][]string{{"service", "version"}}, own.Dimensions)
		require.Len(t, own.Metrics, 1)
		assert.Equal(t, "Failed", own.Metrics[0].Name)
		assert.JSONEq(t, `"7"`, string(e.members["version"]))
	})
}

func TestTemplateNamesTheMetrics(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	// TryAgain needs a call that lasts seconds, as in TestConflictsUntilTheDeadline;
	// BalanceMismatches is the audit's.
	there, namespace := []string{"Retries", "Latency", "TryAgain", "BalanceMismatches"}, ""
	outcomes(t, h, books, log, func(counter, _ string, e emf) {
		there, namespace = append(there, counter), e.AWS.CloudWatchMetrics[0].Namespace
	})
	template, err := os.ReadFile("../template.yaml")
	require.NoError(t, err)
	var watched []string
	for _, pattern := range []string{`Namespace: ` + namespace + `\n +MetricName: (\w+)\n`, `"` + namespace + `", "(\w+)"`, `MetricName=\\?"(\w+)`} {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(template), -1) {
			watched = append(watched, match[1])
			assert.Contains(t, there, match[1])
		}
	}
	for _, name := range there {
		if name != "Read" {
			assert.True(t, slices.Contains(watched, name), "nobody watches %s", name)
		}
	}
}
