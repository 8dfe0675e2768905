package infratest

import (
	"context"
	"fmt"
	"io"
	"os"

	"onewrite/infra/internal/dynamodblocal"
)

const endpointVariable = "AWS_ENDPOINT_URL_DYNAMODB"

// Database is a DynamoDB on this machine.
type Database struct {
	Endpoint string
	own      io.Closer // nil: it was running before
}

// OpenDatabase returns the DynamoDB that AWS_ENDPOINT_URL_DYNAMODB names, which
// must be on this machine, or else a DynamoDB Local that it starts, after
// downloading it if need be, and that Close ends. The packages of one "go test" share
// theirs, which ends with that. It writes progress to log.
func OpenDatabase(ctx context.Context, log io.Writer) (*Database, error) {
	if endpoint := os.Getenv(endpointVariable); endpoint != "" {
		if !dynamodblocal.OnThisMachine(endpoint) {
			return nil, fmt.Errorf("only DynamoDB on this machine may be used here, and %s is %s", endpointVariable, endpoint)
		}
		return &Database{Endpoint: endpoint}, nil
	}
	if dynamodblocal.UnderGoTest() {
		shared, err := dynamodblocal.Share(ctx, log)
		return &Database{Endpoint: shared}, err
	}
	server, err := dynamodblocal.Start(ctx, dynamodblocal.Options{Log: log})
	if err != nil {
		return nil, err
	}
	return &Database{server.Endpoint(), server}, nil
}

// Close ends the database if OpenDatabase has started it.
func (d *Database) Close() error {
	if d.own == nil {
		return nil
	}
	return d.own.Close()
}
