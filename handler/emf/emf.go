// Package emf defines the types of CloudWatch's embedded metric format. CloudWatch Logs
// turns members of a log line into metrics if the line's _aws member names them.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
package emf

// Namespace is the namespace of the ledger's metrics. The alarms and the dashboard in
// template.yaml use it too.
const Namespace = "onewrite"

// Metadata is the _aws member of a log line.
type Metadata struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []Directive
}

// Directive names metrics in a log line, and their dimensions.
type Directive struct {
	Namespace  string
	Dimensions [][]string // sets of members; CloudWatch counts each metric once for each set
	Metrics    []Metric
}

// Metric names a member of a log line, and the member's unit.
type Metric struct{ Name, Unit string }
