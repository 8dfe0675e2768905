package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// pageRows limits a page to about 250 KB, so that the audit reads at an even rate.
const pageRows = 1000

type row = books.Row

type finding = books.Finding

type reader struct {
	client   *dynamodb.Client
	config   infra.Config
	pace     *pace
	segments int // how many segments of a table to read at once
	progress *cli.Progress

	faults []finding // faults of the settings row; if there are any, the environment's settings apply

	transactions int // the approximate number of rows, which DynamoDB updates every six hours; 0 if not known
}

// scan reads the segments of a table, several at once, and calls f with one row at a time. f gets
// every row that was written before scan was called, except the settings row. what and total are
// for the progress line.
func (b *reader) scan(ctx context.Context, table, what string, total int, f func(row) error) error {
	b.progress.Begin(what, total)
	var one sync.Mutex
	take := func(page []row) error {
		one.Lock()
		defer one.Unlock()
		for _, r := range page {
			if infra.IsSettings(r) {
				continue // not a transaction
			}
			b.progress.Add(1)
			if err := f(r); err != nil {
				return err
			}
		}
		return nil
	}
	segments := func(yield func(int) bool) {
		for i := 0; i < b.segments && yield(i); i++ {
		}
	}
	return forEach(ctx, b.segments, segments, func(ctx context.Context, segment int) error {
		return b.scanSegment(ctx, table, segment, take)
	})
}

func (b *reader) scanSegment(ctx context.Context, table string, segment int, take func(page []row) error) error {
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
		if err := take(page.Items); err != nil {
			return err
		}
		if err := b.spend(ctx, page.ConsumedCapacity); err != nil {
			return err
		}
	}
	return nil
}

// history returns a user's rows created at or after from, oldest first. It reads the index, which
// may lag.
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

// busy reports whether DynamoDB rejected the request because it was too busy: at every attempt the
// item was being written, or its partition was throttled. Unlike a fault in DynamoDB or the
// network, this can affect a single user.
func busy(err error) bool {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && answer.HTTPStatusCode()/100 == http.StatusBadRequest/100 && infra.Transient(err)
}

// aggregate returns a user's balance row, which is empty if there is none. The balance can count
// a posting whose row is not visible yet.
func (b *reader) aggregate(ctx context.Context, user ledger.UserID) (row, error) {
	r, err := b.get(ctx, b.config.AggregateTable, "user_id", user.String())
	if err != nil {
		return nil, failed(err, "read balance of %q", user)
	}
	return r, nil
}

// transaction returns the row with the given id, or nil if it is missing or damaged.
func (b *reader) transaction(ctx context.Context, id ledger.TransactionID) (t *ledger.Transaction, damaged bool, err error) {
	r, err := b.get(ctx, b.config.TransactionsTable, "id", id.String())
	if err != nil {
		return nil, false, failed(err, "read transaction %s", id)
	}
	if len(r) == 0 {
		return nil, false, nil
	}
	row, err := infra.DecodeTransaction(r)
	if err != nil {
		return nil, true, nil //nolint:nilerr // damaged reports it
	}
	return &row, false, nil
}

func (b *reader) get(ctx context.Context, table, key, value string) (row, error) {
	out, err := b.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:              &table,
		Key:                    row{key: &types.AttributeValueMemberS{Value: value}},
		ConsistentRead:         aws.Bool(true),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return nil, err
	}
	return out.Item, b.spend(ctx, out.ConsumedCapacity)
}

// quietAggregate is like aggregate, but it fails while a posting for the user is in flight. It uses
// TransactGetItems, which DynamoDB then cancels. If all attempts are cancelled, [busy] reports true
// for the error.
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
	return out.Responses[0].Item, b.spendAll(ctx, out.ConsumedCapacity)
}

// spend counts the units that a request consumed, and waits until the rate allows another request.
// consumed is nil if the request went to the tests' DynamoDB model.
func (b *reader) spend(ctx context.Context, consumed *types.ConsumedCapacity) error {
	if consumed == nil {
		return nil
	}
	return b.pace.spend(ctx, aws.ToFloat64(consumed.CapacityUnits))
}

// spendAll is like spend, but for a request that reports its units for each table.
func (b *reader) spendAll(ctx context.Context, consumed []types.ConsumedCapacity) error {
	var units float64
	for _, one := range consumed {
		units += aws.ToFloat64(one.CapacityUnits)
	}
	return b.pace.spend(ctx, units)
}

// forEach calls f for each value, up to n at once, and waits for all calls. The first error cancels
// the other calls, and is returned. If ctx ends first, its cause is returned.
func forEach[T any](ctx context.Context, n int, values iter.Seq[T], f func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var calls sync.WaitGroup
	running := make(chan struct{}, n)
	for value := range values {
		running <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		calls.Go(func() {
			if err := f(ctx, value); err != nil {
				cancel(err)
			}
			<-running
		})
	}
	calls.Wait()
	return context.Cause(ctx)
}

// pace limits requests to a rate in DynamoDB's read and write units. A request's units are known
// only from its response, so the next request waits. It is safe for concurrent use.
type pace struct {
	unitsPerSecond float64 // 0: no limit

	mu   sync.Mutex
	free time.Time // when the rate allows the next request
}

// spend counts the units, and waits until the rate allows them and all earlier ones.
func (p *pace) spend(ctx context.Context, units float64) error {
	return sleep(ctx, p.delay(units, time.Now()))
}

// delay counts the units, and returns how long to wait from now.
func (p *pace) delay(units float64, now time.Time) time.Duration {
	if p.unitsPerSecond == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(units / p.unitsPerSecond * float64(time.Second)))
	return p.free.Sub(now)
}

// sleep waits for d. If ctx ends first, it returns ctx's cause.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return context.Cause(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// requestError describes a failed request for a person. It leaves out the SDK's attempt count,
// request id and layers of wrapping.
type requestError struct {
	doing string
	err   error
}

func failed(err error, doing string, args ...any) error {
	return &requestError{fmt.Sprintf(doing, args...), err}
}

// Error returns what the request was for, and the error from DynamoDB or the network.
func (e *requestError) Error() string {
	if answer, ok := errors.AsType[smithy.APIError](e.err); ok {
		if answer.ErrorCode() == "ExpiredTokenException" {
			return e.doing + ": the credentials have expired (ExpiredTokenException); sign in and start again, with AWS_PROFILE or a role, so that the SDK can renew them"
		}
		return fmt.Sprintf("%s: %s: %s", e.doing, answer.ErrorCode(), answer.ErrorMessage())
	}
	if network, ok := errors.AsType[*net.OpError](e.err); ok {
		return fmt.Sprintf("%s: %v", e.doing, network)
	}
	return fmt.Sprintf("%s: %v", e.doing, e.err)
}

func (e *requestError) Unwrap() error { return e.err }
