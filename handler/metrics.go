package handler

import "time"

// namespace is that of the ledger's metrics in CloudWatch. The alarms and the
// dashboard in template.yaml name it and them.
const namespace = "onewrite"

// The metrics of every call, by the names that its log line has them under.
const (
	latency = "Latency"
	retries = "Retries"
)

// counters are the metrics that count the calls, one for each outcome.
var counters = map[string]string{
	read:     "Read",
	posted:   "Posted",
	declined: "Declined",
	replayed: "Replayed",
	reused:   "Reused",
	refused:  "Refused",
	tryAgain: "TryAgain",
	failed:   "Failed",
}

// metadata makes a log line a document of CloudWatch's embedded metric format:
// CloudWatch Logs reads the metrics from the line itself. It goes under "_aws".
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type metadata struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics [1]directive
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    [3]metric
}

type metric struct{ Name, Unit string }

// newMetadata tells the metrics of a call, in all and by its route. A call
// without a route has no value for that dimension.
func newMetadata(c *call, outcome string, now time.Time) metadata {
	dimensions := [][]string{{}, {"route"}}
	if c.route == "" {
		dimensions = dimensions[:1]
	}
	return metadata{now.UnixMilli(), [1]directive{{namespace, dimensions, [3]metric{
		{counters[outcome], "Count"},
		{retries, "Count"},
		{latency, "Milliseconds"},
	}}}}
}
