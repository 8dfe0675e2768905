package infra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"onewrite/ledger"
)

// maxAttempts ends the loop of a caller without a deadline. Within the time
// that a call has there are never as many.
const maxAttempts = 1000

// The delays after a conflict. A writer holds its items for some ten
// milliseconds, and one who never pauses leaves them free for no longer than a
// round trip. Who meets it
//   - tries once more after quickDelay, which is all that two who met by chance
//     need;
//   - after firstDelay tries seriesAttempts times, a round trip apart, of which
//     one finds the moment between two writes of another who never pauses;
//   - then knows that many want this user, and before each such series lets
//     longestDelay less the age of the call pass, so that those who wait longest
//     go first: with an exponential back-off the winner keeps winning, and the
//     unlucky starve.
//
// Each delay is drawn from the last quarter of its range. Every attempt costs
// its write units, so the numbers balance three things, which "go run
// ./infra/proof/bench hotaccount" measures: how much of the time the user's items are in
// use, how long the unlucky wait, and how many attempts a posting takes.
const (
	quickDelay     = 20 * time.Millisecond
	firstDelay     = 180 * time.Millisecond
	longestDelay   = time.Second
	shortestDelay  = 50 * time.Millisecond
	seriesAttempts = 5
)

// The delays after all else, which is DynamoDB's own trouble or the network's
// and no matter of turns, grow exponentially, so that those who retry don't
// keep down what tries to come up.
const (
	firstFaultDelay   = 25 * time.Millisecond
	longestFaultDelay = time.Second
)

// conflictDelay bounds the delay between a conflict, met by the attempt of that
// number on a call of that age, and the next attempt.
func conflictDelay(attempt int, age time.Duration) (least, most time.Duration) {
	switch {
	case attempt == 1:
		most = quickDelay
	case attempt == 2:
		most = firstDelay
	case (attempt-2)%seriesAttempts != 0:
		return 0, 0
	default:
		most = max(shortestDelay, longestDelay-age)
	}
	return most - most/4, most
}

// faultDelay is conflictDelay for anything else that passes.
func faultDelay(attempt int) (least, most time.Duration) {
	const doublings = 6 // reach longestFaultDelay
	return 0, min(longestFaultDelay, firstFaultDelay<<min(attempt-1, doublings))
}

// retry is the retry policy of one call, complete, so that no release of the
// SDK changes it. The SDK sends every attempt with the same bytes, its
// ClientRequestToken included, so a write whose answer was lost is not
// applied again (for 10 minutes, by DynamoDB; for ever, by the row itself).
//
// It has no token bucket: a bucket is shared by calls, and would refuse the
// retries of one user for the conflicts of another.
type retry struct {
	ctx      context.Context // the call's
	began    time.Time
	draw     func(bound time.Duration) time.Duration
	attempts int // that failed; counted here, as releases of the SDK count from 1 or from 0
}

// retrying is the option that gives a call its own policy.
func (s *Store) retrying(ctx context.Context) func(*dynamodb.Options) {
	r := &retry{ctx: ctx, began: time.Now(), draw: s.Draw}
	return func(o *dynamodb.Options) { o.Retryer = r }
}

func (*retry) MaxAttempts() int { return maxAttempts }

func (r *retry) IsErrorRetryable(err error) bool { return Transient(err) && r.ctx.Err() == nil }

// RetryDelay gives up, with the error of the attempt, when the delay would
// outlast the caller.
func (r *retry) RetryDelay(_ int, cause error) (time.Duration, error) {
	r.attempts++
	least, most := faultDelay(r.attempts)
	if conflict(cause) {
		least, most = conflictDelay(r.attempts, time.Since(r.began))
	}
	delay := least + r.draw(most-least+1)
	if deadline, ok := r.ctx.Deadline(); ok && time.Until(deadline) < delay {
		return 0, fmt.Errorf("no time for another attempt: %w", cause)
	}
	ledger.TraceOf(r.ctx).Retries++
	return delay, nil
}

func (*retry) GetInitialToken() func(error) error { return free }

func (*retry) GetAttemptToken(context.Context) (func(error) error, error) { return free, nil }

func (*retry) GetRetryToken(context.Context, error) (func(error) error, error) { return free, nil }

func free(error) error { return nil }

// transactionConflict is the code of a reason that is another's write.
const transactionConflict = "TransactionConflict"

// passing are the codes of the errors that pass. The first three are also the
// codes of cancellation reasons.
var passing = map[string]bool{
	transactionConflict:                      true,
	"ThrottlingError":                        true,
	"ProvisionedThroughputExceeded":          true,
	"ProvisionedThroughputExceededException": true,
	"ThrottlingException":                    true,
	"RequestLimitExceeded":                   true,
	"TransactionConflictException":           true,
	"TransactionInProgressException":         true,
	"ReplicatedWriteConflictException":       true,
	"InternalServerError":                    true,
	"ServiceUnavailable":                     true,
}

// Transient tells whether the same request may succeed later: contention,
// throttling, a fault of DynamoDB, or an answer that was lost on the way.
func Transient(err error) bool {
	if cancelled, is := errors.AsType[*types.TransactionCanceledException](err); is {
		return contended(cancelled.CancellationReasons)
	}
	if answer, is := errors.AsType[*smithyhttp.ResponseError](err); is && answer.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	if said, is := errors.AsType[smithy.APIError](err); is {
		return passing[said.ErrorCode()] || clockSkewed(err)
	}
	return lost(err)
}

// conflict tells whether another was writing one of the items.
func conflict(err error) bool {
	if cancelled := (*types.TransactionCanceledException)(nil); errors.As(err, &cancelled) {
		return slices.ContainsFunc(cancelled.CancellationReasons, func(reason types.CancellationReason) bool {
			return aws.ToString(reason.Code) == transactionConflict
		})
	}
	said := (*types.TransactionConflictException)(nil)
	return errors.As(err, &said)
}

// contended tells whether a cancelled write is worth sending again. It is not
// if the id is taken, which no later attempt can change.
func contended(reasons []types.CancellationReason) bool {
	for i, reason := range reasons {
		code := aws.ToString(reason.Code)
		if i == putPosition && code == conditionFailed {
			return false
		}
		if passing[code] {
			return true
		}
	}
	return false
}

// lost tells whether a request or its answer did not arrive whole. The write
// may have been applied.
func lost(err error) bool {
	var (
		notSent     *smithyhttp.RequestSendError
		notReadable *smithy.DeserializationError
		ended       *aws.RequestCanceledError
	)
	return errors.As(err, &notSent) || errors.As(err, &notReadable) || errors.As(err, &ended) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// clockSkewed tells whether the SDK has corrected its clock by the answer, as
// it does for a refused signature.
func clockSkewed(err error) bool {
	skewed := (interface{ RetryableError() bool })(nil)
	return errors.As(err, &skewed) && skewed.RetryableError()
}
