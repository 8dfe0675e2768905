package handler

import (
	"log/slog"
	"time"

	"onewrite/handler/emf"
)

// These members of a log line are the dimensions of its metrics.
const (
	serviceMember = "service"
	versionMember = "version"
	routeMember   = "route"
)

// Every call has these metrics.
const (
	latencyMetric = "Latency"
	retriesMetric = "Retries"
)

// counters maps each outcome to the metric that counts it.
var counters = map[outcome]string{
	outcomeRead:     "Read",
	outcomePosted:   "Posted",
	outcomeDeclined: "Declined",
	outcomeReplayed: "Replayed",
	outcomeReused:   "Reused",
	outcomeRejected: "Rejected",
	outcomeTryAgain: "TryAgain",
	outcomeFailed:   "Failed",
}

// Each variable is a list of dimension sets. CloudWatch counts a metric once for each set.
var (
	byService = [][]string{{serviceMember}}
	byRoute   = [][]string{{serviceMember}, {serviceMember, routeMember}}
	byVersion = [][]string{{serviceMember, versionMember}}
)

// metrics returns the metrics for a call's log line. They are counted by service, and also
// by route if the call has one. Failures are also counted by version, so that a deployment
// rolls back only for its own version's failures. The other metrics are not, because
// CloudWatch charges for each metric in each set.
func metrics(c *call, o outcome, took time.Duration, now time.Time) []slog.Attr {
	counter := emf.Metric{Name: counters[o], Unit: "Count"}
	dimensions := byService
	if c.route != "" {
		dimensions = byRoute
	}
	directives := []emf.Directive{{
		Namespace:  emf.Namespace,
		Dimensions: dimensions,
		Metrics:    []emf.Metric{counter, {Name: retriesMetric, Unit: "Count"}, {Name: latencyMetric, Unit: "Milliseconds"}},
	}}
	if o == outcomeFailed {
		directives = append(directives, emf.Directive{Namespace: emf.Namespace, Dimensions: byVersion, Metrics: []emf.Metric{counter}})
	}
	return []slog.Attr{
		slog.Int(counter.Name, 1),
		slog.Int(retriesMetric, c.trace.Retries),
		slog.Float64(latencyMetric, float64(took.Microseconds())/1000),
		slog.Any("_aws", emf.Metadata{Timestamp: now.UnixMilli(), CloudWatchMetrics: directives}),
	}
}
