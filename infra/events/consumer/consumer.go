// Package consumer is an example of a Lambda function that reads a ledger's events. It
// keeps each user's latest balance, and the money in and out by month, in its own table,
// which has the partition key id. It accepts bus events and stream records, even repeated
// or out of order. consumer.py and consumer.ts do the same.
package consumer

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Consumer keeps its results in one table.
type Consumer struct {
	Client *dynamodb.Client
	Table  string
}

// Event is a bus event with a Detail, or a batch of stream records.
type Event struct {
	Detail  *events.DynamoDBEventRecord  `json:"detail"`
	Records []events.DynamoDBEventRecord `json:"Records"`
}

type (
	row  = map[string]events.DynamoDBAttributeValue
	item = map[string]types.AttributeValue
)

// Handle handles an event for lambda.Start. Lambda sends the event again after an error.
func (c Consumer) Handle(ctx context.Context, e Event) error {
	if e.Detail != nil {
		e.Records = append(e.Records, *e.Detail)
	}
	for _, r := range e.Records {
		handle := c.keepBalance
		if _, ok := r.Change.Keys["id"]; ok {
			handle = c.takeTransaction
		}
		if err := handle(ctx, r.Change.NewImage); err != nil {
			return err
		}
	}
	return nil
}

// keepBalance stores a balance row unless a later one is already stored. Every write to a
// row raises version or rule_changes, and none lowers them.
func (c Consumer) keepBalance(ctx context.Context, balance row) error {
	changes := "0"
	if counted, ok := balance["rule_changes"]; ok {
		changes = counted.Number()
	}
	_, err := c.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &c.Table,
		Key:                       item{"id": text("balance " + balance["user_id"].String())},
		ConditionExpression:       aws.String("attribute_not_exists(id) OR version < :version OR rule_changes < :changes"),
		UpdateExpression:          aws.String("SET balance = :balance, version = :version, rule_changes = :changes"),
		ExpressionAttributeValues: item{":balance": number(balance["balance"].Number()), ":version": number(balance["version"].Number()), ":changes": number(changes)},
	})
	if _, late := errors.AsType[*types.ConditionalCheckFailedException](err); late {
		return nil
	}
	return err
}

// takeTransaction adds a transaction's row to its month's sums, at most once.
func (c Consumer) takeTransaction(ctx context.Context, transaction row) error {
	in, out, err := moved(transaction)
	if err != nil {
		return err
	}
	month := transaction["created_at"].String()[:len("2026-11")]
	_, err = c.Client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{
			TableName:           &c.Table,
			Item:                item{"id": text("transaction " + transaction["id"].String())},
			ConditionExpression: aws.String("attribute_not_exists(id)"),
		}},
		{Update: &types.Update{
			TableName:                 &c.Table,
			Key:                       item{"id": text(month + " " + transaction["user_id"].String())},
			UpdateExpression:          aws.String("ADD money_in :in, money_out :out"),
			ExpressionAttributeValues: item{":in": number(in), ":out": number(out)},
		}},
	}})
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if ok && aws.ToString(cancelled.CancellationReasons[0].Code) == "ConditionalCheckFailed" {
		return nil // the row is already in the sums
	}
	return err
}

// moved returns the money that a transaction's row moved in and out.
func moved(transaction row) (in, out string, err error) {
	amount := transaction["ammount"].Number()
	switch kind := transaction["type"].String(); {
	case transaction["status"].String() == "declined":
		return "0", "0", nil
	case kind == "credit", kind == "void", kind == "expiry":
		return amount, "0", nil
	case kind == "debit": // including a hold
		return "0", amount, nil
	case kind == "capture": // the whole hold was counted as money out before
		return transaction["held"].Number(), amount, nil
	default:
		return "", "", fmt.Errorf("a transaction of type %q is new to this program", kind)
	}
}

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func number(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }
