package infra

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
)

const (
	// attemptTimeout limits the wait for a complete answer. DynamoDB's slowest answers take
	// tens of milliseconds, so a longer wait would only take time from other attempts.
	attemptTimeout = time.Second

	// dialTimeout suits a network within one region.
	dialTimeout = 500 * time.Millisecond

	// idleConnections suits the local server, which serves many calls at once. A Lambda
	// serves one call at a time and keeps one connection.
	idleConnections = 64
)

// NewClient returns a DynamoDB client that does not retry. [Store] adds this package's
// retry policy to its own calls.
func NewClient(c Config, options ...func(*dynamodb.Options)) *dynamodb.Client {
	o := dynamodb.Options{
		Region:      c.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c.Credentials, nil }),
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

// NewHTTPClient returns an HTTP client over a transport, with attemptTimeout for each
// attempt. It follows no redirects, because DynamoDB sends none. With the SDK's own client,
// net/http would start a goroutine for each request, which costs 3 % of a read.
func NewHTTPClient(over http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     over,
		Timeout:       attemptTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
