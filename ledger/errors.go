package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Callers of [Ledger] branch on these errors. With ErrTooManyHolds and ErrRefundLimit
// nothing is stored, and the key stays unused. After ErrTryAgain it is always safe to send
// the same call again with the same key.
var (
	ErrInvalid           = errors.New("invalid value")          // a value was rejected
	ErrInsufficientFunds = errors.New("insufficient funds")     // a debit exceeds the balance
	ErrBalanceLimit      = errors.New("balance limit")          // the balance would exceed MaxBalance
	ErrAccountBlocked    = errors.New("account blocked")        // an account's rules block the entry
	ErrCreditInUse       = errors.New("credit in use")          // an account already uses more than its new credit limit
	ErrKeyReused         = errors.New("idempotency key reused") // an earlier call used the key for another transaction
	ErrTooManyHolds      = errors.New("too many holds")         // the user already has MaxHolds open holds
	ErrNotPending        = errors.New("not pending")            // the transaction to capture or void was never pending
	ErrHoldEnded         = errors.New("hold ended")             // the hold has already ended differently
	ErrNotRefundable     = errors.New("not refundable")         // the transaction is not posted, or is a refund
	ErrRefundLimit       = errors.New("refund limit")           // the refund exceeds the amount left to refund
	ErrNotFound          = errors.New("transaction not found")  // no transaction has the id
	ErrTryAgain          = errors.New("try again")              // the outcome is unknown, or nothing was written
)

// InvalidError explains to a caller why a value was rejected. All parsers and checks return
// it. It unwraps to [ErrInvalid].
type InvalidError struct {
	Kind   string // the kind of value, such as "amount"
	Reason string // the rest of a sentence that begins with the field's name: "must be …"
}

func (e *InvalidError) Error() string { return "invalid " + e.Kind + ": " + e.Reason }
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// DeclinedError reports a declined transaction, which is stored. It unwraps to
// [ErrAccountBlocked] if the account blocks the first entry that did not fit. Otherwise it
// unwraps to [ErrInsufficientFunds] for a debit and to [ErrBalanceLimit] for a credit. A
// declined rule change unwraps to [ErrCreditInUse] if it lowers the credit limit, and to
// [ErrBalanceLimit] if it raises the limit.
type DeclinedError struct{ Result Result }

func (e *DeclinedError) Error() string {
	t, entry := e.Result.Transaction, e.Entry()
	if t.Rules != nil {
		return fmt.Sprintf("change of rules %s: %v: limit %s on a balance of %s", t.ID, e.Unwrap(), t.Rules.CreditLimit, t.BalanceSeen)
	}
	return fmt.Sprintf("transaction %s: %v: %s of %s on a balance of %s", t.ID, e.Unwrap(), entry.Type, entry.Amount, t.BalanceSeen)
}

// Entry returns the first entry that did not fit. For a rule change, it has only a UserID.
func (e *DeclinedError) Entry() Entry {
	t := e.Result.Transaction
	return t.AllEntries()[t.DeclinedEntry]
}

// Unwrap returns the reason, or nil if the entry's type is unknown.
func (e *DeclinedError) Unwrap() error {
	t := e.Result.Transaction
	switch entry := e.Entry(); {
	case t.DeclinedByBlock:
		return ErrAccountBlocked
	case t.Rules != nil && t.Rules.lent().IsNegative():
		return ErrCreditInUse
	case t.Rules != nil, entry.Type == Credit:
		return ErrBalanceLimit
	case entry.Type == Debit:
		return ErrInsufficientFunds
	}
	return nil
}

// KeyReusedError reports how a request differs from the first request with its key. It
// unwraps to [ErrKeyReused]. If both requests have a single entry, types and amounts are
// compared. Otherwise the entries are compared as a whole.
type KeyReusedError struct {
	TypeDiffers, AmountDiffers bool
	EntriesDiffer              bool
	MetadataDiffers            bool
	ExpiresInDiffers           bool
	RefundOfDiffers            bool

	// These fields are set only for rule changes.
	DebitsDiffer, CreditsDiffer, CreditLimitDiffers bool
}

func (e *KeyReusedError) Error() string { return ErrKeyReused.Error() }
func (e *KeyReusedError) Unwrap() error { return ErrKeyReused }

// HoldEndedError reports that a hold has already ended in another way, or was captured for
// another amount. It contains the stored end and unwraps to [ErrHoldEnded].
type HoldEndedError struct{ End Transaction }

func (e *HoldEndedError) Error() string {
	return fmt.Sprintf("transaction %s: %v: %s of %s", e.End.TransactionID, ErrHoldEnded, e.End.End, e.End.Amount)
}

func (e *HoldEndedError) Unwrap() error { return ErrHoldEnded }

// ReceiverError reports that a capture cannot credit its receiver, because the balance
// would exceed [MaxBalance] or the account blocks credits. Nothing is stored, and the hold
// stays open.
type ReceiverError struct {
	Err     error // ErrBalanceLimit or ErrAccountBlocked; Unwrap returns it
	UserID  UserID
	Balance Balance
}

func (e *ReceiverError) Error() string {
	if errors.Is(e.Err, ErrAccountBlocked) {
		return fmt.Sprintf("%v: %s receives no credits", e.Err, e.UserID)
	}
	return fmt.Sprintf("%v: the balance of %s is %s", e.Err, e.UserID, e.Balance)
}

func (e *ReceiverError) Unwrap() error { return e.Err }

// NotRefundableError reports a transaction that cannot be refunded, because it is not
// posted or is a refund itself. It unwraps to [ErrNotRefundable].
type NotRefundableError struct{ Transaction Transaction }

func (e *NotRefundableError) Error() string {
	return fmt.Sprintf("transaction %s: %v: it is %s", e.Transaction.ID, ErrNotRefundable, e.Transaction.Status)
}

func (e *NotRefundableError) Unwrap() error { return ErrNotRefundable }

// RefundLimitError reports the first entry for which a refund exceeds the amount left to
// refund. It unwraps to [ErrRefundLimit].
type RefundLimitError struct {
	Of         Original
	Entry      int // the entry's place in Of.Entries
	Refundable Sum // the amount left to refund, zero or more
}

func (e *RefundLimitError) Error() string {
	return fmt.Sprintf("transaction %s: %v: %s is left of entry %d", e.Of.ID, ErrRefundLimit, e.Refundable, e.Entry)
}

func (e *RefundLimitError) Unwrap() error { return ErrRefundLimit }

// RecordedError is the error that a [Store] returns if a row with the same id is already
// stored. It contains that row.
type RecordedError struct{ Recorded Transaction }

func (e *RecordedError) Error() string {
	return fmt.Sprintf("transaction %s is recorded already", e.Recorded.ID)
}

// RefusedError is the error that a [Store] returns if a posting is not allowed: a balance
// is outside a move's range, a hold to end is not open, too many holds are open, an account
// blocks an entry, a rule change is outdated, or too little is left to refund.
type RefusedError struct {
	// Accounts contains accounts that did not allow their moves, as they were at the
	// refusal or at a later read. Some such accounts may be missing.
	Accounts map[UserID]Account

	// ReadLater means that some accounts were read after the refusal. By then they may
	// allow their moves, and they may have been read at different moments.
	ReadLater bool

	// Refunds is the total of earlier refunds if too little is left to refund, else nil. If
	// it is set, balances do not matter, because the amount left to refund never grows.
	Refunds *Refunds

	// Unknown means that DynamoDB may still apply an earlier attempt at this write. If so,
	// the ledger must not give an answer that it does not store.
	Unknown bool
}

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
