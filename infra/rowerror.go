package infra

import (
	"fmt"
	"strings"
)

// RowError says what is wrong with a row of a table, which no version of this
// program has written like that.
type RowError struct {
	Table string   // "transactions" or "transactions_aggregate"
	Key   string   // as stored; "" if it can't be read
	Wrong []string // each begins with the attribute's name
}

// Error names the table and the row, and says everything that is wrong.
func (e *RowError) Error() string {
	return fmt.Sprintf("%s row %.128q: %s", e.Table, e.Key, e.Reason())
}

// Reason says everything that is wrong, for who knows which row it is.
func (e *RowError) Reason() string { return strings.Join(e.Wrong, "; ") }
