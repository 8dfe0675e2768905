// Package emf has the types of CloudWatch's embedded metric format: CloudWatch Logs
// makes metrics of the members of a log line that its _aws member names.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
package emf

// Namespace is the namespace of the ledger's metrics. The alarms and the dashboard
// in template.yaml name it.
const Namespace = "onewrite"

// Metadata is the _aws member of a line.
type Metadata struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []Directive
}

// Directive names metrics of a line.
type Directive struct {
	Namespace  string
	Dimensions [][]string // sets of members of the line, by whose values each metric is counted
	Metrics    []Metric
}

// Metric is a member of the line, and its unit.
type Metric struct{ Name, Unit string }
