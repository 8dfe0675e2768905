// Package tables defines the two tables in Go, with the same definitions as template.yaml.
// Commands and tests use it to create the tables without the template.
package tables

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
)

// Definitions returns the definitions of the two tables, as in template.yaml.
func Definitions(c infra.Config) []dynamodb.CreateTableInput {
	return []dynamodb.CreateTableInput{
		{
			TableName:            &c.TransactionsTable,
			AttributeDefinitions: attributes("id", "user_id", "created_at"),
			KeySchema:            keys("id"),
			BillingMode:          types.BillingModePayPerRequest,
			GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
				IndexName:  aws.String(infra.HistoryIndex),
				KeySchema:  keys("user_id", "created_at"),
				Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
			}},
		},
		{
			TableName:            &c.AggregateTable,
			AttributeDefinitions: attributes("user_id"),
			KeySchema:            keys("user_id"),
			BillingMode:          types.BillingModePayPerRequest,
		},
	}
}

// Create creates the missing tables, and waits until they can be used. Commands and tests
// call it; on AWS the template creates the tables.
func Create(ctx context.Context, client *dynamodb.Client, c infra.Config) error {
	for _, table := range Definitions(c) {
		made, err := client.CreateTable(ctx, &table, Patient)
		if err == nil && made.TableDescription.TableStatus == types.TableStatusActive {
			continue // tables on DynamoDB Local are active at once
		}
		if exists := (*types.ResourceInUseException)(nil); err != nil && !errors.As(err, &exists) {
			return fmt.Errorf("create table %s: %w", *table.TableName, err)
		}
		ready := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
			o.ClientOptions = append(o.ClientOptions, Patient)
		})
		if err := ready.Wait(ctx, &dynamodb.DescribeTableInput{TableName: table.TableName}, time.Minute); err != nil {
			return fmt.Errorf("wait for table %s: %w", *table.TableName, err)
		}
	}
	return nil
}

func attributes(names ...string) (definitions []types.AttributeDefinition) {
	for _, name := range names {
		definitions = append(definitions, types.AttributeDefinition{
			AttributeName: aws.String(name),
			AttributeType: types.ScalarAttributeTypeS,
		})
	}
	return definitions
}

// keys returns a partition key and, if there is a second name, a sort key.
func keys(names ...string) (schema []types.KeySchemaElement) {
	for i, name := range names {
		schema = append(schema, types.KeySchemaElement{
			AttributeName: aws.String(name),
			KeyType:       []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}[i],
		})
	}
	return schema
}

// Patient sets the options of a client, or of one call, so that it waits for DynamoDB
// rather than failing early. Commands and tests use it.
func Patient(o *dynamodb.Options) {
	o.Retryer = awsretry.NewStandard()
	o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(time.Minute).Freeze()
}
