package infra

import (
	"fmt"
	"strings"
)

// RowError lists the faults of a damaged row, which no version of this program writes.
type RowError struct {
	Table string   // "transactions" or "transactions_aggregate"
	Key   string   // as stored; "" if it can't be read
	Wrong []string // each names its attribute
}

func (e *RowError) Error() string {
	return fmt.Sprintf("%s row %.128q: %s", e.Table, e.Key, e.Reason())
}

// Reason returns all faults, without the table and the key.
func (e *RowError) Reason() string { return strings.Join(e.Wrong, "; ") }
