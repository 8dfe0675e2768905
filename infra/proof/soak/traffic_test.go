package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

const (
	processes = 4 // of the function, like Lambda's environments
	callers   = 8
	recent    = 20 // callers reuse only this many of the latest calls and transactions
)

// traffic runs callers who share users and retry each call until it is answered.
type traffic struct {
	t         *testing.T
	network   *network
	binary    string
	env       []string
	functions [processes]atomic.Pointer[runtimeapi.Function]

	calls, answered, cut, unavailable, hostile atomic.Int64

	mu        sync.Mutex
	sent      []string          // all write events, which callers repeat
	first     map[string]answer // the first stored answer to each event
	locations []string          // Location headers of created transactions
}

type answer struct {
	StatusCode int
	Headers    map[string]string
	Body       string
}

// newTraffic builds the function and starts its processes. They end with the test.
func newTraffic(t *testing.T) *traffic {
	t.Helper()
	books := infratest.New(t)
	network, address := startNetwork(t, books.Config.Endpoint)
	tr := &traffic{
		t:       t,
		network: network,
		binary:  filepath.Join(t.TempDir(), "bootstrap"),
		env:     append(books.Env(), "AWS_ENDPOINT_URL_DYNAMODB="+address),
		first:   map[string]answer{},
	}
	require.NoError(t, runtimeapi.Build(t.Context(), "onewrite", tr.binary))
	for i := range tr.functions {
		tr.start(i)
		t.Cleanup(func() { tr.functions[i].Load().Kill() })
	}
	return tr
}

func (tr *traffic) start(i int) {
	function, err := runtimeapi.Start(tr.binary, tr.env, io.Discard)
	if assert.NoError(tr.t, err) {
		tr.functions[i].Store(function)
	}
}

func (tr *traffic) crash(i int) {
	tr.functions[i].Load().Kill()
	tr.start(i)
}

func (tr *traffic) run(ctx context.Context) {
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for ctx.Err() == nil && !tr.t.Failed() {
				tr.call(ctx)
			}
		})
	}
	all.Wait()
}

func (tr *traffic) call(ctx context.Context) {
	switch chance := rand.IntN(100); {
	case chance < 45:
		tr.make(ctx, tr.sends(post()))
	case chance < 50:
		tr.make(ctx, tr.sends(changeRules()))
	case chance < 67:
		if location := tr.recently(&tr.locations); location != "" {
			tr.make(ctx, tr.sends(followUp(location)))
		}
	case chance < 90:
		if event := tr.recently(&tr.sent); event != "" {
			tr.make(ctx, event)
		}
	case chance < 97:
		event := reads[rand.IntN(len(reads))]
		got, ok := tr.sendUntilAnswered(ctx, event)
		assert.True(tr.t, !ok || got.StatusCode == http.StatusOK, "%s: %+v", event, got)
	default:
		tr.sendHostile(ctx)
	}
}

func (tr *traffic) sends(event string) string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.sent = append(tr.sent, event)
	return event
}

// recently returns one of the latest values at random, or "" if there are none.
func (tr *traffic) recently(all *[]string) string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	n := len(*all)
	if n == 0 {
		return ""
	}
	return (*all)[n-1-rand.IntN(min(n, recent))]
}

// make sends a new or repeated write. Once an answer is stored, each repetition must get the same
// answer.
func (tr *traffic) make(ctx context.Context, event string) {
	got, ok := tr.sendUntilAnswered(ctx, event)
	if !ok {
		return
	}
	assert.Contains(tr.t, []int{200, 201, 422}, got.StatusCode, "%s: %+v", event, got)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	first, known := tr.first[event]
	if !known && !got.isForEver() {
		return
	}
	if !known {
		first, tr.first[event] = got, got
		if got.StatusCode == http.StatusCreated && !strings.Contains(event, "/accounts") {
			tr.locations = append(tr.locations, got.Headers["Location"])
		}
	}
	assert.Equal(tr.t, first.StatusCode, got.StatusCode, "%s: %s, and then %s", event, first.Body, got.Body)
	assert.Equal(tr.t, first.Body, got.Body, event)
}

// isForEver reports whether the answer is stored, and so must never change.
func (a answer) isForEver() bool {
	return a.StatusCode < 300 || a.Headers["Location"] != "" || strings.Contains(a.Body, "/problems/hold-ended")
}

// sendUntilAnswered retries an event until the answer is not 503, and returns that answer. ok is
// false if ctx ended first. When ctx ends, the call in flight still finishes.
func (tr *traffic) sendUntilAnswered(ctx context.Context, event string) (a answer, ok bool) {
	for cut := 0; ctx.Err() == nil && assert.Less(tr.t, cut, 1000, "no process lives"); {
		tr.calls.Add(1)
		output, err := tr.functions[rand.IntN(processes)].Load().Invoke(context.WithoutCancel(ctx), []byte(event))
		if err != nil { // the process has ended
			cut++
			tr.cut.Add(1)
			time.Sleep(time.Millisecond)
			continue
		}
		tr.answered.Add(1)
		a = answer{}
		err = json.Unmarshal(output, &a)
		if !assert.NoError(tr.t, err, "%.200q is answered %.200q", event, output) || a.StatusCode != http.StatusServiceUnavailable {
			return a, err == nil
		}
		tr.unavailable.Add(1)
	}
	return a, false
}

// settle repeats all writes, and stops at the first wrong answer.
func (tr *traffic) settle() {
	events := make(chan string)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for event := range events {
				tr.make(tr.t.Context(), event)
			}
		})
	}
	for _, event := range tr.sent {
		if tr.t.Failed() {
			break
		}
		events <- event
	}
	close(events)
	all.Wait()
}

func (tr *traffic) String() string {
	return fmt.Sprintf("%d calls, %d of them hostile, %d cut off, %d answered 503; %d faults",
		tr.calls.Load(), tr.hostile.Load(), tr.cut.Load(), tr.unavailable.Load(), tr.network.faults.Load())
}
