package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// errMoved means that a row has changed since it was read.
var errMoved = errors.New("another write changed it meanwhile: stop the writers, and rebuild again")

// makeWhole writes a transaction's missing rows or removes its orphans, in one write. It is safe
// while others write: it returns errMoved if a row that was missing now exists.
func (b *reader) makeWhole(ctx context.Context, id ledger.TransactionID, fix books.Repair) error {
	known, condition := id, "attribute_exists(id)"
	if fix.Orphans != nil {
		known, condition = fix.Absent, "attribute_not_exists(id)"
	}
	actions := []types.TransactWriteItem{{ConditionCheck: &types.ConditionCheck{
		TableName: &b.config.TransactionsTable, Key: keyOf(known), ConditionExpression: &condition,
	}}}
	for _, t := range fix.Orphans {
		actions = append(actions, types.TransactWriteItem{Delete: &types.Delete{
			TableName: &b.config.TransactionsTable, Key: keyOf(t.ID),
			ConditionExpression:       aws.String("transaction_id = :transaction OR id = :transaction AND refund_of = :original"),
			ExpressionAttributeValues: row{":transaction": textOf(id), ":original": textOf(t.RefundOf)},
		}})
	}
	for _, t := range fix.Missing {
		item, err := infra.EncodeTransaction(t)
		if err != nil {
			return err
		}
		actions = append(actions, types.TransactWriteItem{Put: &types.Put{
			TableName: &b.config.TransactionsTable, Item: item, ConditionExpression: aws.String("attribute_not_exists(id)"),
		}})
	}
	return b.writeAll(ctx, actions, "rebuild transaction %s", id)
}

// writeAll applies all actions in one write, or none. It returns errMoved if a condition fails.
func (b *reader) writeAll(ctx context.Context, actions []types.TransactWriteItem, doing string, args ...any) error {
	out, err := b.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: actions, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, reason := range cancelled.CancellationReasons {
			if aws.ToString(reason.Code) == "ConditionalCheckFailed" {
				return errMoved
			}
		}
	}
	if err != nil {
		return failed(err, doing, args...)
	}
	return b.spendAll(ctx, out.ConsumedCapacity)
}

// putNew writes a row. It returns errMoved if the row's id is taken.
func (b *reader) putNew(ctx context.Context, t ledger.Transaction) error {
	item, err := infra.EncodeTransaction(t)
	if err != nil {
		return err
	}
	return b.writeAll(ctx, []types.TransactWriteItem{{Put: &types.Put{
		TableName: &b.config.TransactionsTable, Item: item, ConditionExpression: aws.String("attribute_not_exists(id)"),
	}}}, "rebuild the rules of %q", t.UserID)
}

func keyOf(id ledger.TransactionID) row { return row{"id": textOf(id)} }

func textOf(id ledger.TransactionID) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: id.String()}
}

// writeBalance replaces the stored row of a user or a refund account with the wanted one, or
// removes it if wanted is nil. It returns errMoved if any attribute has changed since the row was
// read. Attributes that are not part of the account are kept. A rebuilt balance has no
// transaction_id, because no ledger write made it.
func (b *reader) writeBalance(ctx context.Context, user string, stored, wanted row) error {
	key := row{"user_id": &types.AttributeValueMemberS{Value: user}}
	condition, names, values := asStored(stored)
	if wanted == nil {
		return b.writeAll(ctx, []types.TransactWriteItem{{Delete: &types.Delete{
			TableName: &b.config.AggregateTable, Key: key,
			ConditionExpression: &condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		}}}, "write balance of %q", user)
	}
	rebuilt := maps.Clone(key)
	maps.Copy(rebuilt, stored)
	maps.DeleteFunc(rebuilt, func(attribute string, _ types.AttributeValue) bool {
		if infra.IsRefundAccount(key) {
			return infra.IsRefundAttribute(attribute)
		}
		return attribute == "transaction_id" || slices.Contains(ofAccount, attribute) || infra.IsHoldAttribute(attribute)
	})
	maps.Copy(rebuilt, wanted)
	out, err := b.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &b.config.AggregateTable, Item: rebuilt,
		ConditionExpression: &condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	if changed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		if reflect.DeepEqual(changed.Item, rebuilt) {
			return nil // an earlier attempt wrote it, but the response was lost
		}
		return errMoved
	}
	if err != nil {
		return failed(err, "write balance of %q", user)
	}
	return b.spend(ctx, out.ConsumedCapacity)
}

// asStored returns the condition that a row has not changed since it was read: its attributes have
// the same values, and no attribute in ofAccount was added. A missing row must still be missing.
func asStored(stored row) (condition string, names map[string]string, values row) {
	if stored == nil {
		return "attribute_not_exists(user_id)", nil, nil
	}
	names, values = map[string]string{}, row{}
	var rules []string
	nameOf := func(attribute string) string {
		name := fmt.Sprintf("#a%d", len(names))
		names[name] = attribute
		return name
	}
	for attribute, value := range stored {
		placeholder := fmt.Sprintf(":v%d", len(values))
		values[placeholder] = value
		rules = append(rules, nameOf(attribute)+" = "+placeholder)
	}
	for _, attribute := range ofAccount {
		if stored[attribute] == nil {
			rules = append(rules, "attribute_not_exists("+nameOf(attribute)+")")
		}
	}
	return strings.Join(rules, " AND "), names, values
}

// ofAccount lists the attributes of a balance that derive from the user's rows, except open holds.
var ofAccount = []string{"balance", "version", "held", "holds", "debits_blocked", "credits_blocked", "credit_limit", "rule_changes"}

// hashOf returns a row's hash, which is never zero.
func hashOf(r row) uint64 {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(r)) {
		encoded, _ := json.Marshal(r[name])
		fmt.Fprintf(h, "%q %T %s\n", name, r[name], encoded)
	}
	return h.Sum64() | 1
}
