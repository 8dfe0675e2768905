package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"onewrite/infra/internal/cli"
	"onewrite/infra/internal/dynamodblocal"
)

// describeAttempts is few, so that a wrong address is soon told.
const describeAttempts = 3

// open looks whether the two variables name the two tables, and notes about how
// many transactions there are, for the progress. Who may not describe tables
// can do without.
func (b *reader) open(ctx context.Context) error {
	transactions, err := b.describe(ctx, "TRANSACTIONS_TABLE", b.config.TransactionsTable, "id")
	if err != nil {
		return err
	}
	b.transactions = int(aws.ToInt64(transactions.ItemCount))
	_, err = b.describe(ctx, "TRANSACTIONS_AGGREGATE_TABLE", b.config.AggregateTable, "user_id")
	return err
}

// describe returns what DynamoDB says of the table that a variable names, empty
// if it may not be asked. The error is one of usage if there is no such table, or
// if its key is another.
func (b *reader) describe(ctx context.Context, variable, table, key string) (described types.TableDescription, err error) {
	out, err := b.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table},
		func(o *dynamodb.Options) { o.RetryMaxAttempts = describeAttempts })
	if missing := (*types.ResourceNotFoundException)(nil); errors.As(err, &missing) {
		return described, cli.Usagef("%s is %s, and there is no such table in %s", variable, table, b.place())
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok && answer.ErrorCode() == "AccessDeniedException" {
		return described, nil
	}
	if err != nil {
		return described, failed(err, "describe %s in %s", table, b.place())
	}
	if has := *out.Table.KeySchema[0].AttributeName; has != key {
		return described, cli.Usagef("%s is %s, whose key is %s and not %s: it is another table", variable, table, has, key)
	}
	return *out.Table, nil
}

// place says where the tables are.
func (b *reader) place() string {
	if b.config.Endpoint == "" {
		return b.config.Region
	}
	return b.config.Endpoint + " (" + dynamodblocal.EndpointVariable + ")"
}
