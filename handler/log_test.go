package handler_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
)

var counters = map[string]string{
	"read": "Read", "posted": "Posted", "declined": "Declined", "replayed": "Replayed", "reused": "Reused", "rejected": "Rejected",
	"try_again": "TryAgain", "failed": "Failed",
}

type logLine struct {
	Level, Message, Service, Version, Route, Caller, User, Transaction, Outcome, Cause string
	Status, Retries                                                                    int
	RequestID                                                                          string `json:"request_id"`
	Latency                                                                            float64

	members map[string]json.RawMessage
	metrics []directive // decoded from the _aws member
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []struct{ Name, Unit string }
}

// readLine reads the log's only line, and checks it against the embedded metric format. It
// empties the log.
func readLine(t *testing.T, log *bytes.Buffer) (line logLine) {
	t.Helper()
	require.Equal(t, 1, strings.Count(log.String(), "\n"), log)
	require.NoError(t, json.Unmarshal(log.Bytes(), &line), "%s", log)
	require.NoError(t, json.Unmarshal(log.Bytes(), &line.members))
	var metadata struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	}
	strict := json.NewDecoder(bytes.NewReader(line.members["_aws"]))
	strict.DisallowUnknownFields()
	require.NoError(t, strict.Decode(&metadata), "the metadata has no other members")
	assert.InDelta(t, time.Now().UnixMilli(), metadata.Timestamp, float64(time.Hour.Milliseconds()))
	line.metrics = metadata.CloudWatchMetrics
	require.NotEmpty(t, line.metrics)
	for _, one := range line.metrics {
		for _, dimension := range slices.Concat(one.Dimensions...) {
			var value string
			require.NoError(t, json.Unmarshal(line.members[dimension], &value), "dimension %s is a string", dimension)
			assert.Regexp(t, `^[\x20-\x7e]{1,1000}$`, value)
		}
		for _, metric := range one.Metrics {
			var value float64
			require.NoError(t, json.Unmarshal(line.members[metric.Name], &value), "metric %s is a number", metric.Name)
		}
	}
	log.Reset()
	return line
}

// assertMembers checks that a line has the level and the metrics for its outcome, and no
// unexpected members.
func assertMembers(t *testing.T, line logLine) {
	t.Helper()
	counter, level := counters[line.Outcome], "INFO"
	members := []string{
		"timestamp", "level", "message", "service", "version", "route", "status", "request_id", "caller", "user", "transaction", "outcome",
		"Retries", "Latency", "_aws", counter,
	}
	type metric = struct{ Name, Unit string }
	count := metric{counter, "Count"}
	want := []directive{{"onewrite", [][]string{{"service"}, {"service", "route"}}, []metric{count, {"Retries", "Count"}, {"Latency", "Milliseconds"}}}}
	if line.Route == "" { // not counted by route
		want[0].Dimensions = [][]string{{"service"}}
	}
	if line.Outcome == "failed" {
		members, level = append(members, "cause"), "ERROR"
		want = append(want, directive{"onewrite", [][]string{{"service", "version"}}, []metric{count}})
	}
	assert.ElementsMatch(t, members, slices.Collect(maps.Keys(line.members)))
	assert.Equal(t, want, line.metrics)
	assert.JSONEq(t, "1", string(line.members[counter]))
	assert.Equal(t, []string{level, "request", "ledger", "7", "gateway-1"}, []string{line.Level, line.Message, line.Service, line.Version, line.RequestID})
}

func TestTemplateNamesTheMetrics(t *testing.T) {
	t.Parallel()
	there := slices.Concat(slices.Collect(maps.Values(counters)), []string{"Retries", "Latency", "BalanceMismatches"}) // the audit writes BalanceMismatches
	template, err := os.ReadFile("../template.yaml")
	require.NoError(t, err)
	var watched []string
	for _, pattern := range []string{`Namespace: onewrite\n +MetricName: (\w+)\n`, `"onewrite", "(\w+)"`, `MetricName=\\?"(\w+)`} {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(template), -1) {
			watched = append(watched, match[1])
			assert.Contains(t, there, match[1])
		}
	}
	for _, name := range there {
		if name != "Read" {
			assert.True(t, slices.Contains(watched, name), "no alarm or dashboard shows %s", name)
		}
	}
}

