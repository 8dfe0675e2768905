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
var errMoved = errors.New("it was written to meanwhile: stop the writers, and rebuild again")

// makeWhole writes a transaction's missing rows, or removes its orphans, in one write. It returns
// errMoved if a missing row is there by now, or the row whose absence makes them orphans. So it is
// safe while others write.
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
	out, err := b.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: actions, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if refused(err) {
		return errMoved
	}
	if err != nil {
		return failed(err, "rebuild transaction %s", id)
	}
	return b.spendAll(ctx, out.ConsumedCapacity)
}

// putNew writes a row. It returns errMoved if the row's id is taken.
func (b *reader) putNew(ctx context.Context, t ledger.Transaction) error {
	item, err := infra.EncodeTransaction(t)
	if err != nil {
		return err
	}
	out, err := b.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &b.config.TransactionsTable, Item: item, ConditionExpression: aws.String("attribute_not_exists(id)"),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if _, taken := errors.AsType[*types.ConditionalCheckFailedException](err); taken {
		return errMoved
	}
	if err != nil {
		return failed(err, "rebuild the rules of %q", t.UserID)
	}
	return b.spend(ctx, out.ConsumedCapacity)
}

func keyOf(id ledger.TransactionID) row { return row{"id": textOf(id)} }

func textOf(id ledger.TransactionID) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: id.String()}
}

// refused reports whether a condition in a transaction failed.
func refused(err error) bool {
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	return ok && slices.ContainsFunc(cancelled.CancellationReasons, func(r types.CancellationReason) bool {
		return aws.ToString(r.Code) == "ConditionalCheckFailed"
	})
}

// writeBalance turns a user's row, or a refund account's, into the wanted one, or removes it if
// none is wanted. Its condition is that the whole row is as it was stored. Attributes outside the
// account stay.
func (b *reader) writeBalance(ctx context.Context, user string, stored, wanted row) error {
	e := newExpression()
	condition := e.asStored(stored)
	key := row{"user_id": &types.AttributeValueMemberS{Value: user}}
	var consumed *types.ConsumedCapacity
	var err error
	if wanted == nil {
		var out *dynamodb.DeleteItemOutput
		if out, err = b.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &b.config.AggregateTable, Key: key,
			ConditionExpression: &condition, ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
		}); err == nil {
			consumed = out.ConsumedCapacity
		}
	} else {
		update := e.update(stored, wanted)
		var out *dynamodb.UpdateItemOutput
		if out, err = b.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &b.config.AggregateTable, Key: key, UpdateExpression: &update,
			ConditionExpression: &condition, ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
		}); err == nil {
			consumed = out.ConsumedCapacity
		}
	}
	if changed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		if sameAccount(changed.Item, wanted) {
			return nil // an earlier attempt wrote it, and its answer was lost
		}
		return errMoved
	}
	if err != nil {
		return failed(err, "write balance of %q", user)
	}
	return b.spend(ctx, consumed)
}

// expression builds a request's expressions.
type expression struct {
	names  map[string]string
	values row
}

func newExpression() *expression { return &expression{map[string]string{}, row{}} }

// nameOf returns an attribute name's placeholder.
func (e *expression) nameOf(attribute string) string {
	placeholder := fmt.Sprintf("#a%d", len(e.names))
	e.names[placeholder] = attribute
	return placeholder
}

// valueAs returns a value's placeholder.
func (e *expression) valueAs(v types.AttributeValue) string {
	placeholder := fmt.Sprintf(":v%d", len(e.values))
	e.values[placeholder] = v
	return placeholder
}

// asStored returns the condition that a row is as it was read: each attribute the same, and no
// other attribute of the account. An absent row must still be absent.
func (e *expression) asStored(stored row) string {
	if stored == nil {
		return "attribute_not_exists(" + e.nameOf("user_id") + ")"
	}
	var rules []string
	for _, attribute := range slices.Sorted(maps.Keys(stored)) {
		rules = append(rules, e.nameOf(attribute)+" = "+e.valueAs(stored[attribute]))
	}
	for _, attribute := range ofAccount {
		if stored[attribute] == nil {
			rules = append(rules, "attribute_not_exists("+e.nameOf(attribute)+")")
		}
	}
	return strings.Join(rules, " AND ")
}

// update returns the update from the stored account to the wanted one. No ledger write made it, so
// it names none: see transaction_id in package infra.
func (e *expression) update(stored, wanted row) string {
	var set, remove []string
	for _, attribute := range slices.Sorted(maps.Keys(wanted)) {
		set = append(set, e.nameOf(attribute)+" = "+e.valueAs(wanted[attribute]))
	}
	for _, attribute := range slices.Sorted(maps.Keys(stored)) {
		isOf := isOfAccount
		if infra.IsRefundAccount(stored) {
			isOf = infra.IsRefundAttribute
		}
		if attribute == "transaction_id" || isOf(attribute) && wanted[attribute] == nil {
			remove = append(remove, e.nameOf(attribute))
		}
	}
	update := "SET " + strings.Join(set, ", ")
	if remove != nil {
		update += " REMOVE " + strings.Join(remove, ", ")
	}
	return update
}

// isOfAccount reports whether a balance row's attribute follows from the user's rows.
func isOfAccount(attribute string) bool {
	return slices.Contains(ofAccount, attribute) || infra.IsHoldAttribute(attribute)
}

// ofAccount lists these attributes, except open holds.
var ofAccount = []string{"balance", "version", "held", "holds", "debits_blocked", "credits_blocked", "credit_limit", "rule_changes"}

// sameAccount reports whether a row holds exactly the wanted account. Without an open hold, missing
// hold attributes mean that nothing is held.
func sameAccount(stored, wanted row) bool {
	if wanted == nil || stored == nil {
		return len(stored) == len(wanted)
	}
	if infra.IsRefundAccount(stored) {
		a, err := infra.DecodeRefundAccount(stored)
		return err == nil && reflect.DeepEqual(a.Attributes(), wanted)
	}
	a, err := infra.DecodeAggregate(stored)
	if err != nil {
		return false
	}
	s, w := a.Attributes(a.Holds != nil), maps.Clone(wanted)
	if a.Holds == nil {
		maps.DeleteFunc(w, func(attribute string, v types.AttributeValue) bool {
			return (attribute == "held" || attribute == "holds") && valueOf(v) == "0"
		})
	}
	return reflect.DeepEqual(s, w)
}

// hashOf returns a row's hash, which is never zero.
func hashOf(r row) uint64 {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(r)) {
		encoded, _ := json.Marshal(r[name])
		fmt.Fprintf(h, "%q %T %s\n", name, r[name], encoded)
	}
	return h.Sum64() | 1
}
