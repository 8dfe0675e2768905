package ledger

import "context"

// Store keeps the rows and the balances of a ledger. It is safe for concurrent
// use, by any number of processes.
//
// What a method has written or read when it returns is durable. Every method may
// fail with an error that unwraps to [ErrTryAgain]: the Store, which does the
// retrying, met contention, throttling or faults until its attempts or the
// context ran out. It sends no attempt after the end of the context, and gives up
// for lack of time at most a second before. It counts its retries in the context's
// [Trace]. Any error that is not named here is a defect.
//
// A posting has at most [MaxItems] rows and moves together, as many as one write of
// DynamoDB takes. A user has at most [MaxHolds] open holds, so that an account is a
// row of less than 1 KB, the unit that DynamoDB charges for, unless the user's id is
// long.
type Store interface {
	// Settings returns the settings that the store's tables were begun with. Every
	// other method fails where the tables have others.
	Settings() Settings

	// Post records the rows of p and makes its moves, of users who
	// have no balance yet from the opening balance, in one atomic write that is
	// serializable against all others: all of it happens or nothing does.
	//
	// Nothing is written, and the error is a
	//   - *[RecordedError] if a transaction with the first row's id is there
	//     already, whatever the balances;
	//   - *[RefusedError] with at least one of the accounts that do not
	//     allow their moves. It says whether an attempt of this Post may still
	//     be applied: one without an answer, or with the answer that DynamoDB
	//     itself failed.
	//
	// After an ErrTryAgain p is posted or not; only the same call again can
	// find out. Contention is never reported as a RefusedError.
	Post(ctx context.Context, p Posting) error

	// Decline records t, a first row, as declined. If a transaction with t's id
	// is there already, nothing is written and the error is a *[RecordedError].
	Decline(ctx context.Context, t Transaction) error

	// Account returns the user's account, strongly consistent: the opening balance
	// and no holds if no transaction of the user has been posted.
	Account(ctx context.Context, user UserID) (Account, error)

	// Transaction returns the row with that id, strongly consistent, or
	// [ErrNotFound].
	Transaction(ctx context.Context, id TransactionID) (Transaction, error)

	// History returns at most limit rows of the user after the cursor, newest
	// first, in the reverse order of [SortRows], and the cursor of the page that
	// follows; limit is from 1 to [MaxPage]. A page may end between rows of one
	// time: each row is on one page all the same. History may lag behind the
	// other methods by a moment.
	History(ctx context.Context, user UserID, after Cursor, limit int) (Page, error)
}