// The log line and the stored row name the caller that API Gateway and IAM identified. A
// call can't forge the name, and no answer shows it.
func TestCallerIsKept(t *testing.T) {
	t.Parallel()
	const forged = `sub" , "caller":"admin"}` + "\n" + `{"caller":"admin"`
	post := request{
		http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1", "caller": "admin"},
		`{"userId":"1","ammount":"1","type":"debit","caller":"admin"}`,
	}
	byIAM, byAnyone := handler.Access{Authorization: handler.IAM}, handler.Access{Authorization: handler.None}
	for format, g := range gateways {
		signed := func(arn string) object { return g.signedBy(arn, post) }
		token := func(sub string) object { return g.authorized(post, g.authorizer(object{"sub": sub})) }
		for _, c := range []struct {
			access handler.Access
			event  object
			caller string
		}{
			{byIAM, signed(callerARN), callerARN},
			{byIAM, signed(forged), strings.ReplaceAll(forged, "\n", "?")},
			{byIAM, g.event(post), ""},
			{byIAM, token("1"), ""},
			{byIAM, bare(post), "direct"},
			{byTokens, token("1"), "1"},
			{byTokens, token(`1","caller":"admin`), `1","caller":"admin`},
			{byTokens, token(forged), ""}, // a user id can't have a line break
			// A sub that could be another caller's name gets a prefix.
			{byTokens, token("direct"), "sub:direct"},
			{byTokens, token("sub:direct"), "sub:sub:direct"},
			{byTokens, token(callerARN), "sub:" + callerARN},
			{byTokens, token("arn:" + strings.Repeat("€", 124)), "sub:arn:" + strings.Repeat("€", 39) + "..." + strings.Repeat("€", 42)},
			{byTokens, token("directs"), "directs"},
			{byTokens, signed(callerARN), callerARN},
			{byTokens, bare(post), "direct"},
			{byAnyone, signed(callerARN), callerARN},
			{byAnyone, g.event(post), ""},
			{byAnyone, bare(post), "direct"},
			{handler.Access{}, bare(post), ""},
		} {
			h, books, log := newHandlerFor(t, c.access)
			got := invoke(t, h, encode(t, c.event))
			assert.NotContains(t, got.Body, "direct")
			assert.Equal(t, 1, strings.Count(log.String(), `"caller":`), "%s: %s", format, log)
			assert.Equal(t, c.caller, readLine(t, log).Caller, "%s: %+v", format, c.event)
			if got.Status == http.StatusCreated {
				assert.Equal(t, c.caller, postedBy(t, books, got.Header.Get("Location")), "%s: %+v", format, c.event)
			}
		}
	}
	h, _, log := newHandler(t)
	require.Equal(t, http.StatusCreated, overHTTP(t, h)(t, post).Status)
	assert.Empty(t, readLine(t, log).Caller, "plain HTTP names no caller")
}

func postedBy(t *testing.T, books *infratest.Books, location string) string {
	t.Helper()
	row, err := books.Store.Transaction(t.Context(), parseID(t, location))
	require.NoError(t, err)
	return row.PostedBy.String()
}

// Every kind of row keeps the caller that wrote it, even if another caller sends the call
// again. keepsContract checks that no answer shows the caller.
func TestPostedBy(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		service, payer, receiver := g.service(h), g.user("2", h), g.user("1", h)
		captured, voided := payer.pending(t, "captured", paymentBody("2", "1", "10")), payer.pending(t, "voided", paymentBody("2", "1", "10"))
		declined := payer.post(t, "declined", body("2", "1000", "debit")).Header.Get("Location")
		for _, a := range []*api{receiver, service} { // the service's calls are replays
			require.Equal(t, http.StatusOK, a.end(t, captured, "capture", "").Status)
			require.Equal(t, http.StatusOK, a.end(t, voided, "void", "").Status)
		}
		require.Equal(t, declined, service.post(t, "declined", body("2", "1000", "debit")).Header.Get("Location"))
		refund, rules := service.refund(t, captured, "r", ""), service.rule(t, "rules", `{"userId":"2","debits":"blocked"}`)
		endOf := func(id string) string { return parseID(t, id).End().String() }
		for row, want := range map[string]string{
			captured: "2", voided: "2", declined: "2", endOf(captured): "1", endOf(voided): "1",
			refund.Header.Get("Location"): callerARN, rules.Header.Get("Location"): callerARN,
		} {
			assert.Equal(t, want, postedBy(t, books, row))
		}
	})
}
