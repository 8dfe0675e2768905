package handler_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// report is an event from a public bug report, which another project could not handle. Add
// a row for each new report, unless testdata/events or another test already has its event.
type report struct {
	name  string
	from  string // the report's URL
	event string
	want  string // the answer's status, and the route and user in the log line
}

const (
	reading2 = `"version":"2.0","routeKey":"GET /balance","rawPath":"/balance","requestContext":{"stage":"$default","http":{"method":"GET"}}`
	posting2 = `"version":"2.0","routeKey":"POST /transactions","rawPath":"/transactions","rawQueryString":"","requestContext":{"stage":"$default","http":{"method":"POST"}}`
	anyPath2 = `"version":"2.0","routeKey":"$default","requestContext":{"stage":"$default","http":{"method":"GET"}}`
)

var reports = []report{
	{"only null members", "https://github.com/jeremydaly/lambda-api/pull/114",
		`{"path":"/balance","httpMethod":"GET","headers":null,"multiValueHeaders":null,"queryStringParameters":{"userId":"1"},"multiValueQueryStringParameters":null,"pathParameters":null,"requestContext":null,"body":null}`,
		"200 GET /balance 1"},
	{"no headers, no stage, and little else", "https://github.com/aws/aws-sam-cli/issues/3304",
		`{"version":"2.0","routeKey":"GET /balance","rawPath":"/balance","rawQueryString":"userId=1","headers":null,"body":"","requestContext":{"stage":null,"http":{"method":"GET"}}}`,
		"200 GET /balance 1"},
	{"a REST API event with a rawPath", "https://github.com/honojs/hono/pull/5033",
		`{"resource":"/balance","path":"/v1/balance","rawPath":"/v1/transactions","httpMethod":"GET","queryStringParameters":{"userId":"1"},"requestContext":{"stage":"prod","domainName":"api.example.com"}}`,
		"200 GET /balance 1"},

	// Paths.
	{"an encoded slash, decoded", "https://github.com/fastify/aws-lambda-fastify/issues/169",
		`{"version":"2.0","routeKey":"ANY /transactions/{id}","rawPath":"/transactions/1/capture","pathParameters":{"id":"1/capture"},"requestContext":{"stage":"$default","http":{"method":"POST"}}}`,
		"404  "},
	{"a decoded question mark", "https://github.com/middleapi/standard-server/pull/93",
		`{` + anyPath2 + `,"rawPath":"/balance?userId=evil","rawQueryString":"userId=1"}`, "404  "},
	{"a percent sign and a letter with a tilde", "https://github.com/aws/aws-lambda-web-adapter/issues/173",
		`{` + anyPath2 + `,"rawPath":"/transactions/Año%_1234"}`, "404 GET /transactions/{id} "},

	// Queries.
	{"a plus that was encoded", "https://github.com/aws/serverless-java-container/issues/146",
		`{"path":"/balance","httpMethod":"GET","queryStringParameters":{"userId":"a+b%2B"},"multiValueQueryStringParameters":{"userId":["a+b%2B"]}}`,
		"200 GET /balance a+b%2B"},
	{"a plus for a space", "https://github.com/aws/aws-lambda-web-adapter/issues/491",
		`{` + reading2 + `,"rawQueryString":"userId=a+b","queryStringParameters":{"userId":"a b"}}`,
		"200 GET /balance a b"},
	{"a comma inside a value", "https://github.com/jeremydaly/lambda-api/issues/277",
		`{` + reading2 + `,"rawQueryString":"userId=1%2C2","queryStringParameters":{"userId":"1,2"}}`,
		"200 GET /balance 1,2"},

	// Bodies.
	{"isBase64Encoded as a string", "https://github.com/awslabs/route53-dynamic-dns-with-lambda/issues/54",
		`{` + posting2 + `,"headers":{"idempotent-key":"u"},"isBase64Encoded":"False","body":"{}"}`, "400 GET /balance "},
	{"a base64 body marked as plain", "https://github.com/vincentsarago/lambda-proxy/issues/28",
		`{` + posting2 + `,"headers":{"idempotent-key":"u"},"isBase64Encoded":false,"body":"` + padded(100) + `"}`, "400 POST /transactions "},
	{"a body over the limit only as base64", "https://github.com/MionKit/mion/pull/269",
		`{` + posting2 + `,"headers":{"idempotent-key":"v"},"isBase64Encoded":true,"body":"` + padded(16<<10) + `"}`, "201 POST /transactions 1"},
	{"a body over the limit after decoding", "https://github.com/MionKit/mion/pull/269",
		`{` + posting2 + `,"headers":{"idempotent-key":"w"},"isBase64Encoded":true,"body":"` + padded(16<<10+1) + `"}`, "413 POST /transactions "},
	{"no body, marked as base64", "https://github.com/aws/aws-lambda-web-adapter/issues/451",
		`{` + reading2 + `,"rawQueryString":"userId=1","isBase64Encoded":true,"body":null}`, "200 GET /balance 1"},
}

// padded returns a credit padded to size bytes, in base64. Its note is chosen so that the
// base64 has + and /.
func padded(size int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%*s", size, creditWith("note", `"???>>>"`)))
}

func TestReports(t *testing.T) {
	t.Parallel()
	h, books, log := newHandler(t)
	for _, r := range reports {
		got := invoke(t, h, []byte(r.event))
		line := readLine(t, log)
		assert.Equal(t, r.want, fmt.Sprintf("%d %s %s", got.Status, line.Route, line.User), "%s: %s: %s", r.name, r.from, got.Body)
		if got.Status >= 400 {
			assert.NotEmpty(t, got.problem(t).Type, r.name)
		}
	}
	assert.Equal(t, "110", books.Balance(t, "1"))
}
