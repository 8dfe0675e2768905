package handler_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
)

var update = flag.Bool("update", false, "write the answers that testdata/answers lacks")

// Every event in testdata/events gets the answer of the same name in testdata/answers, from
// a new ledger at noon. With authorization, events without a permitted caller are rejected.
func TestEvents(t *testing.T) {
	t.Parallel()
	events, err := filepath.Glob("../testdata/events/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, events)
	for _, path := range events {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload, err := os.ReadFile(path)
			require.NoError(t, err)
			h, _, _ := newHandler(t)
			output, err := h.Invoke(t.Context(), payload)
			require.NoError(t, err)

			golden := filepath.Join("../testdata/answers", name+".json")
			want, err := os.ReadFile(golden)
			if *update && errors.Is(err, fs.ErrNotExist) {
				var answer any
				require.NoError(t, json.Unmarshal(output, &answer))
				want, err = json.MarshalIndent(answer, "", "  ")
				require.NoError(t, err)
				err = os.WriteFile(golden, append(want, '\n'), 0o600)
			}
			require.NoError(t, err, "go test ./handler -update writes the answers that are missing")
			assert.JSONEq(t, string(want), string(output),
				"An answer is for ever, and -update rewrites none. If callers may get another, delete testdata/answers/%s.json first.", name)

			for _, access := range []handler.Access{{Authorization: handler.IAM}, byTokens} {
				h, _, _ := newHandlerFor(t, access)
				switch got := invoke(t, h, payload); {
				case strings.HasPrefix(name, "bare-"), strings.Contains(name, "-iam-"), strings.Contains(name, "-jwt-") && access == byTokens:
					assert.NotEqual(t, http.StatusForbidden, got.Status, access)
				case strings.HasPrefix(name, "unreadable-"), strings.HasPrefix(name, "other-"):
					assert.Equal(t, http.StatusBadRequest, got.Status, access)
				default:
					assertForbidden(t, got, fmt.Sprint(access))
				}
			}
		})
	}
}

