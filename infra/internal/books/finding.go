package books

import "fmt"

// A finding has one of these kinds.
const (
	KindSettings       = "settings"        // the tables have no settings row, or a damaged one
	KindBalance        = "balance"         // the balance differs from the history
	KindMover          = "mover"           // the balance names a write that did not move it
	KindBalanceRow     = "balance-row"     // a balance row that no posting has written
	KindTransactionRow = "transaction-row" // a transaction row that can't be read
	KindTransactionID  = "transaction-id"  // an id that is not derived from its user and key, or from its hold
	KindDecline        = "decline"         // declined although the balance allowed it
	KindHold           = "hold"            // an end that does not fit its pending row
	KindEntries        = "entries"         // rows that differ from their transaction's entries
	KindRefund         = "refund"          // a refund that does not fit its original, or an account that differs from the refunds
	KindRules          = "rules"           // an account's rules differ from its changes
	KindTime           = "time"            // a time in the future
	KindAttributes     = "attributes"      // a row with attributes that this program never writes
)

// Finding is one fault. The ids are as stored, and "" if unreadable.
type Finding struct {
	UserID        string `json:"userId"`
	TransactionID string `json:"transactionId,omitempty"`
	Kind          string `json:"kind"`
	Detail        string `json:"detail"`
}

// String returns the finding for a person. Texts from the tables are quoted, so
// that a terminal shows their control characters.
func (f Finding) String() string {
	of := fmt.Sprintf("user %q", f.UserID)
	if f.TransactionID != "" {
		of += fmt.Sprintf(", transaction %q", f.TransactionID)
	}
	return fmt.Sprintf("%s: %s: %s", of, f.Kind, f.Detail)
}

// Count returns a number with its noun, such as "2 rows".
func Count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
