package infra

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// HistoryIndex holds every user's transactions by time, with all attributes.
const HistoryIndex = "user_id-created_at"

// History implements [ledger.Store]. The user stands in the query itself, so
// a cursor can only choose a place in that user's own history.
func (s *Store) History(ctx context.Context, user ledger.UserID, after ledger.Cursor, limit int) ([]ledger.Transaction, bool, error) {
	query := &dynamodb.QueryInput{
		TableName:                 &s.transactions,
		IndexName:                 aws.String(HistoryIndex),
		KeyConditionExpression:    aws.String("user_id = :user"),
		ExpressionAttributeValues: item{":user": text(user)},
		ScanIndexForward:          aws.Bool(false),
		// One more than asked for: DynamoDB's own sign of a next page is also
		// there after the last row.
		Limit: aws.Int32(int32(limit) + 1),
	}
	if after != (ledger.Cursor{}) {
		query.ExclusiveStartKey = item{
			"id":         text(after.ID),
			"user_id":    text(user),
			"created_at": &types.AttributeValueMemberS{Value: ledger.FormatTime(after.CreatedAt)},
		}
	}
	page := make([]ledger.Transaction, 0, limit)
	for {
		out, err := s.client.Query(ctx, query, s.retrying(ctx))
		if err != nil {
			return nil, false, fmt.Errorf("read history of %s: %w", user, storeError(err))
		}
		for _, row := range out.Items {
			if len(page) == limit {
				return page, true, nil
			}
			t, err := DecodeTransaction(row)
			if err != nil {
				return nil, false, err
			}
			page = append(page, t)
		}
		// An answer ends at 1 MB, which some dozens of rows with many entries
		// have, and at its limit.
		if out.LastEvaluatedKey == nil {
			return page, false, nil
		}
		query.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
