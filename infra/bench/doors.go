package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/dynamodblocal"
	"onewrite/infra/runtimeapi"
)

// A door is a way to the handler. Its hop is the same way to something that
// does nothing, which the floor takes as well, so that what differs is ours.
type door struct {
	name string
	call func(outcome, names) request
	hop  request
}

// world is DynamoDB Local with the two tables, and the doors to it.
type world struct {
	config  infra.Config
	handler *handler.Handler
	floor   *floor
	doors   []door // events first
	calls   atomic.Int64
	close   []func()
}

// newWorld starts it all. Its binaries are made in a folder.
func newWorld(ctx context.Context, dir string, log io.Writer) (_ *world, err error) {
	w := &world{}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	database, err := dynamodblocal.Start(ctx, dynamodblocal.Options{Log: log})
	if err != nil {
		return nil, err
	}
	w.close = append(w.close, func() { _ = database.Close() })
	w.config = localConfig(database.Endpoint())
	client := infra.NewClient(w.config)
	if err := infra.CreateTables(ctx, client, w.config); err != nil {
		return nil, err
	}
	w.floor = &floor{client, w.config}
	w.handler = newHandler(infra.NewStore(client, w.config), io.Discard)

	function, err := w.start(ctx, filepath.Join(dir, "bootstrap"), "onewrite")
	if err != nil {
		return nil, err
	}
	hello, err := w.start(ctx, filepath.Join(dir, "hello"), "onewrite/infra/bench/hello")
	if err != nil {
		return nil, err
	}
	w.doors = []door{
		{"event", w.overEvents, func(context.Context) error { return nil }},
		w.overHTTP(),
		{"function", overRuntime(function), func(ctx context.Context) error {
			_, err := hello.Invoke(ctx, []byte(`{}`))
			return err
		}},
	}
	return w, nil
}

// Close ends what newWorld started.
func (w *world) Close() {
	for _, end := range w.close {
		defer end()
	}
}

// localConfig is for a DynamoDB Local at the endpoint.
func localConfig(endpoint string) infra.Config {
	return infra.Config{
		TransactionsTable: "transactions",
		AggregateTable:    "transactions_aggregate",
		Region:            "us-east-1",
		Credentials:       aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"},
		Endpoint:          endpoint,
	}
}

// env is the environment of a process that keeps these tables.
func (w *world) env() []string {
	return []string{
		"AUTHORIZATION=AWS_IAM",
		"TRANSACTIONS_TABLE=" + w.config.TransactionsTable,
		"TRANSACTIONS_AGGREGATE_TABLE=" + w.config.AggregateTable,
		"AWS_REGION=" + w.config.Region,
		"AWS_ACCESS_KEY_ID=" + w.config.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + w.config.Credentials.SecretAccessKey,
		"AWS_ENDPOINT_URL_DYNAMODB=" + w.config.Endpoint,
	}
}

// start builds a function and runs it.
func (w *world) start(ctx context.Context, binary, pkg string) (*runtimeapi.Function, error) {
	if err := runtimeapi.BuildPackage(ctx, pkg, binary, nil); err != nil {
		return nil, err
	}
	return w.run(binary)
}

// run runs a function until the end of the world.
func (w *world) run(binary string) (*runtimeapi.Function, error) {
	function, err := runtimeapi.Start(binary, w.env(), io.Discard)
	if err == nil {
		w.close = append(w.close, function.Kill)
	}
	return function, err
}

func (w *world) overEvents(o outcome, n names) request { return invoke(w.handler, o, n) }

func overRuntime(function *runtimeapi.Function) func(outcome, names) request {
	return func(o outcome, n names) request {
		payload := o.call(n).event()
		return func(ctx context.Context) error {
			answer, err := function.Invoke(ctx, payload)
			if err != nil {
				return err
			}
			return o.check(answer)
		}
	}
}

// overHTTP serves the handler, and beside it a handler that does nothing.
func (w *world) overHTTP() door {
	server := httptest.NewServer(w.handler)
	nothing := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: maxCallers}}
	w.close = append(w.close, server.Close, nothing.Close, client.CloseIdleConnections)
	send := func(ctx context.Context, c call, url, status string) error {
		request, err := c.request(ctx, url)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && fmt.Sprint(response.StatusCode) != status {
			err = fmt.Errorf("answered %s: %s", response.Status, body)
		}
		return err
	}
	return door{"http",
		func(o outcome, n names) request {
			return func(ctx context.Context) error { return send(ctx, o.call(n), server.URL, o.status) }
		},
		func(ctx context.Context) error {
			return send(ctx, call{method: http.MethodGet, path: "/"}, nothing.URL, "200")
		},
	}
}
