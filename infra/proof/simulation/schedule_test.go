package simulation_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
)

// fate is one way in which the network can treat a request.
type fate struct {
	name   string
	fault  faults.Fault // nil for none
	moment dynamodbmodel.Moment
	late   bool // applied after all callers are done
}

var (
	answeredFate = fate{name: "answered"}

	// unusual lists all fates except answeredFate.
	unusual = []fate{
		{name: "lost before arrival", fault: faults.LoseRequest},
		{name: "applied, answer lost", fault: faults.LoseResponse},
		{name: "applied after all callers are done", fault: faults.LoseRequest, late: true},
		{name: "applied, and again after all callers are done", late: true},
		{name: "conflict on the last item", moment: dynamodbmodel.Moment{
			Refusals: []string{"", "TransactionConflict"},
		}},
		{name: "answered with only the first failed condition", moment: dynamodbmodel.Moment{
			Unreported: append([]bool{false}, slices.Repeat([]bool{true}, 99)...),
		}},
		{name: "answered with only the last failed condition", moment: dynamodbmodel.Moment{
			Unreported: []bool{true},
		}},
	}

	// meets is how many of the fates in unusual are tried for an operation, counted from the
	// first. For a read, losing the answer would have the same effect as losing the request.
	meets = map[string]int{"TransactWriteItems": 7, "PutItem": 4, "GetItem": 1}
)

// schedule is the network for a few callers. It delivers one of the waiting requests at a time.
type schedule struct {
	model   *dynamodbmodel.Model
	choices *choices
	most    int // the largest number of faults in a run
	running atomic.Int64

	mu      sync.Mutex
	waiting []*delivery
	faults  int
	struck  int // the caller with the first fault; only its requests may have a second
	late    []*delivery
	sent    [2]int // requests from each caller
	log     []string
}

type delivery struct {
	caller int
	sent   *http.Request
	body   []byte
	fate   chan fate
}

func (d *delivery) name() string { return string(rune('A'+d.caller)) + " " + faults.Operation(d.sent) }

func (n *schedule) of(caller int) http.RoundTripper { return way{n, caller} }

type way struct {
	*schedule
	caller int
}

// RoundTrip implements [http.RoundTripper].
func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := faults.Body(r)
	if err != nil {
		return nil, err
	}
	d := &delivery{w.caller, r, body, make(chan fate, 1)}
	w.mu.Lock()
	w.waiting = append(w.waiting, d)
	w.mu.Unlock()
	select {
	case f := <-d.fate:
		to := w.model.At(f.moment)
		if f.fault != nil {
			to = f.fault.Before(to)
		}
		return to.RoundTrip(r)
	case <-r.Context().Done(): // the sender no longer waits
		w.remove(d)
		return nil, r.Context().Err()
	}
}

func (n *schedule) remove(d *delivery) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting = slices.DeleteFunc(n.waiting, func(one *delivery) bool { return one == d })
}

// play delivers requests until all callers are done. It must run in a [synctest] bubble.
func (n *schedule) play() {
	for {
		time.Sleep(2 * tick) // a caller begins the next call a tick after an answer
		synctest.Wait()
		n.mu.Lock()
		waiting := slices.Clone(n.waiting)
		n.mu.Unlock()
		slices.SortFunc(waiting, func(a, b *delivery) int { return a.caller - b.caller })
		switch running := int(n.running.Load()); {
		case running == 0:
			n.settle()
			return
		case len(waiting) == 0:
			time.Sleep(time.Millisecond)
		default:
			n.choose(waiting, running > len(waiting))
		}
	}
}

// choose delivers one of the waiting requests. If others is true, some callers are between
// retries, and choose may wait for their requests instead.
func (n *schedule) choose(waiting []*delivery, others bool) {
	type option struct {
		*delivery
		fate
	}
	var options []option
	for _, d := range waiting {
		options = append(options, option{d, answeredFate})
		if n.faults < n.most && (n.faults == 0 || d.caller == n.struck) {
			for _, f := range unusual[:meets[faults.Operation(d.sent)]] {
				options = append(options, option{d, f})
			}
		}
	}
	count := len(options)
	if others {
		count++
	}
	choice := n.choices.choose(count)
	if choice == len(options) {
		n.log = append(n.log, "the others first")
		time.Sleep(30 * time.Millisecond) // longer than the first delays between retries
		return
	}
	n.deliver(options[choice].delivery, options[choice].fate)
}

func (n *schedule) deliver(d *delivery, f fate) {
	n.log = append(n.log, d.name()+": "+f.name)
	n.sent[d.caller]++
	if f.name != answeredFate.name {
		n.faults++
		n.struck = d.caller
	}
	if f.late {
		n.late = append(n.late, d)
	}
	n.remove(d)
	d.fate <- f
}

// token matches the token that lets DynamoDB recognise a repeated transaction for ten minutes.
var token = regexp.MustCompile(`"ClientRequestToken":"[^"]*",?`)

// settle applies the late requests without their tokens, as if ten minutes had passed.
func (n *schedule) settle() {
	for _, d := range n.late {
		r := d.sent.Clone(context.WithoutCancel(d.sent.Context()))
		r.Body = io.NopCloser(bytes.NewReader(token.ReplaceAll(d.body, nil)))
		_, _ = n.model.RoundTrip(r) //nolint:bodyclose // the body is in memory
	}
}
