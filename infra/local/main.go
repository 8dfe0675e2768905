// Command local serves the ledger on this machine: the same handler and store as the
// Lambda, over DynamoDB Local, which it downloads, starts and ends by itself.
//
//	go run ./infra/local [-addr 127.0.0.1:3000] [-data DIR] [-currency EUR] [-places 2] [-opening 0]
//
// The last three, or CURRENCY, DECIMAL_PLACES and OPENING_BALANCE in the environment,
// are the tables' settings for ever: the next start rejects others.
//
// For browsers it has a console at / and the API's reference at /docs. For its examples
// the reference posts a credit and two holds for a new user, except with -remote. The console
// shows the requests to DynamoDB behind each of its calls. It asks for faults on the
// way, by headers that the ledger never sees; curl may ask for them too:
//
//	curl -i 127.0.0.1:3000/transactions -H 'Local-Fault: answer-lost' -H 'Idempotent-Key: 1' -d ...
//
// With AWS_ENDPOINT_URL_DYNAMODB set it uses that DynamoDB, which must be on this
// machine unless -remote allows another one. With -remote no variable has a default.
// It creates the two tables if they are missing.
//
// It asks no caller for credentials. It listens on 127.0.0.1 only, unless -addr names
// another address, and rejects the web pages of other sites. DynamoDB Local itself has
// no option for its address: with Java it listens on all this machine's addresses, and
// takes any credentials. So other machines in the network can read and change its
// tables, unless a firewall closes its port, or Docker runs it (see compose.yaml).
//
// Each call is a line in the log: a short one on a terminal, and elsewhere the JSON
// that the function writes on AWS. It ends with status 1 if its DynamoDB Local ends.
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
	// answersWithin is for calls under way at the end. It is longer than a call takes.
	answersWithin = 10 * time.Second
	// readWithin bounds the arrival of a call, header and body.
	readWithin = 5 * time.Second
	// writeWithin bounds the rest of a call, until its answer ends.
	writeWithin = 30 * time.Second
)

const about = `Serves the ledger on this machine, over a DynamoDB Local that it starts and ends.
With Java, DynamoDB Local listens on all addresses of this machine and takes any
credentials: let a firewall close its port where the network is not yours.

Environment, all of it optional, save that -remote needs the tables, region and keys:
  AWS_ENDPOINT_URL_DYNAMODB                         use this DynamoDB instead
  TRANSACTIONS_TABLE, TRANSACTIONS_AGGREGATE_TABLE  the names of the tables
  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
  CURRENCY, DECIMAL_PLACES, OPENING_BALANCE         the settings of the tables, for ever`

func main() {
	cli.Main("local", func(ctx context.Context, args []string, out, log io.Writer) error {
		return run(ctx, args, os.Getenv, out, log)
	})
}

// options are the flags.
type options struct {
	addr     string
	data     string
	remote   bool
	settings map[string]*string // by their environment names; "" leaves it to the environment
}

func parseOptions(args []string, out io.Writer) (o options, err error) {
	flags := cli.NewFlags("local", about)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:3000", "listen on this `address`")
	flags.StringVar(&o.data, "data", "", "keep the data in this `folder` (default in memory)")
	flags.BoolVar(&o.remote, "remote", false, "use a DynamoDB that is not on this machine, and make the tables there")
	o.settings = map[string]*string{
		"CURRENCY":        flags.String("currency", "", "the `currency` of new tables, for ever, such as EUR (default USD)"),
		"DECIMAL_PLACES":  flags.String("places", "", "how many decimal `places` amounts may have in new tables, for ever (default 2)"),
		"OPENING_BALANCE": flags.String("opening", "", "the opening `balance` of every user in new tables, for ever (default 100)"),
	}
	if err := flags.Parse(args, out); err != nil {
		return o, err
	}
	if _, _, err := net.SplitHostPort(o.addr); err != nil {
		return o, cli.Usagef("-addr must be an address and a port, such as 127.0.0.1:3300, or :3300 for all addresses of this machine, and not %q", o.addr)
	}
	return o, nil
}

// run serves until ctx ends. It writes addresses and examples to out, and progress and a
// line for each call to log.
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
		DisableGeneralOptionsHandler: true, // net/http would answer "OPTIONS *" itself, without the guard
	}
	return serve(ctx, listener, server, database)
}

// serve answers until ctx ends, and lets the calls under way finish. It returns an
// error if the database ends earlier.
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
		return fmt.Errorf("calls were still under way after %s, and were cut off", answersWithin)
	}
	return err
}

// reachable returns an address that takes calls: 0.0.0.0 and [::] do not everywhere.
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return addr.String()
}

// examples returns three calls to try, and where to try them with a mouse.
func examples(addr string) string {
	return fmt.Sprintf(`
try:
  curl 'http://%[1]s/balance?userId=1'
  curl -i http://%[1]s/transactions -H 'Idempotent-Key: order-1' -d '{"userId":"1","ammount":"10","type":"credit"}'
  curl 'http://%[1]s/transactions?userId=1'
or open http://%[1]s in a browser
`, addr)
}
