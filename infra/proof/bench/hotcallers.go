package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// environment is a Lambda environment: it takes an event and returns its answer.
type environment func(ctx context.Context, payload []byte) ([]byte, error)

// hotPostings is what became of the calls of one measurement.
type hotPostings struct {
	took        []time.Duration // of all that were posted
	inTime      int             // posted before it was over
	unavailable int             // answered 503
}

// account sums the postings up.
func (p hotPostings) account(s hotSetting) hotAccount {
	h := hotAccount{
		HoldMs:      milliseconds(s.hold),
		Callers:     s.callers,
		PauseMs:     milliseconds(s.pause),
		PerSecond:   float64(p.inTime) / s.lasting.Seconds(),
		Unavailable: p.unavailable,
	}
	h.HoldShare = h.PerSecond * s.hold.Seconds()
	if len(p.took) > 0 {
		h.Took = quantilesOf(p.took)
		h.MaxMs = milliseconds(slices.Max(p.took))
	}
	return h
}

// postFrom lets one caller at each environment credit one user, a posting after
// the other, with a pause between two. A posting has as many entries as the
// setting says, or one.
func postFrom(ctx context.Context, environments []environment, s hotSetting) (all hotPostings, err error) {
	var (
		callers sync.WaitGroup
		mu      sync.Mutex
		end     = time.Now().Add(s.lasting)
	)
	for i, to := range environments {
		callers.Go(func() {
			own, failed := to.post(ctx, i, end, s)
			mu.Lock()
			defer mu.Unlock()
			all.took = append(all.took, own.took...)
			all.inTime += own.inTime
			all.unavailable += own.unavailable
			err = errors.Join(err, failed)
		})
	}
	callers.Wait()
	return all, errors.Join(err, ctx.Err())
}

// post plays one caller, until the end.
func (to environment) post(ctx context.Context, caller int, end time.Time, s hotSetting) (p hotPostings, err error) {
	for i := 0; time.Now().Before(end) && ctx.Err() == nil; i++ {
		c := s.posting(names{hot, fmt.Sprintf("%d-%d", caller, i)})
		event := fmt.Appendf(nil, `{"headers":{"Idempotent-Key":%q},"body":%s}`, c.key, c.body)
		began := time.Now()
		payload, err := to(ctx, event)
		if err != nil {
			return p, err
		}
		var answer struct {
			StatusCode int `json:"statusCode"`
		}
		if err := json.Unmarshal(payload, &answer); err != nil {
			return p, err
		}
		switch answer.StatusCode {
		case http.StatusCreated:
			p.took = append(p.took, time.Since(began))
			if time.Now().Before(end) {
				p.inTime++
			}
		case http.StatusServiceUnavailable:
			p.unavailable++
		default:
			return p, fmt.Errorf("answer %s", payload)
		}
		time.Sleep(time.Duration(rand.Float64() * 2 * float64(s.pause)))
	}
	return p, nil
}
