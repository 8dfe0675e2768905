package handler_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// report is an event that broke another function. Add a row for each new one.
type report struct {
	name  string
	from  string // the report's address
	event string
	want  string // the answer's status, and the log's route and user
}

const (
	credit  = `"{\"userId\":\"1\",\"ammount\":\"1\",\"type\":\"credit\"}"`
	domain  = `"domainName":"a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"`
	mapped  = `"domainName":"api.example.com"`
	user1   = `"queryStringParameters":{"userId":"1"}`
	get     = `"http":{"method":"GET"}`
	posting = `"version":"2.0","routeKey":"POST /transactions","rawPath":"/transactions","rawQueryString":"","requestContext":{"stage":"$default","http":{"method":"POST"}}`
	reading = `"version":"2.0","routeKey":"GET /balance","rawPath":"/balance","requestContext":{"stage":"$default",` + get + `}`
)

var reports = []report{
	// Null and missing members.
	{"the console's test button", "https://github.com/brefphp/bref/issues/534",
		`{"resource":"/balance","path":"/balance","httpMethod":"GET","headers":null,"multiValueHeaders":null,` + user1 + `,"multiValueQueryStringParameters":{"userId":["1"]},"pathParameters":null,"stageVariables":{"a":"b"},"requestContext":{"resourcePath":"/balance","stage":"test-invoke-stage","domainPrefix":"testPrefix","identity":{"apiKey":"test-invoke-api-key","userArn":"arn:aws:iam::1:user/user"}},"body":null,"isBase64Encoded":false}`,
		"200 GET /balance 1"},
	{"nothing but nulls", "https://github.com/jeremydaly/lambda-api/pull/114",
		`{"path":"/balance","httpMethod":"GET","headers":null,"multiValueHeaders":null,` + user1 + `,"multiValueQueryStringParameters":null,"pathParameters":null,"requestContext":null,"body":null}`,
		"200 GET /balance 1"},
	{"no query", "https://github.com/adieuadieu/serverless-chrome/pull/150",
		`{"path":"/balance","httpMethod":"GET","headers":null,"queryStringParameters":null,"multiValueQueryStringParameters":null,"body":null}`,
		"400 GET /balance "},
	{"no headers, no stage, and little else", "https://github.com/aws/aws-sam-cli/issues/3304",
		`{"version":"2.0","routeKey":"GET /balance","rawPath":"/balance","rawQueryString":"userId=1","headers":null,"body":"","requestContext":{"stage":null,` + get + `}}`,
		"200 GET /balance 1"},
	{"cookies of their own", "https://github.com/hattipjs/hattip/pull/159",
		`{` + reading + `,"rawQueryString":"userId=1","cookies":["Idempotent-Key=k","a=b"],"headers":{"accept":"*/*"}}`,
		"200 GET /balance 1"},

	// Senders with similar events.
	{"the console's first test event", "https://github.com/aws/serverless-java-container/issues/130",
		`{"key1":"value1","key2":"value2","key3":"value3"}`, "400 GET /balance "},
	{"a load balancer", "https://github.com/newrelic/node-newrelic/pull/2780",
		`{"requestContext":{"elb":{"targetGroupArn":"arn"}},"httpMethod":"GET","path":"/balance",` + user1 + `,"headers":{},"body":"","isBase64Encoded":false}`,
		"400 GET /balance "},
	{"a payload of one's own with a resource", "https://github.com/newrelic/node-newrelic/pull/2825",
		`{"resource":"/balance","path":"/balance",` + user1 + `,"headers":{},"requestContext":{}}`, "400 GET /balance "},
	{"a REST API's with a rawPath", "https://github.com/honojs/hono/pull/5033",
		`{"resource":"/balance","path":"/v1/balance","rawPath":"/v1/transactions","httpMethod":"GET","headers":{},` + user1 + `,"requestContext":{"stage":"prod",` + mapped + `}}`,
		"200 GET /balance 1"},

	// Stages and base paths.
	{"the stage in the path", "https://github.com/aws-powertools/powertools-lambda-python/issues/621",
		`{"version":"2.0","routeKey":"$default","rawPath":"/default/balance","rawQueryString":"userId=1","requestContext":{"stage":"default",` + domain + `,` + get + `}}`,
		"200 GET /balance 1"},
	{"the stage in the path, and not the domain's mapping", "https://github.com/CodeGenieApp/serverless-express/issues/465",
		`{"version":"2.0","routeKey":"$default","rawPath":"/prod/balance","rawQueryString":"userId=1","requestContext":{"stage":"prod",` + mapped + `,` + get + `}}`,
		"200 GET /balance 1"},
	{"a stage without a place in the path", "https://github.com/aws/aws-sam-cli/issues/5860",
		`{"version":"2.0","routeKey":"$default","rawPath":"/transactions","rawQueryString":"userId=1","requestContext":{"stage":"transactions","domainName":"localhost",` + get + `}}`,
		"200 GET /transactions 1"},
	{"a stage that the caller named, on this machine", "https://github.com/aws/aws-sam-cli/issues/1904",
		`{"resource":"/{proxy+}","path":"/dev/balance","httpMethod":"GET","pathParameters":{"proxy":"dev/balance"},` + user1 + `,"requestContext":{"path":"/{proxy+}","stage":"Prod"}}`,
		"404  "},
	{"a domain's base path and the stage", "https://github.com/localstack/localstack/pull/12296",
		`{"resource":"/balance","path":"/base/dev/balance","httpMethod":"GET",` + user1 + `,"requestContext":{"path":"/base/dev/balance","stage":"dev",` + mapped + `}}`,
		"200 GET /balance 1"},
	{"a base path of a route's name", "https://github.com/dougmoscrop/serverless-http/pull/114",
		`{"resource":"/{proxy+}","path":"/transactions/balance","httpMethod":"GET","pathParameters":{"proxy":"balance"},` + user1 + `,"requestContext":{"stage":"dev",` + mapped + `}}`,
		"200 GET /balance 1"},

	// Paths.
	{"an encoded slash, decoded", "https://github.com/fastify/aws-lambda-fastify/issues/169",
		`{"version":"2.0","routeKey":"ANY /transactions/{id}","rawPath":"/transactions/1/capture","pathParameters":{"id":"1/capture"},"requestContext":{"stage":"$default","http":{"method":"POST"}}}`,
		"404  "},
	{"an encoded slash, encoded", "https://github.com/aws/serverless-java-container/issues/621",
		`{"resource":"/transactions/{id}","path":"/transactions/1%2Fcapture","httpMethod":"POST","pathParameters":{"id":"1%2Fcapture"},"requestContext":{"stage":"prod"}}`,
		"404  "},
	{"a decoded question mark", "https://github.com/middleapi/standard-server/pull/93",
		`{"version":"2.0","routeKey":"$default","rawPath":"/balance?userId=evil","rawQueryString":"userId=1","requestContext":{"stage":"$default",` + get + `}}`,
		"404  "},
	{"a decoded number sign", "https://github.com/middleapi/standard-server/pull/93",
		`{"version":"2.0","routeKey":"$default","rawPath":"/balance#","rawQueryString":"userId=1","requestContext":{"stage":"$default",` + get + `}}`,
		"404  "},
	{"a percent sign and a letter with a tilde", "https://github.com/aws/aws-lambda-web-adapter/issues/173",
		`{"version":"2.0","routeKey":"$default","rawPath":"/transactions/Año%_1234","requestContext":{"stage":"$default",` + get + `}}`,
		"404 GET /transactions/{id} "},

	// Queries.
	{"a value twice, of which a map keeps the last", "https://github.com/awslabs/aws-lambda-go-api-proxy/issues/25",
		`{"path":"/balance","httpMethod":"GET",` + user1 + `,"multiValueQueryStringParameters":{"userId":["2","1"]}}`,
		"400 GET /balance "},
	{"a value once, in two maps", "https://github.com/awslabs/aws-lambda-go-api-proxy/pull/26",
		`{"path":"/balance","httpMethod":"GET",` + user1 + `,"multiValueQueryStringParameters":{"userId":["1"]}}`,
		"200 GET /balance 1"},
	{"a value in the map of single ones only", "https://github.com/awslabs/aws-lambda-go-api-proxy/issues/37",
		`{"path":"/balance","httpMethod":"GET",` + user1 + `}`, "200 GET /balance 1"},
	{"a plus that was encoded", "https://github.com/aws/serverless-java-container/issues/146",
		`{"path":"/balance","httpMethod":"GET","queryStringParameters":{"userId":"a+b%2B"},"multiValueQueryStringParameters":{"userId":["a+b%2B"]}}`,
		"200 GET /balance a+b%2B"},
	{"a plus for a blank", "https://github.com/aws/aws-lambda-web-adapter/issues/491",
		`{` + reading + `,"rawQueryString":"userId=a+b","queryStringParameters":{"userId":"a b"}}`,
		"200 GET /balance a b"},
	{"a comma that joins nothing", "https://github.com/jeremydaly/lambda-api/issues/277",
		`{` + reading + `,"rawQueryString":"userId=1%2C2","queryStringParameters":{"userId":"1,2"}}`,
		"200 GET /balance 1,2"},
	{"a comma that joins two", "https://github.com/jeremydaly/lambda-api/issues/277",
		`{` + reading + `,"rawQueryString":"userId=1&userId=2","queryStringParameters":{"userId":"1,2"}}`,
		"400 GET /balance "},

	// Headers.
	{"a name in capitals", "https://github.com/aws/aws-lambda-dotnet/issues/915",
		`{` + posting + `,"headers":{"IDEMPOTENT-KEY":"r"},"body":` + credit + `}`, "201 POST /transactions 1"},
	{"a name in capitals and one in none", "https://github.com/serverless/serverless/issues/2765",
		`{` + posting + `,"headers":{"Idempotent-Key":"r","idempotent-key":"s"},"body":` + credit + `}`, "400 POST /transactions "},
	{"a value once, in two maps", "https://github.com/jeremydaly/lambda-api/issues/73",
		`{"path":"/transactions","httpMethod":"POST","headers":{"Idempotent-Key":"t"},"multiValueHeaders":{"Idempotent-Key":["t"]},"body":` + credit + `}`, "201 POST /transactions 1"},

	// Bodies.
	{"plain, and called base64", "https://github.com/micronaut-projects/micronaut-core/issues/4287",
		`{` + posting + `,"headers":{"idempotent-key":"u"},"isBase64Encoded":true,"body":` + credit + `}`, "400 POST /transactions "},
	{"base64, and called plain", "https://github.com/vincentsarago/lambda-proxy/issues/28",
		`{` + posting + `,"headers":{"idempotent-key":"u"},"isBase64Encoded":false,"body":"` + base64.StdEncoding.EncodeToString([]byte(`{"userId":"1"}`)) + `"}`, "400 POST /transactions "},
	{"the flag as a text", "https://github.com/awslabs/route53-dynamic-dns-with-lambda/issues/54",
		`{` + posting + `,"headers":{"idempotent-key":"u"},"isBase64Encoded":"False","body":` + credit + `}`, "400 GET /balance "},
	{"short, and long only as base64", "https://github.com/MionKit/mion/pull/269",
		`{` + posting + `,"headers":{"idempotent-key":"v"},"isBase64Encoded":true,"body":"` + padded(16<<10) + `"}`, "201 POST /transactions 1"},
	{"too long once it is decoded", "https://github.com/MionKit/mion/pull/269",
		`{` + posting + `,"headers":{"idempotent-key":"w"},"isBase64Encoded":true,"body":"` + padded(16<<10+1) + `"}`, "413 POST /transactions "},
	{"none, and called base64", "https://github.com/aws/aws-lambda-web-adapter/issues/451",
		`{` + reading + `,"rawQueryString":"userId=1","isBase64Encoded":true,"body":null}`, "200 GET /balance 1"},
}

// padded returns a credit with that many bytes, in base64.
func padded(size int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%*s", size, body("1", "1", "credit")))
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
	assert.Equal(t, "103", books.Balance(t, "1"))
}
