package infra

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/ledger"
)

// maxAttempts ends the retries of a call without a deadline. A call with a deadline runs
// out of time long before.
const maxAttempts = 1000

// These are the delays after a conflict. A transaction holds its items for about ten
// milliseconds. A writer that never pauses leaves them free only for a round trip. After a
// conflict a call
//   - retries once after quickDelay, which is enough if two callers collided by chance;
//   - after firstDelay makes seriesAttempts attempts, a round trip apart, so that one of
//     them falls between two writes by a writer that never pauses;
//   - then assumes that many callers are posting to this user. Before each further series
//     it waits for longestDelay minus its age, so that the oldest calls go first. With
//     exponential back-off the last winner would keep winning, and others would starve;
//   - in a storm, waits for its [turns] instead.
//
// Each delay is drawn from the last quarter of its range. Every attempt costs write units,
// so the numbers balance how busy the user's items are, how long the slowest callers wait,
// and how many attempts a posting needs. "go test ./infra -v -run TestStorm" measures all
// three.
const (
	quickDelay     = 20 * time.Millisecond
	firstDelay     = 180 * time.Millisecond
	longestDelay   = time.Second
	shortestDelay  = 50 * time.Millisecond
	seriesAttempts = 5
)

// The delays after any other transient error, from DynamoDB or the network, grow
// exponentially, so that retries don't keep a recovering service down.
const (
	firstFaultDelay   = 25 * time.Millisecond
	longestFaultDelay = time.Second
)

// conflictDelay returns the bounds of the delay after a conflict, for the attempt's number
// (from 1) and the call's age.
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
	return lastQuarter(most)
}

func lastQuarter(longest time.Duration) (least, most time.Duration) {
	return longest - longest/4, longest
}

// faultDelay returns the bounds of the delay after any other transient error.
func faultDelay(attempt int) (least, most time.Duration) {
	const doublings = 6 // enough to reach longestFaultDelay
	return 0, min(longestFaultDelay, firstFaultDelay<<min(attempt-1, doublings))
}

// retry is the whole retry policy of one call, so that no SDK release can change it. The
// SDK sends the same bytes in every attempt, including the ClientRequestToken, so a write
// whose answer was lost is not applied again. DynamoDB guarantees that for 10 minutes, and
// the row's condition guarantees it for ever.
//
// Unlike the SDK's standard retryer it has no token bucket. All calls would share the
// bucket, so one user's conflicts would use up the retries of other users. NopRetryer's
// tokens do nothing.
type retry struct {
	aws.NopRetryer
	ctx      context.Context // the call's context, which the SDK does not pass to RetryDelay
	began    time.Time
	jitter   func(bound time.Duration) time.Duration
	final    func(error) bool // reports whether, after this error, no later attempt can change the outcome
	attempts int              // failed attempts, counted here because some SDK releases start at 0 and some at 1
	unknown  bool             // whether a failed attempt's write may still be applied

	posting ledger.Posting // empty if the call is not a posting, and so takes no turns
	turns   turns
	storm   *storm
}

// retrying returns the client option that gives one call its own retry policy.
func (s *Store) retrying(ctx context.Context) func(*dynamodb.Options) {
	return s.newRetry(ctx, func(error) bool { return false }).use
}

// newRetry returns the retry policy for one call. It does not retry an error for which
// final returns true, even if that error is transient.
func (s *Store) newRetry(ctx context.Context, final func(error) bool) *retry {
	return &retry{ctx: ctx, began: time.Now(), jitter: s.jitter, final: final, storm: &s.storm}
}

// retryPosting returns a policy that stops retrying the posting once its id is taken.
func (s *Store) retryPosting(ctx context.Context, p ledger.Posting) *retry {
	r := s.newRetry(ctx, idTaken)
	r.posting = p
	window := s.storm.windowOf(p.Moves)
	r.turns = turns{window: window, delay: window}
	return r
}

func (r *retry) use(o *dynamodb.Options) { o.Retryer = r }

// MaxAttempts implements [aws.Retryer].
func (*retry) MaxAttempts() int { return maxAttempts }

// IsErrorRetryable implements [aws.Retryer].
func (r *retry) IsErrorRetryable(err error) bool { return Transient(err) && !r.final(err) }

// RetryDelay implements [aws.Retryer]. It returns the attempt's error, and so ends the
// call, if the delay would last beyond the caller's deadline.
func (r *retry) RetryDelay(_ int, cause error) (time.Duration, error) {
	r.attempts++
	r.unknown = r.unknown || outcomeUnknown(cause)
	least, most := faultDelay(r.attempts)
	if conflict(cause) {
		least, most = r.afterConflict(cause)
	}
	delay := r.draw(least, most)
	if deadline, ok := r.ctx.Deadline(); ok && time.Until(deadline) <= delay {
		return 0, fmt.Errorf("no time for another attempt: %w", cause)
	}
	ledger.TraceOf(r.ctx).Retries++
	return delay, nil
}

func (r *retry) afterConflict(cause error) (least, most time.Duration) {
	age := time.Since(r.began)
	if user, ok := contended(r.posting, cause); ok && r.turns.conflict(age) {
		r.storm.remember(user, r.turns.window)
	}
	if r.turns.window == 0 {
		return conflictDelay(r.attempts, age)
	}
	return lastQuarter(r.turns.delay)
}

// awaitTurn delays a posting's first attempt in a storm, unless the delay would last beyond
// the caller's deadline.
func (r *retry) awaitTurn() {
	if r.turns.window == 0 {
		return
	}
	delay := r.draw(lastQuarter(r.turns.delay))
	if deadline, ok := r.ctx.Deadline(); ok && time.Until(deadline) <= delay {
		return
	}
	select {
	case <-time.After(delay):
	case <-r.ctx.Done():
	}
}

func (r *retry) draw(least, most time.Duration) time.Duration {
	return least + r.jitter(most-least+1)
}
