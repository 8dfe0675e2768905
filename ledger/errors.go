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

	// ErrTooManyHolds means that the user has as many open holds as there may
	// be. Nothing is stored: the key may be used again.
	ErrTooManyHolds = errors.New("too many holds")

	// ErrNotPending means that a transaction which is to be captured or voided
	// never was pending.
	ErrNotPending = errors.New("not pending")

	// ErrHoldEnded means that a hold ended in another way.
	ErrHoldEnded = errors.New("hold ended")

	// ErrNotFound means that no transaction has the id.
	ErrNotFound = errors.New("transaction not found")

	// ErrTryAgain means that the outcome is not known, or that nothing was
	// written. The same call again, with the same key, is always safe.
	ErrTryAgain = errors.New("try again")
)

// The errors of the parsers, which are wrapped in an [*InvalidError].
var (
	ErrInvalidAmount         = errors.New("invalid amount")          // of [ParseAmount] and [Settings.ParseAmount]
	ErrInvalidBalance        = errors.New("invalid balance")         // of [ParseBalance]
	ErrInvalidCursor         = errors.New("invalid cursor")          // of [ParseCursor]
	ErrInvalidEntries        = errors.New("invalid entries")         // of [CheckEntries]
	ErrInvalidExpiresIn      = errors.New("invalid expiry")          // of [ParseExpiresIn] and [CheckHold]
	ErrInvalidIdempotencyKey = errors.New("invalid idempotency key") // of [ParseIdempotencyKey]
	ErrInvalidSettings       = errors.New("invalid settings")        // of [ParseSettings]
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
	ExpiresInDiffers           bool
}

// Error returns the text of [ErrKeyReused].
func (e *KeyReusedError) Error() string { return ErrKeyReused.Error() }

// Unwrap returns [ErrKeyReused].
func (e *KeyReusedError) Unwrap() error { return ErrKeyReused }

// HoldEndedError says how a hold ended, other than was asked. It unwraps to
// [ErrHoldEnded].
type HoldEndedError struct{ End Transaction }

// Error names the transaction and its end.
func (e *HoldEndedError) Error() string {
	return fmt.Sprintf("transaction %s: %v: %s of %s", e.End.TransactionID, ErrHoldEnded, e.End.End, e.End.Amount)
}

// Unwrap returns [ErrHoldEnded].
func (e *HoldEndedError) Unwrap() error { return ErrHoldEnded }

// ReceiverLimitError means that a capture would lift the balance of the user who
// is to be credited over [MaxBalance]. Nothing is stored, and the hold has not
// ended. It unwraps to [ErrBalanceLimit].
type ReceiverLimitError struct {
	UserID  UserID
	Balance Balance
}

// Error names the balance.
func (e *ReceiverLimitError) Error() string {
	return fmt.Sprintf("%v: the balance of %s is %s", ErrBalanceLimit, e.UserID, e.Balance)
}

// Unwrap returns [ErrBalanceLimit].
func (e *ReceiverLimitError) Unwrap() error { return ErrBalanceLimit }

// RecordedError is the error of a [Store] for an id that is taken.
type RecordedError struct{ Recorded Transaction }

// Error names the transaction.
func (e *RecordedError) Error() string {
	return fmt.Sprintf("transaction %s is recorded already", e.Recorded.ID)
}

// RefusedError is the error of a [Store] for a posting that accounts do not
// allow: a balance is out of a move's range, a hold that was to end is not open, or
// too many are.
type RefusedError struct {
	// Accounts are some of those that do not allow their moves, and perhaps not
	// all: as they were when they refused, or as they were read later.
	Accounts map[UserID]Account

	// ReadLater means that some were read later. By then they may allow their
	// moves. Together with the others they are no state that there ever was.
	ReadLater bool

	// Unknown means that the write was sent more than once, and what became of one
	// of the attempts is not known: it may still be applied. An answer that is not
	// stored must not be given then.
	Unknown bool
}

// Error names the balances.
func (e *RefusedError) Error() string {
	var balances []string
	for user, account := range e.Accounts {
		balances = append(balances, fmt.Sprintf("%s has %s and %d holds", user, account.Balance, len(account.Holds)))
	}
	slices.Sort(balances)
	return "not allowed: " + strings.Join(balances, ", ")
}
