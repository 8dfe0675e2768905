// Command local serves the ledger on this machine. It runs the Lambda's handler and store
// on a DynamoDB Local that it downloads, starts and stops itself.
//
//	go run ./infra/local [-addr 127.0.0.1:3000] [-data DIR] [-currency EUR] [-places 2] [-opening 0]
//
// The last three flags, or CURRENCY, DECIMAL_PLACES and OPENING_BALANCE in the environment,
// set up new tables. These settings are final: the server does not start with others.
//
// For browsers there is a console at / and the API's reference at /docs. Unless -remote is
// set, the reference posts a credit and two holds for a new user, for use in its examples.
// The console shows the requests to DynamoDB behind each of its calls. It can inject faults
// into a call, with headers that never reach the ledger. So can curl:
//
//	curl -i 127.0.0.1:3000/transactions -H 'Local-Fault: answer-lost' -H 'Idempotent-Key: 1' -d ...
//
// If AWS_ENDPOINT_URL_DYNAMODB is set, the server uses that DynamoDB, and creates the two
// tables there if they are missing. It must be on this machine unless -remote is set. With
// -remote the tables' names, the region and the keys have no defaults.
//
// Callers need no credentials. The server listens only on 127.0.0.1 unless -addr names
// another address, and rejects requests from other sites' web pages. DynamoDB Local has no
// option for its address: with Java it listens on all addresses of this machine, and
// accepts any credentials. So other machines on the network can read and change its
// tables, unless a firewall blocks its port or it runs in Docker (see compose.yaml).
//
// Each call is one line in the log: a short one on a terminal, otherwise the JSON that the
// Lambda writes. The server exits with status 1 if its DynamoDB Local exits.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"onewrite/handler"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

const (
	// answersWithin limits how long a shutdown waits for calls under way. No call takes
	// that long.
	answersWithin = 10 * time.Second
	// readWithin limits the time to read a request, including its body.
	readWithin = 5 * time.Second
	// writeWithin limits the time from the end of the headers to the end of the response.
	writeWithin = 30 * time.Second
)

const about = `Serves the ledger on this machine, on a DynamoDB Local that it starts and stops.
With Java, DynamoDB Local listens on all addresses of this machine and accepts any
credentials. On a network that you don't trust, block its port with a firewall.

Environment (all optional, but -remote needs the tables, region and keys):
  AWS_ENDPOINT_URL_DYNAMODB                         use this DynamoDB instead
  TRANSACTIONS_TABLE, TRANSACTIONS_AGGREGATE_TABLE  the names of the tables
  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
  CURRENCY, DECIMAL_PLACES, OPENING_BALANCE         the permanent settings of new tables`

func main() {
	cli.Main("local", func(ctx context.Context, args []string, out, log io.Writer) error {
		return run(ctx, args, os.Getenv, out, log)
	})
}

type options struct {
	addr     string
	data     string
	remote   bool
	settings map[string]*string // by environment variable; "" if the flag is not set
}

func parseOptions(args []string, out io.Writer) (o options, err error) {
	flags := cli.NewFlags("local", about)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:3000", "listen on this `address`")
	flags.StringVar(&o.data, "data", "", "keep the data in this `folder` (default in memory)")
	flags.BoolVar(&o.remote, "remote", false, "use a DynamoDB that is not on this machine, and create the tables there")
	o.settings = map[string]*string{
		"CURRENCY":        flags.String("currency", "", "the permanent `currency` of new tables, such as EUR (default USD)"),
		"DECIMAL_PLACES":  flags.String("places", "", "the permanent number of decimal `places` in new tables (default 2)"),
		"OPENING_BALANCE": flags.String("opening", "", "the permanent opening `balance` of every user in new tables (default 100)"),
	}
	if err := flags.Parse(args, out); err != nil {
		return o, err
	}
	if _, _, err := net.SplitHostPort(o.addr); err != nil {
		return o, cli.Usagef("-addr must be an address and a port, such as 127.0.0.1:3300, or :3300 for all addresses of this machine, not %q", o.addr)
	}
	return o, nil
}

// run serves until ctx is done. It writes the addresses and examples to out, and progress
// and one line per call to log.
func run(ctx context.Context, args []string, getenv func(string) string, out, log io.Writer) error {
	o, err := parseOptions(args, out)
	if err != nil {
		return err
	}
	environment := getenv
	getenv = func(name string) string {
		if flag := o.settings[name]; flag != nil && *flag != "" {
			return *flag
		}
		return environment(name)
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	defer listener.Close()
	database, err := openDatabase(ctx, o, getenv, log)
	if err != nil {
		return err
	}
	defer database.close()
	pages, err := allPages(database.store.Settings(), o.remote, database.made)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "dynamodb at %s\nlistening on http://%s\n%s", database.endpoint, reachable(listener.Addr()), examples(reachable(listener.Addr())))
	fmt.Fprintf(out, "\naudit it:\n  %s\n", database.auditLine())

	served := func(log io.Writer) http.Handler {
		return handler.New(ledger.New(database.store, time.Now), handler.NewLogger(log, "local", "local"), handler.Access{Authorization: handler.None})
	}
	host, _, _ := net.SplitHostPort(o.addr) // parseOptions has checked it
	server := &http.Server{
		Handler:     guard(hosts{host}, withPages(pages, &console{made: database.made, ledger: served(callLog(log)), looks: served(io.Discard)})),
		ReadTimeout: readWithin, WriteTimeout: writeWithin,
		DisableGeneralOptionsHandler: true, // otherwise net/http answers "OPTIONS *" itself, without the guard
	}
	return serve(ctx, listener, server, database)
}

// serve handles requests until ctx is done, then lets the calls under way finish. It
// returns an error if the database exits first.
func serve(ctx context.Context, listener net.Listener, server *http.Server, database *database) error {
	defer server.Close()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-database.ended():
		return database.own.Failure()
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answersWithin)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("calls were still running after %s and were cut off", answersWithin)
	}
	return err
}

// reachable returns an address that clients can call. Not every system lets them connect to
// 0.0.0.0 or [::].
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return addr.String()
}

// examples returns the text that suggests three curl calls and gives the console's URL.
func examples(addr string) string {
	return fmt.Sprintf(`
try:
  curl 'http://%[1]s/balance?userId=1'
  curl -i http://%[1]s/transactions -H 'Idempotent-Key: order-1' -d '{"userId":"1","ammount":"10","type":"credit"}'
  curl 'http://%[1]s/transactions?userId=1'
or open http://%[1]s in a browser
`, addr)
}
