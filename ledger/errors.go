package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The errors of [Ledger].
var (
	// ErrInsufficientFunds means that a debit was declined: it was more than
	// the balance.
	ErrInsufficientFunds = errors.New("insufficient funds")

	// ErrBalanceLimit means that a credit was declined: it would have lifted
	// the balance over [MaxBalance].
	ErrBalanceLimit = errors.New("balance limit")

	// ErrKeyReused means that the key came with another transaction before.
	ErrKeyReused = errors.New("idempotency key reused")

	// ErrNotFound means that no transaction has the id.
	ErrNotFound = errors.New("transaction not found")

	// ErrTryAgain means that the outcome is not known, or that nothing was
	// written. The same call again, with the same key, is always safe.
	ErrTryAgain = errors.New("try again")
)

// The errors of the parsers, which are wrapped in an [*InvalidError].
var (
	ErrInvalidAmount         = errors.New("invalid amount")          // of [ParseAmount]
	ErrInvalidBalance        = errors.New("invalid balance")         // of [ParseBalance]
	ErrInvalidCursor         = errors.New("invalid cursor")          // of [ParseCursor]
	ErrInvalidEntries        = errors.New("invalid entries")         // of [CheckEntries]
	ErrInvalidIdempotencyKey = errors.New("invalid idempotency key") // of [ParseIdempotencyKey]
	ErrInvalidMetadata       = errors.New("invalid metadata")        // of [NewMetadata] and [ParseMetadata]
	ErrInvalidStatus         = errors.New("invalid status")          // of [ParseStatus]
	ErrInvalidTime           = errors.New("invalid time")            // of [ParseTime]
	ErrInvalidTransactionID  = errors.New("invalid transaction id")  // of [ParseTransactionID]
	ErrInvalidType           = errors.New("invalid type")            // of [ParseType]
	ErrInvalidUserID         = errors.New("invalid user id")         // of [ParseUserID]
)

// InvalidError says why a value was rejected, in words for the person who sent
// it. It unwraps to the error of its parser, such as [ErrInvalidAmount].
type InvalidError struct {
	Err    error
	Reason string // completes a sentence that begins with the field's name: "must be …"
}

// Error returns both parts.
func (e *InvalidError) Error() string { return e.Err.Error() + ": " + e.Reason }

// Unwrap returns Err.
func (e *InvalidError) Unwrap() error { return e.Err }

// DeclinedError is a transaction that is stored as declined. It unwraps to
// [ErrInsufficientFunds] if the entry that did not fit is a debit, and to
// [ErrBalanceLimit] if it is a credit.
type DeclinedError struct{ Result Result }

// Error names the transaction and the balance that declined it.
func (e *DeclinedError) Error() string {
	t, entry := e.Result.Transaction, e.Entry()
	return fmt.Sprintf("transaction %s: %v: %s of %s on a balance of %s", t.ID, e.Unwrap(), entry.Type, entry.Amount, t.BalanceSeen)
}

// Entry returns the first entry that did not fit.
func (e *DeclinedError) Entry() Entry {
	t := e.Result.Transaction
	return t.AllEntries()[t.DeclinedEntry]
}

// Unwrap returns the reason, or nil for a type that can't be declined.
func (e *DeclinedError) Unwrap() error {
	switch e.Entry().Type {
	case Credit:
		return ErrBalanceLimit
	case Debit:
		return ErrInsufficientFunds
	default:
		return nil
	}
}

// KeyReusedError says what differs from the first request with the key. It
// unwraps to [ErrKeyReused]. Where either request has several entries they are
// compared as a whole, and otherwise by type and amount.
type KeyReusedError struct {
	TypeDiffers, AmountDiffers bool
	EntriesDiffer              bool
	MetadataDiffers            bool
}

// Error returns the text of [ErrKeyReused].
func (e *KeyReusedError) Error() string { return ErrKeyReused.Error() }

// Unwrap returns [ErrKeyReused].
func (e *KeyReusedError) Unwrap() error { return ErrKeyReused }

// RecordedError is the error of a [Store] for an id that is taken.
type RecordedError struct{ Recorded Transaction }

// Error names the transaction.
func (e *RecordedError) Error() string {
	return fmt.Sprintf("transaction %s is recorded already", e.Recorded.ID)
}

// OutOfRangeError is the error of a [Store] for a posting that balances do not
// allow: these, and perhaps others.
type OutOfRangeError struct{ Balances map[UserID]Balance }

// Error names the balances.
func (e *OutOfRangeError) Error() string {
	var balances []string
	for user, balance := range e.Balances {
		balances = append(balances, fmt.Sprintf("the balance of %s, %s,", user, balance))
	}
	slices.Sort(balances)
	return strings.Join(balances, " and ") + " would leave its range"
}
