package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// maxCallers is the most that call at once.
const maxCallers = 16

// series says which calls to measure.
type series struct {
	Outcome string `json:"outcome"`
	Door    string `json:"door"`
	Users   string `json:"users"` // "distinct", or one "hot" user
	Callers int    `json:"callers"`
}

func (s series) String() string {
	return fmt.Sprintf("%s by %s, %d callers, %s", s.Outcome, s.Door, s.Callers, s.Users)
}

// latency is what a series took, next to its floor.
type latency struct {
	series
	Pairs int       `json:"pairs"`
	Floor quantiles `json:"floorMs"`
	Ours  quantiles `json:"oursMs"`
	Ratio float64   `json:"ratio"` // median of the pairs' ratios
}

// everySeries is each outcome by each door, and then the growing crowds.
func (w *world) everySeries() (all []latencyPlan) {
	for _, d := range w.doors {
		for _, o := range outcomes {
			all = append(all, latencyPlan{o, d, series{o.name, d.name, "distinct", 1}})
		}
	}
	events := w.doors[0]
	for _, users := range []string{"distinct", "hot"} {
		for _, callers := range []int{1, 4, maxCallers} {
			for _, o := range outcomes {
				if s := (series{o.name, events.name, users, callers}); users == "hot" || callers > 1 {
					all = append(all, latencyPlan{o, events, s})
				}
			}
		}
	}
	return all
}

type latencyPlan struct {
	outcome outcome
	door    door
	series  series
}

// pair is a floor and a call that ran one after the other.
type pair struct{ floor, ours time.Duration }

// measureLatency runs that many pairs, divided among the callers.
func (w *world) measureLatency(ctx context.Context, p latencyPlan, pairs int) (latency, error) {
	var (
		mu    sync.Mutex
		all   []pair
		first error
		group sync.WaitGroup
	)
	for range p.series.Callers {
		group.Go(func() {
			for i := range max(1, pairs/p.series.Callers) {
				one, err := w.runPair(ctx, p, i%2 == 0)
				mu.Lock()
				all = append(all, one)
				if first == nil {
					first = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	group.Wait()
	if first != nil {
		return latency{}, fmt.Errorf("%v: %w", p.series, first)
	}
	var floors, ours []time.Duration
	var ratios []float64
	for _, one := range all {
		floors, ours = append(floors, one.floor), append(ours, one.ours)
		ratios = append(ratios, float64(one.ours)/float64(one.floor))
	}
	return latency{p.series, len(all), quantilesOf(floors), quantilesOf(ours), median(ratios)}, nil
}

// runPair runs the floor and the call, in either order.
func (w *world) runPair(ctx context.Context, p latencyPlan, floorFirst bool) (pair, error) {
	n, m := w.names(p.series), w.names(p.series)
	if p.outcome.name == replayed.name {
		m = n
		if err := w.overEvents(posted, n)(ctx); err != nil {
			return pair{}, err
		}
	}
	var one pair
	bare, call := p.outcome.floor(w.floor, n), p.door.call(p.outcome, m)
	timed := func(took *time.Duration, runs ...request) error {
		began := time.Now()
		defer func() { *took = time.Since(began) }()
		for _, run := range runs {
			if err := run(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	if floorFirst {
		if err := timed(&one.floor, p.door.hop, bare); err != nil {
			return one, err
		}
		return one, timed(&one.ours, call)
	}
	if err := timed(&one.ours, call); err != nil {
		return one, err
	}
	return one, timed(&one.floor, p.door.hop, bare)
}

// names are new ones: the user is the hot one, or one of many.
func (w *world) names(s series) names {
	i := w.calls.Add(1)
	user := "hot"
	if s.Users != "hot" {
		user = fmt.Sprintf("user-%d", i%1000)
	}
	return names{user, fmt.Sprintf("key-%d", i)}
}
