package ledger

import "context"

// Store keeps a ledger's rows and balances. It is safe for concurrent use, by any
// number of processes.
//
// When a method returns, everything that it wrote or read is durable. The Store retries
// by itself, and counts that in the context's [Trace]. Every method may fail with
// [ErrTryAgain], after contention, throttling or faults until its attempts or the context
// ran out. It sends no attempt after the context has ended, and gives up at most one
// second before. Any error without a name here is a defect.
//
// A posting has at most [MaxItems] rows and moves together, DynamoDB's limit for a
// write. A user has at most [MaxHolds] open holds, so that an account's row stays below
// 1 KB, DynamoDB's billing unit, unless the user's id is long.
type Store interface {
	// Settings returns the settings that the store's tables were begun with. Every
	// other method fails where the tables have others.
	Settings() Settings

	// Post records the rows of p, makes its moves and counts its refund in one atomic
	// write, which is serializable against all others. Users without a balance start
	// from the opening balance.
	//
	// If nothing is written, the error is a
	//   - *[RecordedError] if the first row's id is taken, whatever the balances;
	//   - *[RefusedError] with the refund account if that does not allow the refund, or
	//     else with at least one account that does not allow its move. It also reports
	//     whether an attempt by this Post may still be applied: one without an answer,
	//     or one that DynamoDB answered with a server fault.
	//
	// After an ErrTryAgain p is posted or not; only the same call again can find
	// out. Contention is never reported as a RefusedError.
	Post(ctx context.Context, p Posting) error

	// Decline records t, a first row, as declined. If t's id is taken, it writes
	// nothing and the error is a *[RecordedError].
	Decline(ctx context.Context, t Transaction) error

	// Account returns the user's account, strongly consistent: the opening balance
	// and no holds before the user's first posted transaction.
	Account(ctx context.Context, user UserID) (Account, error)

	// Transaction returns the row with that id, strongly consistent, or
	// [ErrNotFound].
	Transaction(ctx context.Context, id TransactionID) (Transaction, error)

	// Refunds returns a transaction's refund account, strongly consistent: none before
	// the first refund.
	Refunds(ctx context.Context, of TransactionID) (Refunds, error)

	// History returns at most limit of the user's rows after the cursor, newest first,
	// reversing [SortRows], and the following page's cursor; limit is from 1 to
	// [MaxPage]. A page may end between rows with one time; each row is still on
	// exactly one page. History may lag behind the other methods by a moment.
	History(ctx context.Context, user UserID, after Cursor, limit int) (Page, error)
}

// Trace collects data about a call for its log line. Like net/http/httptrace's
// trace it travels in the call's context. It is not safe for concurrent use: every
// call has its own.
type Trace struct {
	Retries int // attempts by the [Store] after the first one at a read or write
}

type traceKey struct{}

// WithTrace returns a context under which a [Store] fills t.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the Trace of ctx, or an unused one.
func TraceOf(ctx context.Context) *Trace {
	if t, ok := ctx.Value(traceKey{}).(*Trace); ok {
		return t
	}
	return new(Trace)
}
