package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"onewrite/infra"
	"onewrite/infra/internal/cli"
	"onewrite/infra/internal/dynamodblocal"
	"onewrite/infra/internal/tables"
)

const (
	// tablesWithin limits how long creating the tables may take.
	tablesWithin = 30 * time.Second
	// tryEvery is the pause between attempts while DynamoDB is unreachable.
	tryEvery = 500 * time.Millisecond
)

// database is a DynamoDB with the ledger's tables.
type database struct {
	endpoint string
	store    *infra.Store
	made     string                // when the balances table was created; identifies the ledger
	own      *dynamodblocal.Server // nil if another process runs DynamoDB
}

// openDatabase opens the tables, and creates missing ones. It uses the DynamoDB that the
// environment names, or else starts a DynamoDB Local.
func openDatabase(ctx context.Context, o options, getenv func(string) string, log io.Writer) (_ *database, err error) {
	d := &database{endpoint: getenv(dynamodblocal.EndpointVariable)}
	if err := checkEndpoint(o, d.endpoint); err != nil {
		return nil, err
	}
	if d.endpoint != "" {
		if err = d.openStore(ctx, o.remote, getenv, log); err != nil {
			return nil, fmt.Errorf("%s is %s: %w", dynamodblocal.EndpointVariable, d.endpoint, err)
		}
		return d, nil
	}
	if general := getenv(generalEndpointVariable); general != "" {
		fmt.Fprintf(log, "%s is %s, but this command ignores it; set %s to use that DynamoDB\n",
			generalEndpointVariable, general, dynamodblocal.EndpointVariable)
	}
	return d, d.startOwn(ctx, o.data, getenv, log)
}

// generalEndpointVariable names the variable that sets the endpoint of all services in
// AWS's SDKs and tools.
const generalEndpointVariable = "AWS_ENDPOINT_URL"

// checkEndpoint returns an error if the environment's endpoint is not a valid URL, or does
// not fit the flags -remote and -data.
func checkEndpoint(o options, endpoint string) error {
	const variable = dynamodblocal.EndpointVariable
	if endpoint == "" {
		if o.remote {
			return cli.Usagef("-remote needs %s, such as https://dynamodb.eu-central-1.amazonaws.com;"+
				" leave -remote out to use a DynamoDB Local on this machine", variable)
		}
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return cli.Usagef("%s must be a URL such as http://127.0.0.1:8000, not %q", variable, endpoint)
	case o.data != "":
		return cli.Usagef("-data is for the DynamoDB Local that this command starts; %s names another, so unset it or leave -data out", variable)
	case !o.remote && !dynamodblocal.OnThisMachine(endpoint):
		return cli.Usagef("%s is %s, which is not on this machine; -remote allows that,"+
			" creates the tables there, and lets every caller of this server move money in them", variable, endpoint)
	}
	return nil
}

// startOwn starts a DynamoDB Local and opens the tables there. DynamoDB Local keeps its
// data in the given folder, or in memory if folder is "".
func (d *database) startOwn(ctx context.Context, folder string, getenv func(string) string, log io.Writer) (err error) {
	if d.own, err = dynamodblocal.Start(ctx, dynamodblocal.Options{Data: folder, Log: log}); err != nil {
		return err
	}
	d.endpoint = d.own.Endpoint()
	if err = d.openStore(ctx, false, getenv, log); err != nil {
		d.close()
		if folder != "" {
			err = fmt.Errorf("%w; if the data in %s is damaged, move the folder away, or choose another with -data", err, folder)
		}
		return err
	}
	return nil
}

// openStore opens the tables at the endpoint, and creates missing ones. Unless remote is
// set, missing environment variables have defaults.
func (d *database) openStore(ctx context.Context, remote bool, getenv func(string) string, log io.Writer) error {
	environment := func(name string) string {
		if name == dynamodblocal.EndpointVariable {
			return d.endpoint
		}
		return getenv(name)
	}
	if !remote {
		environment = dynamodblocal.Environment(environment)
	}
	config, err := infra.ConfigFromEnv(environment)
	if err != nil {
		return err
	}
	client := infra.NewClient(config, overWire)
	if err := createTables(ctx, client, config, log); err != nil {
		return err
	}
	table, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &config.AggregateTable}, tables.Patient)
	if err != nil {
		return err
	}
	d.made = table.Table.CreationDateTime.UTC().Format(time.RFC3339Nano)
	d.store = infra.NewStore(client, config)
	err = d.store.Start(ctx)
	if _, other := errors.AsType[*infra.SettingsError](err); other {
		return err
	}
	if err != nil {
		fmt.Fprintf(log, "%v; each call will try again\n", err)
	}
	return nil
}

// createTables creates the missing tables. It retries while DynamoDB is unreachable,
// because it may still be starting.
func createTables(ctx context.Context, client *dynamodb.Client, config infra.Config, log io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, tablesWithin)
	defer cancel()
	waiting := false
	for {
		err := tables.Create(ctx, client, config)
		if _, unreachable := errors.AsType[*smithyhttp.RequestSendError](err); !unreachable || ctx.Err() != nil {
			return err
		}
		if !waiting {
			waiting = true
			fmt.Fprintf(log, "no DynamoDB responds at %s yet; retrying for %s\n", config.Endpoint, tablesWithin)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(tryEvery):
		}
	}
}

// ended returns a channel that is closed when our own DynamoDB Local exits. The channel is
// nil if we did not start one.
func (d *database) ended() <-chan struct{} {
	if d.own == nil {
		return nil
	}
	return d.own.Ended()
}

func (d *database) close() {
	if d.own != nil {
		d.own.Close()
	}
}

// auditLine returns the command that audits the database from a shell with the server's
// environment.
func (d *database) auditLine() string {
	const audit = "go run ./infra/audit"
	if d.own == nil {
		return audit
	}
	return dynamodblocal.EndpointVariable + "=" + d.endpoint + " " + audit
}
