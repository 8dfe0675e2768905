package ledger

import "context"

// Trace collects what a call took, for its log line. Like the trace of
// net/http/httptrace it travels in the call's context. It is not safe for
// concurrent use: every call has its own.
type Trace struct {
	Retries int // attempts to read or write beyond the first, by the [Store]
}

type traceKey struct{}

// WithTrace returns a context under which a [Store] fills t.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the Trace of ctx, or one that nobody reads.
func TraceOf(ctx context.Context) *Trace {
	if t, ok := ctx.Value(traceKey{}).(*Trace); ok {
		return t
	}
	return new(Trace)
}