// A bare event is a direct invocation, which every kind of authorization allows.
func TestDirectInvocations(t *testing.T) {
	t.Parallel()
	const credit = `{\"userId\":\"1\",\"ammount\":10,\"type\":\"credit\"}`
	for _, access := range []handler.Access{{Authorization: handler.None}, {Authorization: handler.IAM}, byTokens} {
		h, books, _ := newHandlerFor(t, access)
		for payload, status := range map[string]int{
			`{"queryStringParameters":{"userId":"1"}}`:                                                200,
			`{"queryStringParameters":{"userId":"1"},"headers":null,"body":null}`:                     200,
			`{"queryStringParameters":{"userId":"1"},"body":""}`:                                      200,
			`{"headers":{"Idempotent-Key":"1"},"body":{"userId":"1","ammount":"10","type":"credit"}}`: 201,
			`{"headers":{"Idempotent-Key":"1"},"body":"` + credit + `"}`:                              201,
			`{}`: 400,
		} {
			assert.Equal(t, status, invoke(t, h, []byte(payload)).Status, payload)
		}
		assert.Equal(t, "110", books.Balance(t, "1"))
		// Any body makes a bare event a POST.
		books.Network.Requests()
		for _, body := range []string{`{}`, `"{}"`, `" "`, `{"x":1}`, `[]`, `0`, `true`} {
			got := invoke(t, h, []byte(`{"queryStringParameters":{"userId":"1"},"body":`+body+`}`))
			assert.Equal(t, "/transactions", got.problem(t).Instance, body)
			assert.NotEmpty(t, got.problem(t).Properties["Idempotent-Key"], body)
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
	}
}

// An event that comes neither from an API nor from a direct invocation gets a 400, even if
// it has an accepted event's members, because another service could pass on a stranger's
// request. testdata/events has more events from other services.
func TestOtherEvents(t *testing.T) {
	t.Parallel()
	const query, post = `"queryStringParameters":{"userId":"1"}`, `"headers":{"Idempotent-Key":"2"},"body":"{\"userId\":\"1\",\"ammount\":\"1\",\"type\":\"debit\"}"`
	for _, access := range []handler.Access{{Authorization: handler.None}, {Authorization: handler.IAM}, byTokens} {
		h, books, _ := newHandlerFor(t, access)
		for _, payload := range []string{
			``, `null`, `[]`, `"text"`, `5`, `{`, "\x00", "{\"body\":\"\xff\"}",
			`{"headers":[]}`, `{"headers":{"Idempotent-Key":1}}`, `{"headers":{"a":"1","a":"2"}}`,
			`{"httpMethod":"GET","path":"/balance",` + query + `,"requestContext":{"authorizer":{"claims":{"sub":null,"sub":"1"}}}}`,
			`{"queryStringParameters":"userId=1"}`, `{"queryStringParameters":{"userId":1}}`,
			`{"headers":{"Idempotent-Key":"1"},"body":{"userId":"1","ammount":"1","ammount":"1","type":"credit"}}`,

			`{"version":"2.0","requestContext":{"http":{"method":""}}}`,
			`{` + query + `,"requestContext":null}`, `{` + query + `,"requestContext":{}}`,
			`{` + query + `,"requestContext":{"http":{"method":""}}}`,
			`{` + query + `,"httpMethod":""}`, `{` + query + `,"httpMethod":null,"path":"/balance"}`,
			`{` + query + `,"version":"2.0"}`, `{` + query + `,"rawPath":"/balance"}`, `{` + query + `,"isBase64Encoded":false}`,
			`{` + query + `,"multiValueQueryStringParameters":{}}`, `{` + query + `,"anything":null}`,

			`{` + post + `,"version":"2.0","path":"/transactions","method":"POST","requestContext":{"serviceArn":"arn"}}`, // as VPC Lattice sends it
		} {
			got := invoke(t, h, []byte(payload))
			assert.Equal(t, http.StatusBadRequest, got.Status, payload)
			assert.NotEmpty(t, got.problem(t).Properties, payload)
		}
		assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
	}
}

// The handler removes the gateway's prefix from a path, but keeps a segment that only looks
// like a stage. An encoded slash in a path parameter, which HTTP APIs decode, must not make
// the call reach another route: the caller's policy was checked only for the parameter's
// route. Without checkParameters, some calls with a 404 below would end the hold.
func TestEventPaths(t *testing.T) {
	t.Parallel()
	h, _, _ := newHandler(t)
	id := invoke(t, h, encode(t, event2(posting("1", holdBody("2", "40"))))).id()
	capture, void := "/transactions/"+id+"/capture", "/transactions/"+id+"/void"
	const (
		balance  = `{"data":{"balance":"100"}}`
		history  = `{"data":[]}`
		captured = `"captured":"40"}}`
		api      = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
		own      = "api.example.com" // a custom domain
	)
	method := func(path string) string {
		if strings.HasSuffix(path, "/capture") || strings.HasSuffix(path, "/void") {
			return http.MethodPost
		}
		return http.MethodGet
	}
	http2 := func(routeKey, stage, domain, path string, parameters ...object) object {
		return object{
			"version": "2.0", "routeKey": routeKey, "rawPath": path, "rawQueryString": "userId=1", "pathParameters": append(parameters, nil)[0],
			"requestContext": object{"stage": stage, "domainName": domain, "http": object{"method": method(path)}},
		}
	}
	rest := func(resource, stage, domain, path string, parameters ...object) object {
		return object{
			"resource": resource, "httpMethod": method(path), "path": path, "queryStringParameters": object{"userId": "1"},
			"pathParameters": append(parameters, nil)[0], "requestContext": object{"stage": stage, "domainName": domain},
		}
	}
	http1 := func(resource, stage, domain, path string, parameters ...object) object {
		e := rest(resource, stage, domain, path, parameters...)
		e["version"] = "1.0"
		return e
	}
	for _, c := range []struct {
		event  object
		answer string // a part of the body, or the instance of a 404
	}{
		// API Gateway's route shows where the prefix ends.
		{http2("GET /balance", "$default", api, "/balance"), balance},
		{http2("GET /balance", "dev", api, "/dev/balance"), balance},
		{http2("ANY /balance", "prod", own, "/v1/balance"), balance},
		{http2("ANY /balance", "prod", own, "/money/v1/balance"), balance},
		{http2("ANY /balance", "prod", own, "/transactions/balance"), balance},
		{http2("ANY /balance", "prod", own, "/v1/%62alance"), balance},
		{http2("GET /transactions", "transactions", api, "/transactions/transactions"), history},
		{http2("GET /transactions/{id}", "transactions", api, "/transactions/transactions/transactions"), "/transactions/transactions"},
		{http2("GET /transactions/{id}", "balance", api, "/balance/transactions/balance"), "/transactions/balance"},
		{http2("ANY /{proxy+}", "prod", own, "/v1/balance", object{"proxy": "balance"}), balance},
		{http2("ANY /{proxy+}", "dev", api, "/dev/transactions/1", object{"proxy": "transactions/1"}), "/transactions/1"},
		{rest("/{path+}", "prod", own, "/v1/transactions/1", object{"path": "transactions/1"}), "/transactions/1"},
		{rest("/balance", "prod", api, "/balance"), balance},
		{rest("/balance", "prod", own, "/v1/balance"), balance},
		{rest("/balance", "prod", own, "/prod/balance"), balance}, // the domain's mapping names no stage, so the path does
		{rest("/transactions", "transactions", api, "/transactions"), history},
		{rest("/{proxy+}", "prod", own, "/transactions/balance", object{"proxy": "balance"}), balance},
		{http1("/balance", "prod", api, "/prod/balance"), balance},
		{http1("/balance", "prod", own, "/v1/balance"), balance},
		// A route that doesn't match the path does not show the prefix.
		{http2("GET /balance", "dev", api, "/transactions"), history},
		{http2("GET /money/balance", "$default", api, "/balance"), balance},
		{http2("GET /balance", "dev", api, "/dev/balance/"), "/dev/balance/"},
		{rest("/+}", "prod", api, "/balance"), balance},
		{rest("/{}", "prod", api, "/v1/balance"), balance},
		// The route $default matches any path, so only the stage can be removed.
		{http2("$default", "$default", api, "/balance"), balance},
		{http2("$default", "dev", api, "/dev/balance"), balance},
		{http2("$default", "dev", api, "/balance"), balance},
		{http2("$default", "transactions", api, "/transactions/balance"), balance},
		{http2("$default", "transactions", api, "/transactions/transactions/balance"), "/transactions/balance"},
		{http2("$default", "transactions", api, "/transactions"), "/"},
		{http2("$default", "trans", api, "/transactions"), history},
		{http2("$default", "transactions", own, "/transactions/balance"), balance},
		{http2("$default", "transactions", own, "/transactions/transactions"), history},
		{http2("$default", "$default", own, "/prod/balance"), "/prod/balance"},
		{http2("$default", "transactions", "localhost", "/transactions/balance"), "/transactions/balance"},
		{http2("$default", "prod", "localhost", "/balance"), balance}, // as sam local sends it
		{http2("$default", "$default", "a.lambda-url.eu-central-1.on.aws", "/dev/balance"), "/dev/balance"},
		{http1("$default", "dev", api, "/dev/balance"), balance},
		{http1("$default", "dev", own, "/dev/balance"), "/dev/balance"}, // dev is the mapping's base path here, not the stage
		{rest("", "transactions", "", "/transactions/balance"), "/transactions/balance"},
		{rest("", "transactions", "", "/transactions"), history},
		// An encoded slash is part of a segment, so these are not a capture or a void.
		{http2("ANY /transactions/{id}", "$default", api, "/transactions/1%2Fcapture"), "/transactions/1%2Fcapture"},
		{http2("$default", "$default", api, "/transactions/1%2fvoid"), "/transactions/1%2fvoid"},
		// In these paths, the gateway has already decoded the slash.
		{http2("ANY /transactions/{id}", "$default", "", capture, object{"id": id + "/capture"}), capture},
		{http2("POST /transactions/{id}", "$default", "", void, object{"id": id + "/void"}), void},
		{http2("ANY /{a}/{b}", "$default", "", capture, object{"a": "transactions", "b": id + "/capture"}), "/" + id + "/capture"},
		{http2("ANY /{a}/capture", "$default", "", capture, object{"a": "transactions/" + id}), "/" + id + "/capture"},
		{http2("ANY /{id}/{proxy+}", "$default", "", "/v1"+capture, object{"id": "v1/transactions", "proxy": id + "/capture"}), capture},
		{http2("ANY /v1/transactions/{id}", "$default", "", "/v1"+capture, object{"id": id + "/capture"}), "/v1" + capture},
		{http2("ANY /transactions/{id}", "$default", "", "/v1"+capture, object{"id": id + "/capture"}), "/v1" + capture},
		{http2("ANY /transactions/{id}", "$default", "", capture, object{"id": id + "%2Fcapture"}), capture},
		{http2("ANY /transactions/{id}", "$default", "", capture), capture},
		{http2("ANY /transactions/{id}", "$default", "", capture, object{"id": id}), capture},
		{http2("", "$default", "", capture, object{"id": id + "/capture"}), capture},
		{http2("$default", "$default", "", capture, object{"id": id + "/capture"}), capture},
		{rest("/transactions/{id}", "$default", "", capture, object{"id": id + "/capture"}), capture},
		{rest("/transactions/{id}", "$default", "", "/v1"+capture, object{"id": id + "/capture"}), "/v1" + capture},
		{rest("/transactions/{id}", "$default", "", void, object{"id": id + "%2Fvoid"}), void},
		{http1("/transactions/{id}", "$default", "", capture, object{"id": id + "/capture"}), capture},
		{http1("", "$default", "", capture, object{"id": id + "/capture"}), capture},
		// These routes allow a capture.
		{http2("ANY /{proxy+}", "$default", "", capture, object{"proxy": capture[1:]}), captured},
		{http2("POST /transactions/{rest+}", "$default", "", capture, object{"rest": id + "/capture"}), captured},
		{http2("$default", "$default", "", capture, object{"any_path": capture[1:]}), captured}, // as sam local sends it
		{http2("POST /transactions/{id}/capture", "$default", "", capture, object{"id": id}), captured},
		{rest("/{everything+}", "$default", "", "/v1"+capture, object{"everything": capture[1:]}), captured},
		{http1("/transactions/{id}/capture", "$default", "", capture, object{"id": id}), captured},
	} {
		got := invoke(t, h, encode(t, c.event))
		if strings.HasPrefix(c.answer, "/") {
			assert.Equal(t, http.StatusNotFound, got.Status, "%v", c.event)
			assert.Equal(t, c.answer, got.problem(t).Instance, "%v", c.event)
			continue
		}
		assert.Contains(t, got.Body, c.answer, "%v", c.event)
	}
}

// An answer must be at most 6 MB. Lambda rejects a larger one, and aws-lambda-go then exits.
// So an answer does not repeat a long path or name.
//
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
func TestAnswersToLargeEvents(t *testing.T) {
	t.Parallel()
	const mostBytes = 6 << 20
	for name, payload := range map[string]string{
		"path 2.0":     `{"rawPath":"/` + strings.Repeat("é", 3<<19) + `","requestContext":{"http":{"method":"GET"}}}`,
		"path 1.0":     `{"path":"/` + strings.Repeat("é", 3<<19) + `","httpMethod":"GET"}`,
		"encoded path": `{"path":"/` + strings.Repeat("%41", 1<<20) + `","httpMethod":"GET"}`,
		"cut escape":   `{"path":"/x` + strings.Repeat("%41", 1<<20) + `","httpMethod":"GET"}`,
		"cut escapes":  `{"path":"/xx` + strings.Repeat("%41", 1<<20) + `","httpMethod":"GET"}`,
		"name":         `{"pathParameters":{"` + strings.Repeat("n", 5<<20) + `":1}}`,
	} {
		require.Less(t, len(payload), mostBytes, "Lambda accepts the event")
		for _, access := range []handler.Access{{Authorization: handler.None}, {Authorization: handler.IAM}} {
			h, _, _ := newHandlerFor(t, access)
			output, err := h.Invoke(t.Context(), []byte(payload))
			require.NoError(t, err)
			assert.Less(t, len(output), mostBytes, "%s: %.300s", name, output)
			got := decodeAnswer(t, output)
			assert.Contains(t, []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound}, got.Status, name)
			_, err = url.Parse(got.problem(t).Instance)
			assert.NoError(t, err, "%s: instance is a URI reference (RFC 9457, section 3.1.5)", name)
		}
	}
}

