package exhaustive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"onewrite/infra/infratest/dynamodbmodel"
	infrafaults "onewrite/infra/infratest/faults"
)

// fate is the treatment of a request on its way.
type fate string

const (
	answered   fate = "answered"
	lostBefore fate = "lost before it arrived"
	lostAfter  fate = "applied, and its answer lost"
	late       fate = "lost, and applied when all callers are done"
	twice      fate = "applied, and once more when all callers are done"
	contended  fate = "in conflict with a write of the last item"
	oneReason  fate = "answered, with no more than the first condition that failed"
	lastReason fate = "answered, with no more than the last condition that failed"
)

// faults are the unusual fates, by the operation that can meet them. A read whose answer is lost is
// the same as a read that never was.
var faults = map[string][]fate{
	"TransactWriteItems": {lostBefore, lostAfter, late, twice, contended, oneReason, lastReason},
	"PutItem":            {lostBefore, lostAfter, late, twice},
	"GetItem":            {lostBefore},
}

var errLost = errors.New("lost")

// network holds all callers' requests until it has chosen one.
type network struct {
	model   *dynamodbmodel.Model
	choices *choices
	most    int // a run's faults

	mu      sync.Mutex
	waiting []*delivery
	faults  int
	struck  int // the caller with the first fault, who may meet a second one
	late    []*delivery
	sent    [2]int // by each caller
	log     []string
}

// delivery is a request on its way.
type delivery struct {
	caller int
	sent   *http.Request
	body   []byte
	answer chan arrival
}

type arrival struct {
	response *http.Response
	err      error
}

// of returns a caller's transport.
func (n *network) of(caller int) http.RoundTripper { return way{n, caller} }

type way struct {
	*network
	caller int
}

// RoundTrip implements [http.RoundTripper].
func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	d := &delivery{w.caller, r, body, make(chan arrival, 1)}
	w.mu.Lock()
	w.waiting = append(w.waiting, d)
	w.mu.Unlock()
	select {
	case a := <-d.answer:
		return a.response, a.err
	case <-r.Context().Done(): // the sender no longer waits
		w.mu.Lock()
		defer w.mu.Unlock()
		w.waiting = slices.DeleteFunc(w.waiting, func(one *delivery) bool { return one == d })
		return nil, r.Context().Err()
	}
}

// play delivers the callers' requests until all are done; running returns how many callers there
// are. It must run in a [synctest] bubble.
func (n *network) play(running func() int) {
	for {
		synctest.Wait()
		n.mu.Lock()
		waiting := slices.Clone(n.waiting)
		n.mu.Unlock()
		slices.SortFunc(waiting, func(a, b *delivery) int { return a.caller - b.caller })
		asleep := running() - len(waiting)
		switch {
		case running() == 0:
			return
		case len(waiting) == 0:
			time.Sleep(time.Millisecond)
		default:
			n.choose(waiting, asleep > 0)
		}
	}
}

// choose delivers one request, or first lets callers send that wait to retry.
func (n *network) choose(waiting []*delivery, others bool) {
	type option struct {
		*delivery
		fate
	}
	var options []option
	for _, d := range waiting {
		options = append(options, option{d, answered})
		if n.faults < n.most && (n.faults == 0 || d.caller == n.struck) {
			for _, f := range faults[d.operation()] {
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
		time.Sleep(30 * time.Millisecond) // longer than a retry's first delays
		return
	}
	n.deliver(options[choice].delivery, options[choice].fate)
}

// moments are the events at DynamoDB, by the request's fate.
var moments = map[fate]dynamodbmodel.Moment{
	contended:  {Refusals: []string{"", "TransactionConflict"}},
	oneReason:  {Unreported: append([]bool{false}, slices.Repeat([]bool{true}, 99)...)},
	lastReason: {Unreported: []bool{true}},
}

// deliver gives a request its fate.
func (n *network) deliver(d *delivery, what fate) {
	n.log = append(n.log, d.name()+": "+string(what))
	n.sent[d.caller]++
	if what != answered {
		n.faults++
		n.struck = d.caller
	}
	n.mu.Lock()
	n.waiting = slices.DeleteFunc(n.waiting, func(one *delivery) bool { return one == d })
	n.mu.Unlock()
	a := arrival{err: errLost}
	if what != lostBefore && what != late {
		a = n.apply(d, d.body, moments[what])
	}
	if what == late || what == twice {
		n.late = append(n.late, d)
	}
	if what == lostAfter {
		a = arrival{err: errLost}
	}
	d.answer <- a
}

// apply sends a copy of a request to DynamoDB.
func (n *network) apply(d *delivery, body []byte, moment dynamodbmodel.Moment) arrival {
	r := d.sent.Clone(context.WithoutCancel(d.sent.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	response, err := n.model.At(moment).RoundTrip(r) //nolint:bodyclose // it is in memory
	return arrival{response, err}
}

// token matches the member by which DynamoDB recognises a transaction for ten minutes.
var token = regexp.MustCompile(`"ClientRequestToken":"[^"]*",?`)

// settle applies late requests as if DynamoDB recognised none.
func (n *network) settle() {
	for _, d := range n.late {
		n.apply(d, token.ReplaceAll(d.body, nil), dynamodbmodel.Moment{})
	}
}

func (d *delivery) operation() string { return infrafaults.Operation(d.sent) }

// name returns the caller and the operation.
func (d *delivery) name() string { return string(rune('A'+d.caller)) + " " + d.operation() }
