package infra

import (
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

const (
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
		HTTPClient: Sender{awshttp.NewBuildableClient().
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
			WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = idleConnections }).
			GetTransport()},
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	return dynamodb.New(o, options...)
}
