package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/internal/dynamodblocal"
)

// A DynamoDB that starts at the same time, as in compose.yaml, is waited for.
func TestDynamoDBStartsLater(t *testing.T) {
	t.Parallel()
	database, err := dynamodblocal.Start(t.Context(), dynamodblocal.Options{})
	require.NoError(t, err)
	defer database.Close() //nolint:errcheck // not this test's
	target, err := url.Parse(database.Endpoint())
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	const later = 5 * time.Second
	time.AfterFunc(later, func() {
		_ = http.ListenAndServe(address, httputil.NewSingleHostReverseProxy(target)) //nolint:gosec // it ends with the test
	})
	var log bytes.Buffer
	getenv := func(name string) string {
		return map[string]string{dynamodblocal.EndpointVariable: "http://" + address}[name]
	}
	began := time.Now()
	_, err = openDatabase(t.Context(), options{}, getenv, &log)
	require.NoError(t, err)
	assert.Greater(t, time.Since(began), later/2)
	assert.Equal(t, "no DynamoDB answers at http://"+address+"; trying for 30s\n", log.String())
}

// With -remote no variable has a default, also where the endpoint is a tunnel's.
func TestRemoteHasNoDefaults(t *testing.T) {
	t.Parallel()
	getenv := func(name string) string {
		return map[string]string{dynamodblocal.EndpointVariable: "http://127.0.0.1:1"}[name]
	}
	_, err := openDatabase(t.Context(), options{remote: true}, getenv, io.Discard)
	assert.ErrorContains(t, err, "missing in the environment: TRANSACTIONS_TABLE, TRANSACTIONS_AGGREGATE_TABLE, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY")
}

// A variable that other tools read, and this one does not, is not passed over in silence.
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
	assert.Contains(t, log.String(), "AWS_ENDPOINT_URL is http://127.0.0.1:4566, and this command does not read it; set AWS_ENDPOINT_URL_DYNAMODB")
}

// Data that SQLite can't read ends the start with SQLite's own reason, in one sentence.
func TestDamagedData(t *testing.T) {
	t.Parallel()
	const reason = "[26] DB[1] prepare() SELECT name; [file is encrypted or is not a database]"
	const want = "DynamoDB Local can't read the data in /data: " + reason + "; move the folder away, or choose another with -data"
	for _, text := range []string{
		"start DynamoDB Local: ListTables answered 500\nWARNING: job exception\ncom.almworks.sqlite4java.SQLiteException: " + reason + "\n\tat com.almworks",
		"start DynamoDB Local: SQLite cannot open its data: " + reason,
	} {
		assert.EqualError(t, damaged(errors.New(text), "/data"), want)
	}
	other := errors.New("start DynamoDB Local: no way")
	assert.Equal(t, other, damaged(other, "/data"))
	assert.Equal(t, "DynamoDB Local does not answer after 10s; waiting on", slowStart(""))
	assert.Equal(t, "DynamoDB Local does not answer after 10s; waiting on (if it never answers, the data in /data may be damaged)", slowStart("/data"))
}
