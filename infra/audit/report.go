package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// report is what an audit found. Its JSON is for programs.
type report struct {
	Users        int       `json:"users"`
	Transactions int       `json:"transactions"`
	Mismatches   []finding `json:"mismatches"` // damage, each once
	Unsettled    []finding `json:"unsettled"`  // users who moved all the time: neither right nor wrong
}

// The kinds of finding.
const (
	kindBalance        = "balance"         // the balance is not what the history comes to
	kindBalanceRow     = "balance-row"     // a row of balances that no posting has written
	kindTransactionRow = "transaction-row" // a row of transactions that can't be read
	kindTransactionID  = "transaction-id"  // an id that is not that of its user and key
	kindDecline        = "decline"         // declined although the balance allowed it
)

// finding is one thing that is not as it must be. The ids are as stored, and
// "" where they can't be read.
type finding struct {
	UserID        string `json:"userId"`
	TransactionID string `json:"transactionId,omitempty"`
	Kind          string `json:"kind"`
	Detail        string `json:"detail"`
}

// mismatch compares what was seen of a user.
func mismatch(user ledger.UserID, seen *tally, balance infra.Aggregate) finding {
	stored := fmt.Sprintf("the balance is %s at version %d", balance.Balance, balance.Version)
	if balance.Version == 0 {
		stored = "there is no balance"
	}
	detail := fmt.Sprintf("%s, and the history makes it %s at version %d", stored, seen.balance().Text('f'), seen.posted)
	return finding{UserID: user.String(), Kind: kindBalance, Detail: detail}
}

// sorted is the report in an order that does not change from run to run. What
// was found twice, because a row was read twice, is in it once.
func (r report) sorted() report {
	for _, findings := range []*[]finding{&r.Mismatches, &r.Unsettled} {
		*findings = append([]finding{}, *findings...) // [] in JSON, not null
		slices.SortFunc(*findings, func(f, g finding) int {
			return cmp.Or(cmp.Compare(f.UserID, g.UserID), cmp.Compare(f.TransactionID, g.TransactionID),
				cmp.Compare(f.Kind, g.Kind), cmp.Compare(f.Detail, g.Detail))
		})
		*findings = slices.Compact(*findings)
	}
	return r
}

// writeText writes the report for a person. Texts from the tables are quoted,
// so that none of them can play tricks on a terminal.
func (r report) writeText(w io.Writer) {
	for _, f := range r.Mismatches {
		fmt.Fprintf(w, "wrong      %s\n", f)
	}
	for _, f := range r.Unsettled {
		fmt.Fprintf(w, "unsettled  %s\n", f)
	}
	fmt.Fprintf(w, "%d users, %d transactions: %s\n", r.Users, r.Transactions, r.sentence())
}

func (f finding) String() string {
	of := fmt.Sprintf("user %q", f.UserID)
	if f.TransactionID != "" {
		of += fmt.Sprintf(", transaction %q", f.TransactionID)
	}
	return fmt.Sprintf("%s: %s: %s", of, f.Kind, f.Detail)
}

func (r report) sentence() string {
	switch {
	case len(r.Mismatches) > 0:
		return fmt.Sprintf("%d wrong, %d unsettled", len(r.Mismatches), len(r.Unsettled))
	case len(r.Unsettled) > 0:
		return fmt.Sprintf("nothing wrong, %d unsettled: they moved all the time, audit again", len(r.Unsettled))
	default:
		return "every balance is what its history says"
	}
}

// writeJSON writes the report for programs, as one line.
func (r report) writeJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// metric is one line in CloudWatch's embedded metric format.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type metric struct {
	AWS               metadata `json:"_aws"`
	BalanceMismatches int
	Users             int
	Transactions      int
}

type metadata struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []directive
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct{ Name, Unit string }

// writeMetric writes the report's counts for CloudWatch Logs to make metrics of.
func (r report) writeMetric(w io.Writer, now time.Time) error {
	return json.NewEncoder(w).Encode(metric{
		AWS: metadata{now.UnixMilli(), []directive{{
			Namespace:  "onewrite",
			Dimensions: [][]string{{}}, // one set, without dimensions
			Metrics:    []definition{{"BalanceMismatches", "Count"}, {"Users", "Count"}, {"Transactions", "Count"}},
		}}},
		BalanceMismatches: len(r.Mismatches),
		Users:             r.Users,
		Transactions:      r.Transactions,
	})
}

// status is the command's exit status.
func (r report) status() int {
	switch {
	case len(r.Mismatches) > 0:
		return exitWrong
	case len(r.Unsettled) > 0:
		return exitFailed
	default:
		return exitRight
	}
}