// A body that is marked as base64 but is not gets a 400, even on a read. A caller without
// permission gets only the 403.
func TestBodyNotBase64(t *testing.T) {
	t.Parallel()
	for authorization, status := range map[handler.Authorization]int{
		handler.None: http.StatusBadRequest, handler.IAM: http.StatusForbidden, handler.JWT: http.StatusForbidden,
	} {
		h, _, _ := newHandlerFor(t, handler.Access{Authorization: authorization})
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
			e := event2(request{method: method, target: "/balance?userId=1", body: "%%%"})
			e["isBase64Encoded"] = true
			assert.Equal(t, status, invoke(t, h, encode(t, e)).Status, "%s %s", authorization, method)
		}
	}
}

// The log line has the gateway's request id, which callers see, or else Lambda's. Even if a
// value contains strange text, the line is one JSON object in UTF-8.
func TestRequestID(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	const strange = "\"}\n{\u2028\x00\\"
	for _, c := range []struct{ gateway, lambda, want string }{
		{"gateway-1", "lambda-1", "gateway-1"}, {"", "lambda-1", "lambda-1"}, {"gateway-1", "", "gateway-1"}, {"", "", ""}, {strange, "", strange},
	} {
		books.Network.Next(faults.Rewrite(func(string) string { return `{"Item":{"balance":{"N":"` + "\xff" + `"}}}` }))
		event := event2(reading("/balance?userId=1"))
		event["requestContext"].(object)["requestId"] = c.gateway
		ctx := t.Context()
		if c.lambda != "" {
			ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: c.lambda})
		}
		_, err := h.Invoke(ctx, encode(t, event))
		require.NoError(t, err)
		assert.True(t, utf8.Valid(log.Bytes()), "%s", log)
		line := readLine(t, log)
		assert.Equal(t, c.want, line.RequestID, "%+v", c)
		assert.NotEmpty(t, line.Cause)
	}
}

