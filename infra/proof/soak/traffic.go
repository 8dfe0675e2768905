package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// traffic is calls of many callers at once, each of which insists: it sends the
// same call again until it has an outcome. It is drawn from a seed, and checks
// every answer.
type traffic struct {
	seed uint64
	fleet

	calls, answered, cut, replays, again, hostile atomic.Int64

	mu   sync.Mutex
	told []answer // by number of posting; the zero answer until there is one
}

// answer is what a call was answered with.
type answer struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

// users is few, so that callers meet.
const users = 7

// posting is the event of a posting. The same number always makes the same one.
func (tr *traffic) posting(n int) []byte {
	r := rand.New(rand.NewPCG(tr.seed, uint64(n)))
	return event(n, r.IntN(users), r.IntN(2) == 0, 1+r.IntN(20_000))
}

func event(n, user int, credit bool, cents int) []byte {
	kind := "debit"
	if credit {
		kind = "credit"
	}
	return fmt.Appendf(nil, `{"headers":{"Idempotent-Key":"%d"},"body":{"userId":"%d","ammount":"%d.%02d","type":"%s"}}`,
		n, user, cents/100, cents%100, kind)
}

// run lets callers call until ctx ends.
func (tr *traffic) run(ctx context.Context, t testing.TB, callers int) {
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(tr.seed, ^uint64(i)))
			for ctx.Err() == nil {
				tr.call(ctx, t, r)
			}
		})
	}
	all.Wait()
}

// call is one call of any kind.
func (tr *traffic) call(ctx context.Context, t testing.TB, r *rand.Rand) {
	switch chance := r.IntN(100); {
	case chance < 50:
		tr.post(ctx, t, tr.newPosting())
	case chance < 75:
		tr.post(ctx, t, r.IntN(tr.postings()+1))
	case chance < 80:
		tr.reuse(ctx, t, r.IntN(tr.postings()+1))
	case chance < 95:
		tr.read(ctx, t, r.IntN(users))
	default:
		tr.offend(ctx, t, r)
	}
}

// newPosting is the number of a posting that nobody has made yet.
func (tr *traffic) newPosting() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.told = append(tr.told, answer{})
	return len(tr.told) - 1
}

func (tr *traffic) postings() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.told)
}

// post makes a posting, perhaps not for the first time. Whoever makes it and
// however often, its outcome is one.
func (tr *traffic) post(ctx context.Context, t testing.TB, n int) {
	got, err := tr.insist(ctx, tr.posting(n))
	if err != nil {
		return // ctx has ended
	}
	assert.Contains(t, []int{http.StatusCreated, http.StatusUnprocessableEntity}, got.StatusCode, "posting %d: %s", n, got.Body)
	if got.Headers["Idempotent-Replayed"] == "true" {
		tr.replays.Add(1)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for n >= len(tr.told) {
		tr.told = append(tr.told, answer{})
	}
	if tr.told[n].StatusCode == 0 {
		tr.told[n] = got
	}
	assert.Equal(t, tr.told[n].StatusCode, got.StatusCode, "posting %d was %s and is %s", n, tr.told[n].Body, got.Body)
	assert.Equal(t, tr.told[n].Body, got.Body, "posting %d", n)
}

// reuse sends a key that has its outcome with another amount.
func (tr *traffic) reuse(ctx context.Context, t testing.TB, n int) {
	tr.mu.Lock()
	done := n < len(tr.told) && tr.told[n].StatusCode != 0
	tr.mu.Unlock()
	if !done {
		return
	}
	r := rand.New(rand.NewPCG(tr.seed, uint64(n)))
	got, err := tr.insist(ctx, event(n, r.IntN(users), r.IntN(2) == 0, 1_000_000))
	if err == nil {
		assert.Contains(t, got.Body, "/problems/idempotency-key-reused", "key %d", n)
	}
}

// read is of a balance or a history.
func (tr *traffic) read(ctx context.Context, t testing.TB, user int) {
	for _, payload := range []string{
		fmt.Sprintf(`{"queryStringParameters":{"userId":"%d"}}`, user),
		fmt.Sprintf(`{"httpMethod":"GET","path":"/transactions","queryStringParameters":{"userId":"%d","limit":"10"}}`, user),
	} {
		got, err := tr.insist(ctx, []byte(payload))
		if err == nil {
			assert.Equal(t, http.StatusOK, got.StatusCode, got.Body)
		}
	}
}

// insist sends an event until the answer is not 503. The error is ctx's, which
// ends no call that is under way.
func (tr *traffic) insist(ctx context.Context, payload []byte) (a answer, err error) {
	for ctx.Err() == nil {
		tr.calls.Add(1)
		output, err := tr.any().Invoke(context.WithoutCancel(ctx), payload)
		if err != nil { // the process is gone
			tr.cut.Add(1)
			time.Sleep(time.Millisecond)
			continue
		}
		tr.answered.Add(1)
		a = answer{}
		if err := json.Unmarshal(output, &a); err != nil {
			return a, err
		}
		if a.StatusCode != http.StatusServiceUnavailable {
			return a, nil
		}
		tr.again.Add(1)
	}
	return a, ctx.Err()
}

// settle makes all postings once more, so that each has an outcome that is the
// one that callers were told, and none has two.
func (tr *traffic) settle(ctx context.Context, t testing.TB) {
	var all sync.WaitGroup
	next := atomic.Int64{}
	for range len(tr.functions) {
		all.Go(func() {
			for n := next.Add(1) - 1; n < int64(tr.postings()); n = next.Add(1) - 1 {
				tr.post(ctx, t, int(n))
			}
		})
	}
	all.Wait()
}
