package handler

import (
	"log/slog"
	"time"

	"onewrite/handler/emf"
)

// CloudWatch counts metrics by these members of a line.
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

// counters has the metric that counts each outcome.
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

// CloudWatch counts by these sets of members.
var (
	byService = [][]string{{serviceMember}}
	byRoute   = [][]string{{serviceMember}, {serviceMember, routeMember}}
	byVersion = [][]string{{serviceMember, versionMember}}
)

// metrics returns a call's metrics for its log line, by service, and by route if it has
// one. Failures also count by version, so that a deployment rolls back for its own
// version's failures only. CloudWatch charges for each metric in each set.
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
		slog.Float64(latencyMetric, float64(took.Microseconds())/1000), // milliseconds
		slog.Any("_aws", emf.Metadata{Timestamp: now.UnixMilli(), CloudWatchMetrics: directives}),
	}
}
