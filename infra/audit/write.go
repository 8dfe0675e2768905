package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
)

// errMoved says that a balance is no longer what was read.
var errMoved = errors.New("it was written to meanwhile: stop the writers")

// write replaces a user's balance if it still is what was read, whole, and is
// errMoved if not. A version only grows, so while it is the same, nothing was
// posted to the user. From without a version is a user without a row.
func (b *books) write(ctx context.Context, from, to infra.Aggregate) error {
	condition := "balance = :balanceRead AND version = :versionRead"
	values := row{
		":balance": &types.AttributeValueMemberN{Value: to.Balance.String()},
		":version": &types.AttributeValueMemberN{Value: strconv.Itoa(to.Version)},
	}
	if from.Version == 0 {
		condition = "attribute_not_exists(user_id)"
	} else {
		values[":balanceRead"] = &types.AttributeValueMemberN{Value: from.Balance.String()}
		values[":versionRead"] = &types.AttributeValueMemberN{Value: strconv.Itoa(from.Version)}
	}
	_, err := b.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                           &b.config.AggregateTable,
		Key:                                 row{"user_id": &types.AttributeValueMemberS{Value: from.UserID.String()}},
		UpdateExpression:                    aws.String("SET balance = :balance, version = :version"),
		ConditionExpression:                 &condition,
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		now, err := infra.DecodeAggregate(failed.Item)
		if err == nil && now.Version == to.Version && now.Balance.Equal(to.Balance) {
			return nil // by an attempt before, whose answer was lost
		}
		return errMoved
	}
	if err != nil {
		return failed(err, "write balance of %q", from.UserID)
	}
	return nil
}
