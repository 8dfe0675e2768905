package infra

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
)

func TestConflictDelay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attempt          int
		age, least, most time.Duration
	}{
		{1, 0, 15 * time.Millisecond, 20 * time.Millisecond},
		{2, time.Second, 135 * time.Millisecond, 180 * time.Millisecond},
		{3, 0, 0, 0},
		{6, 0, 0, 0},
		{7, 200 * time.Millisecond, 600 * time.Millisecond, 800 * time.Millisecond},
		{8, 0, 0, 0},
		{12, 900 * time.Millisecond, 75 * time.Millisecond, 100 * time.Millisecond},
		{17, 960 * time.Millisecond, 37500 * time.Microsecond, 50 * time.Millisecond},
		{997, time.Hour, 37500 * time.Microsecond, 50 * time.Millisecond},
	} {
		least, most := conflictDelay(c.attempt, c.age)
		assert.Equal(t, c.least, least, "%+v", c)
		assert.Equal(t, c.most, most, "%+v", c)
	}
}

// Retries need no tokens, even if the environment turns on the SDK's new retry behaviour.
func TestRetryTokens(t *testing.T) {
	t.Setenv("AWS_NEW_RETRIES_2026", "true")
	var policy aws.RetryerV2 = &retry{}
	assert.Equal(t, maxAttempts, policy.MaxAttempts())
	for range 2 * maxAttempts {
		attempt, err := policy.GetAttemptToken(t.Context())
		assert.NoError(t, err)
		assert.NoError(t, attempt(errors.New("failed")))
		again, err := policy.GetRetryToken(t.Context(), errors.New("failed"))
		assert.NoError(t, err)
		assert.NoError(t, again(errors.New("failed")))
	}
}

func TestFaultDelay(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{
		1:           25 * time.Millisecond,
		2:           50 * time.Millisecond,
		6:           800 * time.Millisecond,
		7:           time.Second,
		maxAttempts: time.Second,
	} {
		least, most := faultDelay(attempt)
		assert.Zero(t, least)
		assert.Equal(t, want, most, "attempt %d", attempt)
	}
}

// Only transient errors that are not final are retried. The test is not parallel, so that
// it fails before the parallel tests, which would take minutes if retries were broken.
func TestIsErrorRetryable(t *testing.T) {
	final := &types.TransactionConflictException{}
	r := &retry{final: func(err error) bool { return errors.Is(err, final) }}
	assert.True(t, r.IsErrorRetryable(&types.ProvisionedThroughputExceededException{}))
	assert.False(t, r.IsErrorRetryable(final))
	assert.False(t, r.IsErrorRetryable(&types.ResourceNotFoundException{}))
}
