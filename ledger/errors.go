package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The errors of [Ledger].
var (
	// ErrInsufficientFunds means that a debit was declined because it exceeds the
	// balance.
	ErrInsufficientFunds = errors.New("insufficient funds")

	// ErrBalanceLimit means that a credit was declined because it would lift the
	// balance above [MaxBalance].
	ErrBalanceLimit = errors.New("balance limit")

	// ErrAccountBlocked means that the rules of an account block an entry's type.
	ErrAccountBlocked = errors.New("account blocked")

	// ErrCreditInUse means that a change of rules was declined because the account
	// uses more than the new credit limit.
	ErrCreditInUse = errors.New("credit in use")

	// ErrKeyReused means that an earlier call used the key for another transaction.
	ErrKeyReused = errors.New("idempotency key reused")

	// ErrTooManyHolds means that the user has [MaxHolds] open holds. Nothing is
	// stored, and the key stays unused.
	ErrTooManyHolds = errors.New("too many holds")

	// ErrNotPending means that the transaction to capture or void never was
	// pending.
	ErrNotPending = errors.New("not pending")

	// ErrHoldEnded means that the hold ended in another way.
	ErrHoldEnded = errors.New("hold ended")

	// ErrNotRefundable means that the transaction is not posted, or is a refund.
	ErrNotRefundable = errors.New("not refundable")

	// ErrRefundLimit means that less is left to refund. Nothing is stored, and the
	// key stays unused.
	ErrRefundLimit = errors.New("refund limit")

	// ErrNotFound means that no transaction has the id.
	ErrNotFound = errors.New("transaction not found")

	// ErrTryAgain means that the outcome is unknown, or that nothing was written.
	// Sending the same call again, with the same key, is always safe.
	ErrTryAgain = errors.New("try again")
)

// The errors of the parsers. An [*InvalidError] wraps them.
var (
	ErrInvalidAmount         = errors.New("invalid amount")          // of [ParseAmount] and [Settings.ParseAmount]
	ErrInvalidBalance        = errors.New("invalid balance")         // of [ParseBalance]
	ErrInvalidCursor         = errors.New("invalid cursor")          // of [ParseCursor]
	ErrInvalidEntries        = errors.New("invalid entries")         // of [CheckEntries]
	ErrInvalidExpiresIn      = errors.New("invalid expiry")          // of [ParseExpiresIn] and [CheckHold]
	ErrInvalidIdempotencyKey = errors.New("invalid idempotency key") // of [ParseIdempotencyKey]
	ErrInvalidRules          = errors.New("invalid rules")           // of [ParsePermission], [ParseCreditLimit] and [RuleChange.Check]
	ErrInvalidSettings       = errors.New("invalid settings")        // of [ParseSettings]
	ErrInvalidMetadata       = errors.New("invalid metadata")        // of [NewMetadata] and [ParseMetadata]
	ErrInvalidStatus         = errors.New("invalid status")          // of [ParseStatus]
	ErrInvalidTime           = errors.New("invalid time")            // of [ParseTime]
	ErrInvalidTransactionID  = errors.New("invalid transaction id")  // of [ParseTransactionID]
	ErrInvalidType           = errors.New("invalid type")            // of [ParseType]
	ErrInvalidUserID         = errors.New("invalid user id")         // of [ParseUserID]
)

// InvalidError has the reason for rejecting a value, in words for the person who
// sent it. It unwraps to the error of its parser, such as [ErrInvalidAmount].
type InvalidError struct {
	Err    error
	Reason string // completes a sentence that begins with the field's name: "must be …"
}

// Error returns both parts.
func (e *InvalidError) Error() string { return e.Err.Error() + ": " + e.Reason }

// Unwrap returns Err.
func (e *InvalidError) Unwrap() error { return e.Err }

// DeclinedError has a declined transaction, which is stored. It unwraps to
// [ErrInsufficientFunds] if the first entry that did not fit is a debit, to
// [ErrBalanceLimit] if it is a credit, and to [ErrAccountBlocked] if its account
// blocked it. A declined change of rules unwraps to [ErrCreditInUse] if it lowers the
// limit, and to [ErrBalanceLimit] if it raises it.
type DeclinedError struct{ Result Result }

// Error names the transaction and the balance that declined it.
func (e *DeclinedError) Error() string {
	t, entry := e.Result.Transaction, e.Entry()
	if t.Rules != nil {
		return fmt.Sprintf("change of rules %s: %v: limit %s on a balance of %s", t.ID, e.Unwrap(), t.Rules.CreditLimit, t.BalanceSeen)
	}
	return fmt.Sprintf("transaction %s: %v: %s of %s on a balance of %s", t.ID, e.Unwrap(), entry.Type, entry.Amount, t.BalanceSeen)
}

// Entry returns the first entry that did not fit. That of a change of rules has only
// the user.
func (e *DeclinedError) Entry() Entry {
	t := e.Result.Transaction
	return t.AllEntries()[t.DeclinedEntry]
}

