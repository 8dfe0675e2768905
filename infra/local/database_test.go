package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/dynamodblocal"
)

// startingLog is a log that calls start when its first line is written.
type startingLog struct {
	bytes.Buffer
	start func()
}

func (l *startingLog) Write(line []byte) (int, error) {
	if l.Len() == 0 {
		go l.start()
	}
	return l.Buffer.Write(line)
}

// The server waits for a DynamoDB that is still starting.
func TestDynamoDBStartsLater(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	target, err := url.Parse(books.Config.Endpoint)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	log := startingLog{start: func() {
		_ = http.ListenAndServe(address, httputil.NewSingleHostReverseProxy(target)) //nolint:gosec // a test needs no timeouts
	}}
	getenv := func(name string) string {
		if name == dynamodblocal.EndpointVariable {
			return "http://" + address
		}
		return envOf(books)(name)
	}
	_, err = openDatabase(t.Context(), options{}, getenv, &log)
	require.NoError(t, err)
	assert.Equal(t, "no DynamoDB responds at http://"+address+" yet; retrying for 30s\n", log.String())
}

// The log warns that this command ignores AWS_ENDPOINT_URL, which other tools use.
func TestGeneralEndpoint(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log bytes.Buffer
	getenv := func(name string) string {
		return map[string]string{generalEndpointVariable: "http://127.0.0.1:4566"}[name]
	}
	_, err := openDatabase(ctx, options{}, getenv, &log)
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, log.String(), "AWS_ENDPOINT_URL is http://127.0.0.1:4566, but this command ignores it; set AWS_ENDPOINT_URL_DYNAMODB")
}
