package infra

import (
	"fmt"
	"strings"
)

// RowError names a damaged row's faults. No version of this program writes such a row.
type RowError struct {
	Table string   // "transactions" or "transactions_aggregate"
	Key   string   // as stored; "" if it can't be read
	Wrong []string // each begins with the attribute's name
}

func (e *RowError) Error() string {
	return fmt.Sprintf("%s row %.128q: %s", e.Table, e.Key, e.Reason())
}

// Reason names every fault, without table and key.
func (e *RowError) Reason() string { return strings.Join(e.Wrong, "; ") }
