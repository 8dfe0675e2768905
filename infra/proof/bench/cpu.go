package main

import (
	"context"
	"syscall"
	"time"
)

// cpu is what this process computes for a call over the real network, the
// kernel's part included, next to its floor.
type cpu struct {
	Outcome string  `json:"outcome"`
	Floor   float64 `json:"floorMicroseconds"`
	Ours    float64 `json:"oursMicroseconds"`
	Ratio   float64 `json:"ratio"`
}

// rounds is how often the floor and ours take turns.
const rounds = 20

// measureCPU lets rounds of the floor and of events take turns. The clock of
// the process runs for other threads too, so nothing else may.
func (sub *subject) measureCPU(ctx context.Context, o outcome, calls int) (cpu, error) {
	var floors, ours, ratios []float64
	for range rounds {
		var bares, ourCalls []request
		for range max(1, calls/rounds) {
			bare, call, err := sub.prepare(ctx, o, sub.transports[0], distinct)
			if err != nil {
				return cpu{}, err
			}
			bares, ourCalls = append(bares, bare), append(ourCalls, call)
		}
		floor, err := cpuOf(ctx, bares)
		if err != nil {
			return cpu{}, err
		}
		our, err := cpuOf(ctx, ourCalls)
		if err != nil {
			return cpu{}, err
		}
		floors, ours, ratios = append(floors, floor), append(ours, our), append(ratios, our/floor)
	}
	return cpu{o.name, median(floors), median(ours), median(ratios)}, nil
}

// cpuOf returns the mean of the runs, in microseconds.
func cpuOf(ctx context.Context, runs []request) (float64, error) {
	before := cpuTime()
	for _, run := range runs {
		if err := run(ctx); err != nil {
			return 0, err
		}
	}
	return float64((cpuTime() - before).Microseconds()) / float64(len(runs)), nil
}

// cpuTime returns what this process has computed.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // for this process it is always known
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