// Unwrap returns the reason, or nil for a type that can't be declined.
func (e *DeclinedError) Unwrap() error {
	switch t := e.Result.Transaction; {
	case t.DeclinedByBlock:
		return ErrAccountBlocked
	case t.Rules != nil && t.Rules.Lent().IsNegative():
		return ErrCreditInUse
	case t.Rules != nil:
		return ErrBalanceLimit
	}
	switch e.Entry().Type {
	case Credit:
		return ErrBalanceLimit
	case Debit:
		return ErrInsufficientFunds
	default:
		return nil
	}
}

// KeyReusedError names the differences from the first request with the key. It
// unwraps to [ErrKeyReused]. Single entries are compared by type and amount,
// several as a whole.
type KeyReusedError struct {
	TypeDiffers, AmountDiffers bool
	EntriesDiffer              bool
	MetadataDiffers            bool
	ExpiresInDiffers           bool
	RefundOfDiffers            bool

	// Of changes of rules.
	DebitsDiffer, CreditsDiffer, CreditLimitDiffers bool
}

// Error returns the text of [ErrKeyReused].
func (e *KeyReusedError) Error() string { return ErrKeyReused.Error() }

// Unwrap returns [ErrKeyReused].
func (e *KeyReusedError) Unwrap() error { return ErrKeyReused }

// HoldEndedError has the stored end of a hold, which is not the requested one. It
// unwraps to [ErrHoldEnded].
type HoldEndedError struct{ End Transaction }

// Error names the transaction and its end.
func (e *HoldEndedError) Error() string {
	return fmt.Sprintf("transaction %s: %v: %s of %s", e.End.TransactionID, ErrHoldEnded, e.End.End, e.End.Amount)
}

// Unwrap returns [ErrHoldEnded].
func (e *HoldEndedError) Unwrap() error { return ErrHoldEnded }

// ReceiverLimitError means that a capture would lift the receiver's balance above
// [MaxBalance]. Nothing is stored, and the hold stays open. It unwraps to
// [ErrBalanceLimit].
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

// NotRefundableError has a transaction that can't be refunded, as it stands. It
// unwraps to [ErrNotRefundable].
type NotRefundableError struct{ Transaction Transaction }

// Error names the transaction and its status.
func (e *NotRefundableError) Error() string {
	return fmt.Sprintf("transaction %s: %v: it is %s", e.Transaction.ID, ErrNotRefundable, e.Transaction.Status)
}

// Unwrap returns [ErrNotRefundable].
func (e *NotRefundableError) Unwrap() error { return ErrNotRefundable }

// RefundLimitError means that less is left of an entry than a refund asks for. It
// unwraps to [ErrRefundLimit].
type RefundLimitError struct {
	Of         Original
	Entry      int // the place in Of of the first such entry
	Refundable Sum // what is left of it, zero or more
}

// Error names the transaction and the entry.
func (e *RefundLimitError) Error() string {
	return fmt.Sprintf("transaction %s: %v: %s is left of entry %d", e.Of.ID, ErrRefundLimit, e.Refundable, e.Entry)
}

// Unwrap returns [ErrRefundLimit].
func (e *RefundLimitError) Unwrap() error { return ErrRefundLimit }

// ReceiverBlockedError means that the receiver of a capture blocks credits. Nothing is
// stored, and the hold stays open. It unwraps to [ErrAccountBlocked].
type ReceiverBlockedError struct{ UserID UserID }

// Error names the receiver.
func (e *ReceiverBlockedError) Error() string {
	return fmt.Sprintf("%v: %s receives no credits", ErrAccountBlocked, e.UserID)
}

// Unwrap returns [ErrAccountBlocked].
func (e *ReceiverBlockedError) Unwrap() error { return ErrAccountBlocked }

// RecordedError is the error of a [Store] for an id that is taken.
type RecordedError struct{ Recorded Transaction }

// Error names the transaction.
func (e *RecordedError) Error() string {
	return fmt.Sprintf("transaction %s is recorded already", e.Recorded.ID)
}

// RefusedError is the error of a [Store] for a posting that accounts do not allow:
// a balance is outside a move's range, a hold to end is not open, too many are open,
// an account blocks an entry, or its rules were changed meanwhile.
type RefusedError struct {
	// Accounts are accounts that do not allow their moves, and perhaps not all of
	// them, as they were at the refusal or at a later read.
	Accounts map[UserID]Account

	// ReadLater means that some accounts were read later. They may allow their
	// moves by then. Together the accounts need not show any one moment.
	ReadLater bool

	// Refunds is the refund account, if it does not allow the refund. Then the
	// balances do not matter: what is left to refund never grows.
	Refunds *Refunds

	// Unknown means that an attempt of this write has an unknown outcome: it may
	// still be applied. Then no answer may be given that is not stored.
	Unknown bool
}

// Error names the balances.
func (e *RefusedError) Error() string {
	var balances []string
	for user, account := range e.Accounts {
		balances = append(balances, fmt.Sprintf("%s has %s and %d holds", user, account.Balance, len(account.Holds)))
	}
	slices.Sort(balances)
	if e.Refunds != nil {
		balances = append(balances, fmt.Sprintf("%d refunds were posted", e.Refunds.Count))
	}
	return "not allowed: " + strings.Join(balances, ", ")
}
