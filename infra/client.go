package infra

import (
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
)

const (
	// attemptTimeout ends an attempt whose answer is not there as a whole.
	// DynamoDB answers in tens of milliseconds even at its slowest; more would
	// eat the time of the attempts that can still succeed.
	attemptTimeout = time.Second

	// dialTimeout is for one region's network.
	dialTimeout = 500 * time.Millisecond

	// idleConnections is for the local server, which serves many calls at
	// once. A Lambda serves one and keeps one.
	idleConnections = 64
)

// NewClient makes a DynamoDB client. Its calls are sent once; [Store] gives
// each of its own the retry policy of this package.
func NewClient(c Config, options ...func(*dynamodb.Options)) *dynamodb.Client {
	o := dynamodb.Options{
		Region:      c.Region,
		Credentials: credentials.StaticCredentialsProvider{Value: c.Credentials},
		Retryer:     aws.NopRetryer{},
		APIOptions:  []func(*middleware.Stack) error{verifyAnswers},
		// The SDK only logs a failed checksum; verifyAnswers rejects it.
		DisableValidateResponseChecksum: true,
		HTTPClient: NewHTTPClient(awshttp.NewBuildableClient().
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
			WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = idleConnections }).
			GetTransport()),
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	return dynamodb.New(o, options...)
}

// NewHTTPClient returns an HTTP client that gives each attempt attemptTimeout,
// and follows no redirect, as DynamoDB has none. The SDK's own client wraps the
// transport; net/http then starts a goroutine for each request, which takes 3 %
// of a read.
func NewHTTPClient(over http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     over,
		Timeout:       attemptTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
