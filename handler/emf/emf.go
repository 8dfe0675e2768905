// Package emf has the types for CloudWatch's embedded metric format: CloudWatch Logs
// turns a log line's members into metrics if its _aws member names them.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
package emf

// Namespace is the ledger metrics' namespace. The alarms and the dashboard in
// template.yaml name it.
const Namespace = "onewrite"

// Metadata is a line's _aws member.
type Metadata struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []Directive
}

// Directive names a line's metrics.
type Directive struct {
	Namespace  string
	Dimensions [][]string // sets of the line's members, by whose values each metric is counted
	Metrics    []Metric
}

// Metric is one of the line's members, and its unit.
type Metric struct{ Name, Unit string }
