package infra

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// HistoryIndex is the index of each user's transactions by time, with all attributes.
const HistoryIndex = "user_id-created_at"

// History implements [ledger.Store]. The query itself names the user, so a cursor can only
// select a place in that user's own history.
//
// The index guarantees no order among rows with the same time. If a page would end between
// such rows, History reads and sorts them all, and the next page reads them again. Such
// pages can take one more request.
func (s *Store) History(ctx context.Context, user ledger.UserID, after ledger.Cursor, limit int) (ledger.Page, error) {
	if err := s.ready(ctx); err != nil {
		return ledger.Page{}, err
	}
	query := s.historyQuery(user, after, limit)
	h := history{after: after, limit: limit, rows: make([]ledger.Transaction, 0, limit+1)}
	for {
		out, err := s.client.Query(ctx, query, s.retrying(ctx))
		if err != nil {
			return ledger.Page{}, fmt.Errorf("read history of %s: %w", user, storeError(err))
		}
		for _, row := range out.Items {
			t, err := DecodeTransaction(row)
			if err != nil {
				return ledger.Page{}, err
			}
			h.rows = append(h.rows, t)
		}
		// DynamoDB ends an answer at the limit, or at 1 MB, which a few dozen rows with
		// many entries can reach.
		if out.LastEvaluatedKey == nil || h.full() {
			return h.page(), nil
		}
		query.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// historyQuery returns the query for a user's rows after the cursor. If the cursor is
// between rows with the same time, the query starts with the first of them.
func (s *Store) historyQuery(user ledger.UserID, after ledger.Cursor, limit int) *dynamodb.QueryInput {
	query := &dynamodb.QueryInput{
		TableName:                 &s.transactions,
		IndexName:                 aws.String(HistoryIndex),
		KeyConditionExpression:    aws.String("user_id = :user"),
		ExpressionAttributeValues: item{":user": text(user)},
		ScanIndexForward:          aws.Bool(false),
		// One extra row shows whether there is a next page. LastEvaluatedKey does not:
		// DynamoDB also returns it after the last row.
		Limit: aws.Int32(int32(limit) + 1),
	}
	at := &types.AttributeValueMemberS{Value: ledger.FormatTime(after.CreatedAt)}
	switch {
	case after.Within:
		query.KeyConditionExpression = aws.String("user_id = :user AND created_at <= :at")
		query.ExpressionAttributeValues[":at"] = at
	case after != (ledger.Cursor{}):
		query.ExclusiveStartKey = item{"id": text(after.ID), "user_id": text(user), "created_at": at}
	}
	return query
}

// history collects the rows for one page.
type history struct {
	after ledger.Cursor
	limit int
	rows  []ledger.Transaction // in index order
}

// full reports whether the page needs no more rows: a row after the page is known, and no
// row with the page's last time is missing.
func (h history) full() bool {
	_, end := h.bounds()
	return len(h.rows) > end && !h.rows[end-1].CreatedAt.Equal(h.rows[len(h.rows)-1].CreatedAt)
}

// page returns the page. It requires that full is true or that the index has no more rows.
func (h history) page() ledger.Page {
	sorted := h.sorted()
	begin, end := h.bounds()
	if end >= len(sorted) {
		return ledger.Page{Transactions: sorted[begin:]}
	}
	next := ledger.Cursor{CreatedAt: sorted[end-1].CreatedAt, ID: h.rows[end-1].ID}
	if sorted[end].CreatedAt.Equal(next.CreatedAt) {
		next.ID, next.Within = sorted[end-1].ID, true
	}
	return ledger.Page{Transactions: sorted[begin:end], Next: next}
}

// bounds returns the page's range in the sorted rows. end is exclusive and can be too high.
func (h history) bounds() (begin, end int) {
	if h.after.Within {
		named := func(t ledger.Transaction) bool { return t.ID == h.after.ID }
		begin = slices.IndexFunc(h.sorted(), named) + 1 // 0 if the index doesn't have the named row yet
	}
	return begin, begin + h.limit
}

func (h history) sorted() []ledger.Transaction {
	rows := slices.Clone(h.rows)
	ledger.SortRows(rows)
	slices.Reverse(rows)
	return rows
}
