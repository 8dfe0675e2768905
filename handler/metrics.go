package handler

import (
	"strconv"
	"time"
)

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

// metrics adds the metrics of a call to its log line, and "_aws", by which
// CloudWatch Logs reads them from the line itself, in all and by route: it makes
// the line a document of the embedded metric format. A call without a route has
// no value for that dimension.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (o object) metrics(c *call, outcome string, took time.Duration, now time.Time) object {
	counter, dimensions := counters[outcome], `[[],["route"]]`
	if c.route == "" {
		dimensions = `[[]]`
	}
	return o.
		number(counter, 1).
		number(retries, c.trace.Retries).
		value(latency, strconv.FormatFloat(float64(took.Microseconds())/1000, 'f', -1, 64)).
		value("_aws", `{"Timestamp":`+strconv.FormatInt(now.UnixMilli(), 10)+
			`,"CloudWatchMetrics":[{"Namespace":"`+namespace+`","Dimensions":`+dimensions+
			`,"Metrics":[{"Name":"`+counter+`","Unit":"Count"},{"Name":"`+retries+
			`","Unit":"Count"},{"Name":"`+latency+`","Unit":"Milliseconds"}]}]}`)
}
