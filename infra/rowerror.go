package infra

import (
	"fmt"
	"strings"
)

// RowError names the faults of a damaged row. No version of this program writes
// such a row.
type RowError struct {
	Table string   // "transactions" or "transactions_aggregate"
	Key   string   // as stored; "" if it can't be read
	Wrong []string // each begins with the attribute's name
}

// Error names the table, the row and every fault.
func (e *RowError) Error() string {
	return fmt.Sprintf("%s row %.128q: %s", e.Table, e.Key, e.Reason())
}

// Reason names every fault, for a reader who knows the row.
func (e *RowError) Reason() string { return strings.Join(e.Wrong, "; ") }
