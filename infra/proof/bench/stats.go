package main

import (
	"slices"
	"time"
)

// quantiles are of durations, in milliseconds.
type quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

func quantilesOf(all []time.Duration) quantiles {
	ms := make([]float64, 0, len(all))
	for _, d := range all {
		ms = append(ms, milliseconds(d))
	}
	return quantiles{quantile(ms, 0.50), quantile(ms, 0.95), quantile(ms, 0.99)}
}

// quantile returns the smallest value that the share q of all values does not pass.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := int(q * float64(len(sorted)))
	return sorted[min(at, len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
