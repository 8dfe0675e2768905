package ledger

import "context"

// Trace collects what a call took, for the log. It is not safe for concurrent
// use: one call has one.
type Trace struct {
	Retries int // writes and reads that the Store had to send again
}

type traceKey struct{}

// WithTrace gives the [Store] calls under ctx a Trace to fill.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf is the Trace of ctx, or one that nobody reads.
func TraceOf(ctx context.Context) *Trace {
	if t, ok := ctx.Value(traceKey{}).(*Trace); ok {
		return t
	}
	return new(Trace)
}