// TestReplaysOfEarlierVersions repeats calls whose rows an earlier version wrote. The
// handler renders a replay from the row, and must return the first answer. The flag -update
// never changes testdata/replays.json, because its rows and answers must never change.
func TestReplaysOfEarlierVersions(t *testing.T) {
	t.Parallel()
	var replays []struct {
		Name     string          `json:"name"`
		Rows     []string        `json:"rows"` // PartiQL values
		Call     string          `json:"call"`
		Key      string          `json:"key"`
		Body     json.RawMessage `json:"body"`
		Status   int             `json:"status"`
		Location string          `json:"location"`
		Answer   json.RawMessage `json:"answer"`
	}
	text, err := os.ReadFile("../testdata/replays.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &replays))
	require.NotEmpty(t, replays)
	for _, r := range replays {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			h, books, _ := handlerOf(infratest.New(t), handler.Access{Authorization: handler.None})
			for _, row := range r.Rows {
				books.Execute(t, books.Config.TransactionsTable, "INSERT INTO ? VALUE "+row)
			}
			if books.Check(t.Context()) != nil {
				books.Damage(t, books.Config.TransactionsTable) // the balances do not include these rows
			}
			call := request{http.MethodPost, r.Call, map[string]string{}, string(r.Body)}
			if r.Key != "" {
				call.header["Idempotent-Key"] = r.Key
			}
			got := overEvents(event2)(t, h)(t, call)
			assert.Equal(t, r.Status, got.Status, got.Body)
			assert.Equal(t, "true", got.Header.Get("Idempotent-Replayed"))
			assert.Equal(t, r.Location, got.Header.Get("Location"))
			assert.JSONEq(t, string(r.Answer), got.Body)
		})
	}
}
