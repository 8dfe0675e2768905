package infra

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/ledger"
)

// maxAttempts ends the loop for a caller without a deadline. The seconds that a call
// has never allow as many.
const maxAttempts = 1000

// These are the delays after a conflict. A transaction holds its items for some ten
// milliseconds, and a writer that never pauses leaves them free for no longer than a
// round trip. A caller that meets a conflict
//   - tries once more after quickDelay, which is all that two callers who met by
//     chance need;
//   - after firstDelay makes seriesAttempts attempts, a round trip apart, so that one
//     falls between two writes by a writer that never pauses;
//   - then knows that many callers want this user, and before each further series waits
//     longestDelay less the call's age, so that the oldest calls go first: with an
//     exponential back-off the winner keeps winning, and the unlucky starve;
//   - in a storm, waits for its [turns] instead.
//
// Each delay is drawn from the last quarter of its range. Every attempt costs its write
// units. So the numbers balance how busy the user's items are, how long the unlucky
// wait, and how many attempts a posting takes. "go test ./infra -v -run TestStorm"
// measures all three.
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

// conflictDelay bounds the delay after a conflict, by the attempt's number, from 1, and
// the call's age.
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

// lastQuarter returns the last quarter of the range up to longest.
func lastQuarter(longest time.Duration) (least, most time.Duration) {
	return longest - longest/4, longest
}

// faultDelay bounds the delay after any other transient error.
func faultDelay(attempt int) (least, most time.Duration) {
	const doublings = 6 // reach longestFaultDelay
	return 0, min(longestFaultDelay, firstFaultDelay<<min(attempt-1, doublings))
}

// retry is one call's whole retry policy, so that no SDK release changes it. The SDK
// sends every attempt with the same bytes, its ClientRequestToken included, so a write
// whose answer was lost is not applied again. DynamoDB ensures that for 10 minutes, and
// the row itself for ever.
//
// It has no token bucket: calls would share it, and one user's conflicts would use up
// another's retries. The tokens are NopRetryer's, which do nothing. The SDK's standard
// retryer would have to lose its bucket.
type retry struct {
	aws.NopRetryer
	ctx      context.Context // the call's; the SDK hands on none when it asks for a delay
	began    time.Time
	jitter   func(bound time.Duration) time.Duration
	final    func(error) bool // reports an outcome that no later attempt can change
	attempts int              // how many failed; counted here, because SDK releases count from 1 or from 0
	unknown  bool             // one of their writes may still be applied

	posting ledger.Posting // empty: the call is another one, and takes no turns
	turns   turns
	storm   *storm
}

// retrying returns the option for a call's own retry policy.
func (s *Store) retrying(ctx context.Context) func(*dynamodb.Options) {
	return s.newRetry(ctx, func(error) bool { return false }).use
}

// newRetry returns the retry policy for one call. A final error ends it, even a
// transient one.
func (s *Store) newRetry(ctx context.Context, final func(error) bool) *retry {
	return &retry{ctx: ctx, began: time.Now(), jitter: s.jitter, final: final, storm: &s.storm}
}

// retryPosting returns the retry policy for a posting, which ends when its id is taken.
func (s *Store) retryPosting(ctx context.Context, p ledger.Posting) *retry {
	r := s.newRetry(ctx, idTaken)
	r.posting = p
	window := s.storm.windowOf(p.Moves)
	r.turns = turns{window: window, delay: window}
	return r
}

// use is the option that gives a call the policy.
func (r *retry) use(o *dynamodb.Options) { o.Retryer = r }

// MaxAttempts implements [aws.Retryer].
func (*retry) MaxAttempts() int { return maxAttempts }

// IsErrorRetryable implements [aws.Retryer].
func (r *retry) IsErrorRetryable(err error) bool { return Transient(err) && !r.final(err) }

// RetryDelay implements [aws.Retryer]. It gives up, with the attempt's error, when the
// delay would outlast the caller.
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

// afterConflict bounds the delay after a conflict.
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

// awaitTurn delays a posting's first attempt in a storm, if its caller will be there
// afterwards.
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
