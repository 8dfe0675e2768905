package ledger

import "context"

// Store keeps a ledger's rows and balances. It is safe for concurrent use by any number of
// processes.
//
// When a method returns, everything that it wrote or read is durable. The Store retries by
// itself and counts the retries in the context's [Trace]. Any method may fail with
// [ErrTryAgain] if contention, throttling or faults last until its attempts or the context
// run out. A method sends no attempt after the context has ended, and gives up at most one
// second before that. Any error not named here is a defect.
//
// A posting has at most [MaxItems] rows and moves together, which is DynamoDB's limit for a
// write. A user has at most [MaxHolds] open holds, so that an account's row stays below 1
// KB, DynamoDB's billing unit, unless the user's id is long.
type Store interface {
	// Settings returns the store's settings. All other methods fail if the tables were
	// created with different settings.
	Settings() Settings

	// Post stores the rows of p, applies its moves and counts its refund in one atomic
	// write, which is serializable with all others. Users without a stored balance start
	// from the opening balance.
	//
	// If nothing is written, the error is a
	//   - *[RecordedError] if the first row's id is taken, even if the balances do not
	//     allow p;
	//   - *[RefusedError] with the original's [Refunds] if they do not allow the refund, or
	//     else with at least one account that does not allow its move. The error also
	//     reports whether an attempt may still be applied because it got no answer or a
	//     server fault.
	//
	// After an ErrTryAgain, p may or may not be posted. Only sending the same call again
	// shows which. Contention is never reported as a RefusedError.
	Post(ctx context.Context, p Posting) error

	// Decline stores t, the first row of a declined transaction. If its id is taken,
	// Decline writes nothing and the error is a *[RecordedError].
	Decline(ctx context.Context, t Transaction) error

	// Account returns the user's account, strongly consistent. Before the user's first
	// posted transaction it has the opening balance and no holds.
	Account(ctx context.Context, user UserID) (Account, error)

	// Transaction returns the row with that id, strongly consistent, or [ErrNotFound].
	Transaction(ctx context.Context, id TransactionID) (Transaction, error)

	// Refunds returns the running total of a transaction's refunds, strongly consistent. It
	// is empty before the first refund.
	Refunds(ctx context.Context, of TransactionID) (Refunds, error)

	// History returns at most limit of the user's rows after the cursor, and the next
	// page's cursor. Rows are newest first, the reverse of [SortRows]; limit is from 1 to
	// [MaxPage]. Rows with the same time can be on different pages, but each row is on
	// exactly one page. History can lag behind the other methods by a moment.
	History(ctx context.Context, user UserID, after Cursor, limit int) (Page, error)
}

// Trace collects data about one call for its log line. It travels in the call's context,
// like the trace of net/http/httptrace. Each call has its own; it is not safe for
// concurrent use.
type Trace struct {
	Retries int // how many times the [Store] repeated a read or write
}

type traceKey struct{}

// WithTrace returns a copy of ctx that contains t. A [Store] that gets this copy updates t.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the Trace in ctx, or a new one if there is none.
func TraceOf(ctx context.Context) *Trace {
	if t, ok := ctx.Value(traceKey{}).(*Trace); ok {
		return t
	}
	return new(Trace)
}
