package ledger

import "context"

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
