package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// maxCallers is the most that call at once.
const maxCallers = 16

// The users of a series: many, or all its calls for one, or a new one each.
const (
	distinct = "distinct"
	hot      = "hot"
	fresh    = "new"
)

// series says which calls to measure.
type series struct {
	Outcome   string `json:"outcome"`
	Transport string `json:"transport"`
	Users     string `json:"users"` // distinct, hot or new
	Callers   int    `json:"callers"`
}

func (s series) String() string {
	return fmt.Sprintf("%s by %s, %d callers, %s", s.Outcome, s.Transport, s.Callers, s.Users)
}

// latency is what a series took, next to its floor.
type latency struct {
	series
	Pairs int       `json:"pairs"`
	Floor quantiles `json:"floorMs"`
	Ours  quantiles `json:"oursMs"`
	Ratio float64   `json:"ratio"` // median of the pairs' ratios
}

// everySeries measures each outcome by each transport, and then the growing crowds.
func (sub *subject) everySeries() (all []latencyPlan) {
	for _, d := range sub.transports {
		for _, o := range outcomes {
			all = append(all, latencyPlan{o, d, series{o.name, d.name, distinct, 1}})
		}
	}
	events := sub.transports[0]
	for _, users := range []string{distinct, hot} {
		for _, callers := range []int{1, 4, maxCallers} {
			for _, o := range outcomes {
				if s := (series{o.name, events.name, users, callers}); users == hot || callers > 1 {
					all = append(all, latencyPlan{o, events, s})
				}
			}
		}
	}
	return all
}

// fewSeries measures outcomes for new users, alone, by events and through the built
// function.
func (sub *subject) fewSeries(outcomes []outcome) (all []latencyPlan) {
	for _, d := range []transport{sub.transports[0], sub.transports[len(sub.transports)-1]} {
		for _, o := range outcomes {
			all = append(all, latencyPlan{o, d, series{o.name, d.name, fresh, 1}})
		}
	}
	return all
}

type latencyPlan struct {
	outcome   outcome
	transport transport
	series    series
}

// pair is a floor and a call that ran one after the other.
type pair struct{ floor, ours time.Duration }

// latencyRounds is how often the series take turns, so that a bad second of the
// machine does not fall on one of them.
const latencyRounds = 5

// measureLatency runs that many pairs of each series.
func (sub *subject) measureLatency(ctx context.Context, plans []latencyPlan, pairs int, tick func()) (all []latency, err error) {
	runs := make([][]pair, len(plans))
	for range latencyRounds {
		for i, p := range plans {
			run, err := sub.runPairs(ctx, p, pairs/latencyRounds)
			if err != nil {
				return nil, fmt.Errorf("%v: %w", p.series, err)
			}
			runs[i] = append(runs[i], run...)
			tick()
		}
	}
	for i, p := range plans {
		all = append(all, latencyOf(p.series, runs[i]))
	}
	return all, nil
}

// latencyOf sums a series up.
func latencyOf(s series, pairs []pair) latency {
	var floors, ours []time.Duration
	var ratios []float64
	for _, one := range pairs {
		floors, ours = append(floors, one.floor), append(ours, one.ours)
		ratios = append(ratios, float64(one.ours)/float64(one.floor))
	}
	return latency{s, len(pairs), quantilesOf(floors), quantilesOf(ours), median(ratios)}
}

// runPairs runs that many pairs, divided among the callers, or one each.
func (sub *subject) runPairs(ctx context.Context, p latencyPlan, pairs int) (all []pair, err error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	for range p.series.Callers {
		group.Go(func() {
			for i := range max(1, pairs/p.series.Callers) {
				one, failed := sub.runPair(ctx, p, i%2 == 0)
				mu.Lock()
				all, err = append(all, one), cmp.Or(err, failed)
				mu.Unlock()
				if failed != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return all, err
}

// prepare makes the bare requests of a call by a transport and the call itself,
// under names of their own, save that both replay the same.
func (sub *subject) prepare(ctx context.Context, o outcome, d transport, users string) (bare, call request, err error) {
	n, m := sub.names(users), sub.names(users)
	if o.name == replayed.name {
		m = n
	}
	for _, one := range slices.Compact([]names{n, m}) {
		if o.before == nil {
			break
		}
		if err := o.before(sub, one)(ctx); err != nil {
			return nil, nil, err
		}
	}
	return d.floor(o.floor(sub.floor, n)), d.call(o, m), nil
}

// runPair runs the floor and the call, in either order.
func (sub *subject) runPair(ctx context.Context, p latencyPlan, floorFirst bool) (one pair, err error) {
	bare, call, err := sub.prepare(ctx, p.outcome, p.transport, p.series.Users)
	if err != nil {
		return one, err
	}
	turns := []struct {
		took *time.Duration
		run  request
	}{
		{&one.floor, bare},
		{&one.ours, call},
	}
	if !floorFirst {
		slices.Reverse(turns)
	}
	for _, turn := range turns {
		began := time.Now()
		if err := turn.run(ctx); err != nil {
			return one, err
		}
		*turn.took = time.Since(began)
	}
	return one, nil
}

// names draws new ones: the user is one of many, or the hot one, or new. New ones
// are equally long, as the size of a row depends on them.
func (sub *subject) names(users string) names {
	i := sub.calls.Add(1)
	user := hot
	switch users {
	case distinct:
		user = fmt.Sprintf("user-%d", i%1000)
	case fresh:
		user = fmt.Sprintf("new-%06d", i)
	}
	return names{user, fmt.Sprintf("key-%d", i)}
}
