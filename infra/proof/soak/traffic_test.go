package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onewrite/ledger"
)

// traffic is many callers' calls at once. Each caller insists: it sends the same call again until
// it has an outcome. The calls are drawn from a seed, and every answer is checked.
type traffic struct {
	t    *testing.T
	seed uint64
	*fleet

	calls, answered, cut, replays, again, hostile, mistakes atomic.Int64

	mu      sync.Mutex
	answers []answer           // the first to each posting, by number; zero until there is one
	ends    map[end]answer     // the first to each; zero until there is one
	held    map[ledger.End]int // how many holds ended in each way, "" for open ones
}

type answer struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

// mistakesShown bounds the lines about many mistakes, which mostly have one cause.
const mistakesShown = 20

// expect fails the test unless ok. It is safe for concurrent use.
func (tr *traffic) expect(ok bool, format string, args ...any) {
	if !ok && tr.mistakes.Add(1) <= mistakesShown {
		tr.t.Errorf(format, args...)
	} else if !ok {
		tr.t.Fail()
	}
}

// users is few, so that callers meet.
const users = 7

// run lets callers call until ctx ends.
func (tr *traffic) run(ctx context.Context, callers int) {
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(tr.seed, ^uint64(i)))
			for ctx.Err() == nil {
				tr.call(ctx, r)
			}
		})
	}
	all.Wait()
}

// call makes a random call.
func (tr *traffic) call(ctx context.Context, r *rand.Rand) {
	switch chance := r.IntN(100); {
	case chance < 50:
		tr.post(ctx, tr.newPosting())
	case chance < 75:
		tr.post(ctx, r.IntN(tr.postings()+1))
	case chance < 80:
		tr.reuse(ctx, r.IntN(tr.postings()+1))
	case chance < 92:
		tr.endHold(ctx, r)
	case chance < 97:
		tr.read(ctx, r.IntN(users))
	default:
		tr.offend(ctx, r)
	}
}

// newPosting returns a new posting's number.
func (tr *traffic) newPosting() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.answers = append(tr.answers, answer{})
	return len(tr.answers) - 1
}

// postings returns how many postings there are.
func (tr *traffic) postings() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.answers)
}

// post makes a posting, perhaps not for the first time. It has one outcome, however often and by
// whomever it is posted.
func (tr *traffic) post(ctx context.Context, n int) {
	got, ok := tr.insist(ctx, tr.posting(n).event(n))
	if !ok {
		return
	}
	if strings.Contains(got.Body, "/problems/too-many-holds") { // this is no outcome
		first := tr.answerTo(n)
		tr.expect(first.StatusCode == 0, "posting %d was answered %d %s, and then %s", n, first.StatusCode, first.Body, got.Body)
		return
	}
	tr.expect(got.StatusCode == http.StatusCreated || got.StatusCode == http.StatusUnprocessableEntity,
		"posting %d is answered %d %s", n, got.StatusCode, got.Body)
	if got.Headers["Idempotent-Replayed"] == "true" {
		tr.replays.Add(1)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for n >= len(tr.answers) {
		tr.answers = append(tr.answers, answer{})
	}
	if tr.answers[n].StatusCode == 0 {
		tr.answers[n] = got
	}
	first := tr.answers[n]
	tr.expect(first.StatusCode == got.StatusCode && first.Body == got.Body,
		"posting %d was answered %d %s, and then %d %s", n, first.StatusCode, first.Body, got.StatusCode, got.Body)
}

// reuse sends a used key with another amount in its last entry, or with another expiry.
func (tr *traffic) reuse(ctx context.Context, n int) {
	if tr.answerTo(n).StatusCode == 0 {
		return
	}
	p := tr.posting(n)
	if p.expiresIn > 0 {
		p.expiresIn++
	} else {
		p.entries[len(p.entries)-1].cents += 1_000_000
	}
	got, ok := tr.insist(ctx, p.event(n))
	tr.expect(!ok || strings.Contains(got.Body, "/problems/idempotency-key-reused"),
		"key %d, reused, is answered %d %s", n, got.StatusCode, got.Body)
}

// read reads a balance and a history.
func (tr *traffic) read(ctx context.Context, user int) {
	for _, payload := range []string{
		fmt.Sprintf(`{"queryStringParameters":{"userId":"%d"}}`, user),
		fmt.Sprintf(`{"httpMethod":"GET","path":"/transactions","queryStringParameters":{"userId":"%d","limit":"10"}}`, user),
	} {
		got, ok := tr.insist(ctx, []byte(payload))
		tr.expect(!ok || got.StatusCode == http.StatusOK, "%s is answered %d %s", payload, got.StatusCode, got.Body)
	}
}

// insist sends an event until the answer is not 503, and returns that answer. It is not ok if ctx
// ended before. When ctx ends, the call in flight goes on.
func (tr *traffic) insist(ctx context.Context, payload []byte) (a answer, ok bool) {
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
		err = json.Unmarshal(output, &a)
		tr.expect(err == nil, "%.200q is answered %.200q: %v", payload, output, err)
		if a.StatusCode != http.StatusServiceUnavailable {
			return a, err == nil
		}
		tr.again.Add(1)
	}
	return a, false
}

// settle makes all postings and ends once more: each must have one outcome, the one that callers
// received.
func (tr *traffic) settle(ctx context.Context) {
	ends, postings := tr.asked(), tr.postings()
	tr.forEach(postings, func(n int) { tr.post(ctx, n) })
	tr.forEach(len(ends), func(i int) { tr.end(ctx, ends[i]) })
}

// forEach calls do for each number below n, as many at once as there are functions.
func (tr *traffic) forEach(n int, do func(i int)) {
	var all sync.WaitGroup
	next := atomic.Int64{}
	for range len(tr.functions) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	all.Wait()
}
