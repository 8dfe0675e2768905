package ledger

import (
	"errors"
	"fmt"
)

var (
	// ErrInsufficientFunds is a debit beyond the balance.
	ErrInsufficientFunds = errors.New("insufficient funds")

	// ErrBalanceLimit is a credit that would lift the balance over [MaxBalance].
	ErrBalanceLimit = errors.New("balance limit")

	// ErrKeyReused is a key that came with another type or amount before.
	ErrKeyReused = errors.New("idempotency key reused")
)

// DeclinedError is a transaction that is stored as declined. It unwraps to
// [ErrInsufficientFunds] for a debit and [ErrBalanceLimit] for a credit.
type DeclinedError struct{ Result Result }

func (e *DeclinedError) Error() string {
	t := e.Result.Transaction
	return fmt.Sprintf("transaction %s: %v: %s of %s on a balance of %s", t.ID, e.Unwrap(), t.Type, t.Amount, t.BalanceSeen)
}

func (e *DeclinedError) Unwrap() error {
	if e.Result.Transaction.Type == Debit {
		return ErrInsufficientFunds
	}
	return ErrBalanceLimit
}

// KeyReusedError says what differs from the first request with the key. It
// unwraps to [ErrKeyReused].
type KeyReusedError struct{ TypeDiffers, AmountDiffers bool }

func (e *KeyReusedError) Error() string { return ErrKeyReused.Error() }

func (e *KeyReusedError) Unwrap() error { return ErrKeyReused }
