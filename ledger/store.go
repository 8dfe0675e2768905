package ledger

import "context"

// Store keeps the rows and the balances of a ledger. It is safe for concurrent
// use, by any number of processes.
//
// What a method has written or read when it returns is durable. Every method may
// fail with an error that unwraps to [ErrTryAgain]: the Store, which does the
// retrying, met contention, throttling or faults until its attempts or the
// context ran out. It counts its retries in the context's [Trace]. Any error that
// is not named here is a defect.
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
	// find out. Contention is never reported as an OutOfRangeError.
	Post(ctx context.Context, t Transaction) error

	// Decline records t as declined. If a transaction with t's id is there
	// already, nothing is written and the error is a *[RecordedError].
	Decline(ctx context.Context, t Transaction) error

	// Balance returns the user's balance, strongly consistent: OpeningBalance
	// if no transaction of the user has been posted.
	Balance(ctx context.Context, user UserID) (Balance, error)

	// Transaction returns the transaction with that id, strongly consistent,
	// or [ErrNotFound].
	Transaction(ctx context.Context, id TransactionID) (Transaction, error)

	// History returns at most limit transactions of the user after the cursor,
	// newest first, and whether there are more after them; limit is from 1 to
	// [MaxPage]. It may lag behind the other methods by a moment.
	History(ctx context.Context, user UserID, after Cursor, limit int) (page []Transaction, more bool, err error)
}
