package main

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/infra/internal/tables"
	"onewrite/ledger"
)

const (
	maxAttempts   = 12
	shortestDelay = 50 * time.Millisecond
	longestDelay  = 5 * time.Second
	pageRows      = 1000 // about 250 KB, so that the rate is even
)

// patient does what [tables.Patient] does, for a reader who has hours:
// throttled, it is the audit that stands back and not the ledger. A balance that
// is being moved is also worth waiting for.
func patient(o *dynamodb.Options) {
	tables.Patient(o)
	o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = maxAttempts
		r.RateLimiter = ratelimit.None
		r.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return rand.N(min(longestDelay, shortestDelay<<attempt)), nil
		})
		r.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			return aws.BoolTernary(infra.Transient(err))
		})}
	})
}

// row is a row as DynamoDB sends it.
type row = books.Row

// reader reads the two tables.
type reader struct {
	client   *dynamodb.Client
	config   infra.Config
	pace     *pace
	segments int // read at once

	transactions int // about how many there are, which DynamoDB counts every six hours; 0: not known
}

// scan returns the rows of a whole table, read by several segments at once. A row
// that was written before scan was called is in it, whatever is written meanwhile.
// An error is the last.
func (b *reader) scan(ctx context.Context, table string) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		pages := make(chan []row)
		done := make(chan error, 1)
		go func() {
			done <- atOnce(ctx, b.segments, func(ctx context.Context, segment int) error {
				return b.scanSegment(ctx, table, segment, pages)
			})
			close(pages)
		}()
		defer func() { // no request outlives the loop
			stop()
			for range pages {
			}
		}()
		for page := range pages {
			for _, r := range page {
				if infra.IsSettings(r) {
					continue // no transaction
				}
				if !yield(r, nil) {
					return
				}
			}
		}
		if err := <-done; err != nil {
			yield(nil, err)
		}
	}
}

// scanSegment sends the pages of a segment.
func (b *reader) scanSegment(ctx context.Context, table string, segment int, to chan<- []row) error {
	pages := dynamodb.NewScanPaginator(b.client, &dynamodb.ScanInput{
		TableName:              &table,
		ConsistentRead:         aws.Bool(true),
		Limit:                  aws.Int32(pageRows),
		Segment:                aws.Int32(int32(segment)),
		TotalSegments:          aws.Int32(int32(b.segments)),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return failed(err, "scan %s", table)
		}
		select {
		case to <- page.Items:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := b.spend(ctx, page.ConsumedCapacity); err != nil {
			return err
		}
	}
	return nil
}

// history returns a user's rows from a time on, oldest first, by the index, which
// may lag behind.
func (b *reader) history(ctx context.Context, user ledger.UserID, from time.Time) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		pages := dynamodb.NewQueryPaginator(b.client, &dynamodb.QueryInput{
			TableName:              &b.config.TransactionsTable,
			IndexName:              aws.String(infra.HistoryIndex),
			Limit:                  aws.Int32(pageRows),
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
			KeyConditionExpression: aws.String("user_id = :user AND created_at >= :from"),
			ExpressionAttributeValues: row{
				":user": &types.AttributeValueMemberS{Value: user.String()},
				":from": &types.AttributeValueMemberS{Value: ledger.FormatTime(from)},
			},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err == nil {
				err = b.spend(ctx, page.ConsumedCapacity)
			} else {
				err = failed(err, "read history of %q", user)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range page.Items {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// busy reports whether DynamoDB could be asked and was too busy to answer: the
// item is being written, or its partition is throttled, at each of all attempts.
// That may be one user's alone, other than a fault of DynamoDB or the network.
func busy(err error) bool {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && answer.HTTPStatusCode()/100 == http.StatusBadRequest/100 && infra.Transient(err)
}

// aggregate returns a user's row in the aggregate table, empty if there is
// none. A posting that it sees may not yet be seen in the other table.
func (b *reader) aggregate(ctx context.Context, user ledger.UserID) (row, error) {
	out, err := b.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:              &b.config.AggregateTable,
		Key:                    row{"user_id": &types.AttributeValueMemberS{Value: user.String()}},
		ConsistentRead:         aws.Bool(true),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return nil, failed(err, "read balance of %q", user)
	}
	return out.Item, b.spend(ctx, out.ConsumedCapacity)
}

// quietAggregate does as aggregate, at a moment at which no posting to the user is
// being applied: it reads in a transaction, which DynamoDB cancels at any
// other. It is tried again, and is [busy] if there is no such moment.
func (b *reader) quietAggregate(ctx context.Context, user ledger.UserID) (row, error) {
	out, err := b.client.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{
		TransactItems: []types.TransactGetItem{{Get: &types.Get{
			TableName: &b.config.AggregateTable,
			Key:       row{"user_id": &types.AttributeValueMemberS{Value: user.String()}},
		}}},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return nil, failed(err, "read balance of %q", user)
	}
	for _, consumed := range out.ConsumedCapacity {
		if err := b.spend(ctx, &consumed); err != nil {
			return nil, err
		}
	}
	return out.Responses[0].Item, nil
}

// spend paces what was read. Consumed is nil where DynamoDB is a test's model.
func (b *reader) spend(ctx context.Context, consumed *types.ConsumedCapacity) error {
	if consumed == nil {
		return nil
	}
	return b.pace.spend(ctx, aws.ToFloat64(consumed.CapacityUnits))
}

// atOnce calls f n times at once, and returns when all have. The first error
// ends the others' context and is returned; if ctx ends before, its cause is.
func atOnce(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			if err := f(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	calls.Wait()
	return context.Cause(ctx)
}
