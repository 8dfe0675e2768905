package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

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

func (f *floor) read(table string, key item) request {
	return func(ctx context.Context) error {
		_, err := f.client.GetItem(ctx, &dynamodb.GetItemInput{
			TableName:      &table,
			Key:            key,
			ConsistentRead: aws.Bool(true),
		})
		return err
	}
}

// row returns a row of the transactions table, which the SDK encodes. A declined
// one holds a balance.
func row(n names, kind, amount, status, balance string) infratest.Row {
	return infratest.Row{
		ID: n.id().String(), UserID: n.user, IdempotencyKey: n.key,
		Ammount: attributevalue.Number(amount), Type: kind, Status: status,
		CreatedAt: createdAt, Balance: attributevalue.Number(balance),
	}
}

// createdAt is when all bare rows are created.
const createdAt = "2026-11-22T12:00:00.000Z"

// move is the write of a balance, and its rule.
type move struct {
	user, rule, update string
	numbers            map[string]string // by the names of the expressions' values
	names              map[string]string // of holds; nil: none
	opens              []string          // the numbers of a hold that opens
}

// values returns the values of the expressions.
func (m move) values() item {
	values := make(item, len(m.numbers))
	for name, n := range m.numbers {
		values[name] = number(n)
	}
	if m.opens != nil {
		values[":hold"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{number(m.opens[0]), number(m.opens[1])}}
	}
	return values
}

// moveOf makes the move of an amount, which that many rows come to. A user who
// may have no row yet is not in the rule.
func moveOf(user, kind, amount string, rows int) move {
	m := move{user: user, rule: "balance >= :amount", update: "SET balance = if_not_exists(balance, :opening) - :amount, transaction_id = :id", numbers: map[string]string{
		":opening": "100", ":amount": amount, ":one": strconv.Itoa(rows),
	}}
	if kind == "credit" {
		m.rule, m.update = "balance <= :headroom", strings.Replace(m.update, " - ", " + ", 1)
		m.numbers[":headroom"] = strconv.Itoa(1e15 - dollars(amount))
	}
	return m
}

// orNew lets the rule of a move pass where the user has no row.
func (m move) orNew() move {
	m.rule += " OR attribute_not_exists(user_id)"
	return m
}

// dollars returns a whole amount as a number.
func dollars(amount string) int {
	n, err := strconv.Atoi(amount)
	if err != nil {
		panic(err) // our own amounts
	}
	return n
}

// transact makes one write of rows and moves.
func (f *floor) transact(rows []infratest.Row, moves ...move) request {
	return func(ctx context.Context) error {
		writes := make([]types.TransactWriteItem, 0, len(rows)+len(moves))
		for _, row := range rows {
			writes = append(writes, types.TransactWriteItem{Put: &types.Put{
				TableName:                           &f.config.TransactionsTable,
				Item:                                row.Item(),
				ConditionExpression:                 aws.String("attribute_not_exists(id)"),
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}})
		}
		for _, m := range moves {
			values := m.values()
			values[":id"] = text(rows[0].ID)
			writes = append(writes, types.TransactWriteItem{Update: &types.Update{
				TableName:                           &f.config.AggregateTable,
				Key:                                 item{"user_id": text(m.user)},
				ConditionExpression:                 &m.rule,
				UpdateExpression:                    aws.String(m.update + " ADD version :one" + m.heldToo()),
				ExpressionAttributeNames:            m.names,
				ExpressionAttributeValues:           values,
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}})
		}
		_, err := f.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		return err
	}
}

// heldToo returns what a move adds besides the rows, if it is of holds.
func (m move) heldToo() string {
	if m.names == nil {
		return ""
	}
	return ", held :held, holds :holds"
}

// write makes the write of a transaction of one entry.
func (f *floor) write(n names, kind, amount string) request {
	m := moveOf(n.user, kind, amount, 1)
	if amount != beyond {
		m = m.orNew()
	}
	return f.transact([]infratest.Row{row(n, kind, amount, "posted", "")}, m)
}

// refused makes a write that a condition must cancel.
func refused(write request) request {
	return func(ctx context.Context) error {
		err := write(ctx)
		if _, cancelled := errors.AsType[*types.TransactionCanceledException](err); cancelled {
			return nil
		}
		return cmp.Or(err, errors.New("a write was not cancelled that should have been"))
	}
}

// oneAfterOther makes several requests.
func oneAfterOther(all ...request) request {
	return func(ctx context.Context) error {
		for _, run := range all {
			if err := run(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func (f *floor) put(n names, kind, amount string) request {
	r := row(n, kind, amount, "declined", "100")
	return func(ctx context.Context) error {
		_, err := f.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                           &f.config.TransactionsTable,
			Item:                                r.Item(),
			ConditionExpression:                 aws.String("attribute_not_exists(id)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	}
}
