package infra

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"onewrite/ledger"
)

const (
	// maxAttempts bounds what one call can cost, as every attempt costs its
	// write units. With longestDelay it is far beyond what 64 callers of one
	// user need, so that in practice the caller's deadline decides.
	maxAttempts = 100

	// A delay is drawn from zero to longestDelay at first, to spread the
	// callers that meet on one user. The range shrinks by a fifth of the
	// call's age, so that those who wait longest go first: with an
	// exponential back-off the winner keeps winning. It never shrinks below
	// shortestDelay, about twice as long as a write holds its items.
	longestDelay  = 200 * time.Millisecond
	shortestDelay = 20 * time.Millisecond
	ageing        = 5
)

// retry is the retry policy of one call, complete, so that no release of the
// SDK changes it. The SDK sends every attempt with the same bytes, its
// ClientRequestToken included, so a write whose answer was lost is not
// applied again (for 10 minutes, by DynamoDB; for ever, by the row itself).
//
// It has no token bucket: a bucket is shared by calls, and would refuse the
// retries of one user for the conflicts of another.
type retry struct {
	ctx   context.Context // the call's
	began time.Time
}

// retrying is the option that gives a call its own policy.
func retrying(ctx context.Context) func(*dynamodb.Options) {
	r := &retry{ctx, time.Now()}
	return func(o *dynamodb.Options) { o.Retryer = r }
}

func (*retry) MaxAttempts() int { return maxAttempts }

func (r *retry) IsErrorRetryable(err error) bool { return Transient(err) && r.ctx.Err() == nil }

// RetryDelay gives up, with the error of the attempt, when the delay would
// outlast the caller.
func (r *retry) RetryDelay(_ int, cause error) (time.Duration, error) {
	age := time.Since(r.began)
	delay := rand.N(max(shortestDelay, longestDelay-age/ageing))
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

// passing are the codes of the errors that pass. The first three are also the
// codes of cancellation reasons.
var passing = map[string]bool{
	"TransactionConflict":                    true,
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
	if cancelled := (*types.TransactionCanceledException)(nil); errors.As(err, &cancelled) {
		return contended(cancelled.CancellationReasons)
	}
	if answer := (*smithyhttp.ResponseError)(nil); errors.As(err, &answer) && answer.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	if said := (smithy.APIError)(nil); errors.As(err, &said) {
		return passing[said.ErrorCode()] || clockSkewed(err)
	}
	return lost(err)
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
