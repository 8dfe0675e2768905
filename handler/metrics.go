package handler

import (
	"log/slog"
	"time"
)

// namespace is that of the ledger's metrics in CloudWatch. The alarms and the
// dashboard in template.yaml name it and them.
const namespace = "onewrite"

// The members of a line that metrics are counted by.
const (
	serviceMember = "service"
	versionMember = "version"
	routeMember   = "route"
)

// The metrics of every call.
const (
	latencyMetric = "Latency"
	retriesMetric = "Retries"
)

// counters names the metric that counts the calls of an outcome.
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

// metadata makes a log line a document of CloudWatch's embedded metric format:
// CloudWatch Logs reads the metrics from the members of the line that it names.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type metadata struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []directive
}

type directive struct {
	Namespace  string
	Dimensions [][]string // sets of members of the line, whose values the metrics are counted by
	Metrics    []definition
}

type definition struct{ Name, Unit string }

// The sets of members that metrics are counted by.
var (
	byService = [][]string{{serviceMember}}
	byRoute   = [][]string{{serviceMember}, {serviceMember, routeMember}}
	byVersion = [][]string{{serviceMember, versionMember}}
)

// metrics returns the metrics of a call for its log line, by service, and by
// route too if it has one. What failed is also counted by version, so that a
// deployment rolls back for what its own version does, and for nothing else.
// Each metric by each of these is one that CloudWatch charges for.
func metrics(c *call, o outcome, took time.Duration, now time.Time) []slog.Attr {
	counter := definition{counters[o], "Count"}
	dimensions := byService
	if c.route != "" {
		dimensions = byRoute
	}
	directives := []directive{{
		namespace, dimensions, []definition{counter, {retriesMetric, "Count"}, {latencyMetric, "Milliseconds"}},
	}}
	if o == outcomeFailed {
		directives = append(directives, directive{namespace, byVersion, []definition{counter}})
	}
	return []slog.Attr{
		slog.Int(counter.Name, 1),
		slog.Int(retriesMetric, c.trace.Retries),
		slog.Float64(latencyMetric, float64(took.Microseconds())/1000), // milliseconds
		slog.Any("_aws", metadata{now.UnixMilli(), directives}),
	}
}
