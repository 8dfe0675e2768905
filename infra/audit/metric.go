package main

import (
	"encoding/json"
	"io"
	"time"

	"onewrite/handler/emf"
)

// metrics is one line in CloudWatch's embedded metric format.
type metrics struct {
	AWS               emf.Metadata `json:"_aws"`
	Service           string       `json:"service,omitempty"` // the dimension
	BalanceMismatches *int         `json:",omitempty"`        // see writeMetrics
	AuditUnsettled    int
	AuditFailed       int // 1 if not everything was read
	Users             int
	Transactions      int
}

// writeMetrics writes the report's counts for CloudWatch Logs to make metrics
// of, by service if there is one. Only a report that is clean says that there is
// no mismatch: an alarm on earlier ones must not end because their users could
// not be read.
func (r report) writeMetrics(w io.Writer, service string, now time.Time) error {
	line := metrics{Service: service, AuditUnsettled: len(r.Unsettled), Users: r.Users, Transactions: r.Transactions}
	names := []string{"AuditUnsettled", "AuditFailed", "Users", "Transactions"}
	if r.Unfinished != "" {
		line.AuditFailed = 1
	}
	if mismatches := len(r.Mismatches); mismatches > 0 || r.clean() {
		line.BalanceMismatches = &mismatches
		names = append(names, "BalanceMismatches")
	}
	dimensions := []string{}
	if service != "" {
		dimensions = []string{"service"}
	}
	of := emf.Directive{Namespace: emf.Namespace, Dimensions: [][]string{dimensions}} // one set
	for _, name := range names {
		of.Metrics = append(of.Metrics, emf.Metric{Name: name, Unit: "Count"})
	}
	line.AWS = emf.Metadata{Timestamp: now.UnixMilli(), CloudWatchMetrics: []emf.Directive{of}}
	return json.NewEncoder(w).Encode(line)
}
