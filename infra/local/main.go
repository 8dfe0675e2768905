// Command local serves the ledger on this machine: the same handler and store
// as the Lambda, over DynamoDB Local, which it gets, starts and ends by itself.
//
//	go run ./infra/local [-addr 127.0.0.1:3000] [-data DIR]
//
// For browsers it has a console at / and the API's reference at /docs.
//
// With AWS_ENDPOINT_URL_DYNAMODB set it uses that DynamoDB instead. It creates
// the two tables where they are missing.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/internal/cli"
	"onewrite/infra/internal/dynamodblocal"
	"onewrite/infra/internal/tables"
	"onewrite/ledger"
)

const (
	tablesWithin  = 30 * time.Second // for another DynamoDB than our own to make the tables
	answersWithin = 10 * time.Second // for calls under way at the end; longer than a call takes
)

const about = `Serves the ledger on this machine, over a DynamoDB Local that it starts and ends.

With AWS_ENDPOINT_URL_DYNAMODB set it uses that DynamoDB instead.`

func main() {
	cli.Main("local", func(ctx context.Context, args []string, out, log io.Writer) error {
		return run(ctx, args, os.Getenv, out, log)
	})
}

// run serves until ctx ends. It writes what a person needs to out, and
// progress and request lines to log.
func run(ctx context.Context, args []string, getenv func(string) string, out, log io.Writer) error {
	flags := cli.NewFlags("local", "", about)
	addr := flags.String("addr", "127.0.0.1:3000", "listen on this `address`")
	dataDir := flags.String("data", "", "keep the data in this `folder` (default in memory)")
	if err := flags.Parse(args, out); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	defer listener.Close()

	endpoint := getenv("AWS_ENDPOINT_URL_DYNAMODB")
	if endpoint == "" {
		database, err := dynamodblocal.Start(ctx, dynamodblocal.Options{Data: *dataDir, Log: log})
		if err != nil {
			return err
		}
		defer database.Close()
		endpoint = database.Endpoint()
	} else if *dataDir != "" {
		return cli.Usagef("-data is for the DynamoDB Local that is started here; AWS_ENDPOINT_URL_DYNAMODB names another")
	}
	store, err := openStore(ctx, endpoint, getenv)
	if err != nil {
		return err
	}
	pages, err := allPages()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "dynamodb at %s\nlistening on http://%s\n%s", endpoint, listener.Addr(), examples(listener.Addr()))

	h := handler.New(ledger.New(store, time.Now), handler.NewLogger(log, "local", "local"), handler.Access{Authorization: handler.None})
	return serve(ctx, listener, withPages(pages, h))
}

// openStore opens the ledger's tables at the endpoint, made where missing. What
// the environment doesn't say is as DynamoDB Local takes it.
func openStore(ctx context.Context, endpoint string, getenv func(string) string) (*infra.Store, error) {
	defaults := map[string]string{
		"TRANSACTIONS_TABLE":           "transactions",
		"TRANSACTIONS_AGGREGATE_TABLE": "transactions_aggregate",
		"AWS_REGION":                   "us-east-1",
		"AWS_ACCESS_KEY_ID":            "local",
		"AWS_SECRET_ACCESS_KEY":        "local",
	}
	config, err := infra.ConfigFromEnv(func(name string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return defaults[name]
	})
	if err != nil {
		return nil, err
	}
	config.Endpoint = endpoint
	client := infra.NewClient(config)
	ctx, cancel := context.WithTimeout(ctx, tablesWithin)
	defer cancel()
	if err := tables.Create(ctx, client, config); err != nil {
		return nil, err
	}
	return infra.NewStore(client, config), nil
}

// serve answers until ctx ends, and lets the calls under way finish.
func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answersWithin)
	defer cancel()
	return server.Shutdown(ctx)
}

// examples are three calls to try, and where to try them with a mouse.
func examples(addr net.Addr) string {
	return fmt.Sprintf(`
try:
  curl 'http://%[1]s/balance?userId=1'
  curl -i http://%[1]s/transactions -H 'Idempotent-Key: order-1' -d '{"userId":"1","ammount":"10","type":"credit"}'
  curl 'http://%[1]s/transactions?userId=1'
or open http://%[1]s in a browser
`, addr)
}
