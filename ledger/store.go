package ledger

import (
	"context"
	"errors"
	"fmt"
)

// Store keeps the rows and the balances of a ledger. It is safe for concurrent
// use, by any number of processes.
//
// What a method has answered is durable. Every method may fail with an error
// that unwraps to [ErrTryAgain]: the Store, which does the retrying, met
// contention, throttling or faults until its attempts or the context ran out.
// It counts its retries in the context's [Trace]. Any other error that is not
// named here is a defect.
type Store interface {
	// Post records t as posted and moves its user's balance, which is
	// OpeningBalance if the user has none yet, in one atomic write that is
	// serializable against all others: both happen or neither does.
	//
	// Nothing is written, and the error is a
	//   - *[RecordedError] if a transaction with t's id is there already,
	//     whatever the balance;
	//   - *[OutOfRangeError] if the balance after it would be below zero or
	//     above MaxBalance.
	//
	// After an ErrTryAgain t is posted or not; only the same call again can
	// tell. Contention is never told as an OutOfRangeError.
	Post(ctx context.Context, t Transaction) error

	// Decline records t as declined. If a transaction with t's id is there
	// already, nothing is written and the error is a *[RecordedError].
	Decline(ctx context.Context, t Transaction) error

	// Balance is the user's balance, strongly consistent: OpeningBalance if
	// no transaction of the user has been posted.
	Balance(ctx context.Context, user UserID) (Balance, error)

	// Transaction is the transaction with that id, strongly consistent, or
	// [ErrNotFound].
	Transaction(ctx context.Context, id TransactionID) (Transaction, error)

	// History is at most limit transactions of the user after the cursor,
	// newest first, and whether there are more. It may lag behind the
	// other methods by a moment.
	History(ctx context.Context, user UserID, after Cursor, limit int) (page []Transaction, more bool, err error)
}

var (
	// ErrNotFound is the answer to an id that no transaction has.
	ErrNotFound = errors.New("transaction not found")

	// ErrTryAgain means that the outcome is not known, or that nothing was
	// written. The same call again, with the same key, is always safe.
	ErrTryAgain = errors.New("try again")
)

// RecordedError is a [Store]'s answer to an id that is taken.
type RecordedError struct{ Recorded Transaction }

func (e *RecordedError) Error() string {
	return fmt.Sprintf("transaction %s is recorded already", e.Recorded.ID)
}

// OutOfRangeError is a [Store]'s answer to a transaction that the balance does
// not allow.
type OutOfRangeError struct{ Balance Balance }

func (e *OutOfRangeError) Error() string {
	return fmt.Sprintf("balance %s would leave its range", e.Balance)
}
