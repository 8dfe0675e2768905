package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// door is a way to one Lambda environment: an event in, its answer out.
type door func(ctx context.Context, payload []byte) ([]byte, error)

// figures are of one measurement.
type figures struct {
	lasting     time.Duration
	inTime      int             // posted before it was over
	took        []time.Duration // of all posted, sorted
	unavailable int             // answers 503
}

// measure lets one caller behind each door credit one user, a posting after the
// other, with a pause between two that is that long on average.
func measure(ctx context.Context, doors []door, lasting, pause time.Duration) (figures, error) {
	var (
		callers  sync.WaitGroup
		mu       sync.Mutex
		all      = figures{lasting: lasting}
		firstErr error
		began    = time.Now()
	)
	for i, door := range doors {
		callers.Go(func() {
			own, err := call(ctx, door, i, began.Add(lasting), pause)
			mu.Lock()
			defer mu.Unlock()
			all.took = append(all.took, own.took...)
			all.unavailable += own.unavailable
			all.inTime += own.inTime
			if firstErr == nil {
				firstErr = err
			}
		})
	}
	callers.Wait()
	slices.Sort(all.took)
	return all, firstErr
}

// call is one caller, until the end.
func call(ctx context.Context, door door, caller int, end time.Time, pause time.Duration) (f figures, err error) {
	for i := 0; time.Now().Before(end) && ctx.Err() == nil; i++ {
		began := time.Now()
		answer, err := door(ctx, fmt.Appendf(nil,
			`{"headers":{"Idempotent-Key":"%d-%d"},"body":{"userId":"hot","ammount":"1","type":"credit"}}`, caller, i))
		if err != nil {
			return f, err
		}
		var told struct {
			StatusCode int `json:"statusCode"`
		}
		if err := json.Unmarshal(answer, &told); err != nil {
			return f, err
		}
		switch told.StatusCode {
		case http.StatusCreated:
			f.took = append(f.took, time.Since(began))
			if time.Now().Before(end) {
				f.inTime++
			}
		case http.StatusServiceUnavailable:
			f.unavailable++
		default:
			return f, fmt.Errorf("answer %s", answer)
		}
		time.Sleep(time.Duration(rand.Float64() * 2 * float64(pause)))
	}
	return f, nil
}

// perSecond is how many were posted.
func (f figures) perSecond() float64 { return float64(f.inTime) / f.lasting.Seconds() }

// quantile is the time that this share of the postings took at most.
func (f figures) quantile(share float64) time.Duration {
	if len(f.took) == 0 {
		return 0
	}
	return f.took[min(int(share*float64(len(f.took))), len(f.took)-1)]
}
