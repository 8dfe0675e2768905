package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/infra/infratest"
)

// bareSDK makes a client as the SDK makes it by default, save that it keeps the
// connections of as many callers.
func bareSDK(c infra.Config) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       c.Region,
		Credentials:  credentials.StaticCredentialsProvider{Value: c.Credentials},
		BaseEndpoint: &c.Endpoint,
		HTTPClient: awshttp.NewBuildableClient().
			WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = maxCallers }),
	})
}

// floor makes the bare requests: the same items, by a client of the SDK, and
// nothing of ours around them.
type floor struct {
	client *dynamodb.Client
	config infra.Config
}

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func number(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }

func (f *floor) read(n names) request {
	return func(ctx context.Context) error {
		_, err := f.client.GetItem(ctx, &dynamodb.GetItemInput{
			TableName:      &f.config.AggregateTable,
			Key:            item{"user_id": text(n.user)},
			ConsistentRead: aws.Bool(true),
		})
		return err
	}
}

// row returns a row of the transactions table, encoded by the SDK. A declined one
// holds a balance.
func row(id string, n names, kind, amount, status, balance string) item {
	return infratest.Row{
		ID: id, UserID: n.user, IdempotencyKey: n.key,
		Ammount: attributevalue.Number(amount), Type: kind, Status: status,
		CreatedAt: "2026-11-22T12:00:00.000Z", Balance: attributevalue.Number(balance),
	}.Item()
}

func (f *floor) write(n names, kind, amount string) request {
	rule, move := "balance <= :bound OR attribute_not_exists(user_id)", "+"
	if kind == "debit" {
		rule, move = "balance >= :bound", "-"
	}
	bound := map[string]string{"credit": "999999999999999", "debit": amount}[kind]
	id := n.id()
	return func(ctx context.Context) error {
		_, err := f.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{
				TableName:                           &f.config.TransactionsTable,
				Item:                                row(id, n, kind, amount, "posted", ""),
				ConditionExpression:                 aws.String("attribute_not_exists(id)"),
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}},
			{Update: &types.Update{
				TableName:           &f.config.AggregateTable,
				Key:                 item{"user_id": text(n.user)},
				ConditionExpression: &rule,
				UpdateExpression:    aws.String("SET balance = if_not_exists(balance, :opening) " + move + " :amount ADD version :one"),
				ExpressionAttributeValues: item{
					":opening": number("100"), ":amount": number(amount), ":one": number("1"), ":bound": number(bound),
				},
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}},
		}})
		if _, cancelled := errors.AsType[*types.TransactionCanceledException](err); cancelled {
			return nil
		}
		return err
	}
}

func (f *floor) put(n names, kind, amount string) request {
	id := n.id()
	return func(ctx context.Context) error {
		_, err := f.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                           &f.config.TransactionsTable,
			Item:                                row(id, n, kind, amount, "declined", "100"),
			ConditionExpression:                 aws.String("attribute_not_exists(id)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	}
}
