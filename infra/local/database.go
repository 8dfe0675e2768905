package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"onewrite/infra"
	"onewrite/infra/internal/cli"
	"onewrite/infra/internal/dynamodblocal"
	"onewrite/infra/internal/tables"
)

// tablesWithin is for another DynamoDB than our own to make the tables.
const tablesWithin = 30 * time.Second

// database is the ledger's tables on a DynamoDB.
type database struct {
	endpoint string
	store    *infra.Store
	own      *dynamodblocal.Server // nil: somebody else's
}

// openDatabase opens the tables, made where they are missing, on the DynamoDB of
// the environment, or else on a DynamoDB Local that it starts.
func openDatabase(ctx context.Context, o options, getenv func(string) string, log io.Writer) (_ *database, err error) {
	d := &database{endpoint: getenv(dynamodblocal.EndpointVariable)}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	switch {
	case d.endpoint != "" && o.data != "":
		return nil, cli.Usagef("-data is for the DynamoDB Local that is started here; %s names another", dynamodblocal.EndpointVariable)
	case d.endpoint != "" && !o.remote && !dynamodblocal.OnThisMachine(d.endpoint):
		return nil, cli.Usagef("%s is %s, which is not on this machine; -remote says that it is meant,"+
			" makes the tables there, and lets everybody who reaches this server move money in them", dynamodblocal.EndpointVariable, d.endpoint)
	case d.endpoint == "":
		if d.own, err = dynamodblocal.Start(ctx, dynamodblocal.Options{Data: o.data, Log: log}); err != nil {
			return nil, err
		}
		d.endpoint = d.own.Endpoint()
	}
	if d.store, err = openStore(ctx, d.endpoint, getenv); err != nil && d.own == nil {
		return nil, fmt.Errorf("%s is %s: %w", dynamodblocal.EndpointVariable, d.endpoint, err)
	}
	return d, err
}

func openStore(ctx context.Context, endpoint string, getenv func(string) string) (*infra.Store, error) {
	config, err := infra.ConfigFromEnv(dynamodblocal.Environment(func(name string) string {
		if name == dynamodblocal.EndpointVariable {
			return endpoint
		}
		return getenv(name)
	}))
	if err != nil {
		return nil, err
	}
	client := infra.NewClient(config, overWire)
	ctx, cancel := context.WithTimeout(ctx, tablesWithin)
	defer cancel()
	if err := tables.Create(ctx, client, config); err != nil {
		return nil, err
	}
	return infra.NewStore(client, config), nil
}

// ended returns a channel that is closed when a database of our own has ended.
func (d *database) ended() <-chan struct{} {
	if d.own == nil {
		return nil
	}
	return d.own.Ended()
}

// close ends a database of our own. The error says that it had ended before.
func (d *database) close() error {
	if d.own == nil {
		return nil
	}
	return d.own.Close()
}

// auditLine returns the command that audits the database in the same environment.
func (d *database) auditLine() string {
	const audit = "go run ./infra/audit"
	if d.own == nil {
		return audit
	}
	return dynamodblocal.EndpointVariable + "=" + d.endpoint + " " + audit
}
