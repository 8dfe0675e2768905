package handler

import (
	"log/slog"
	"net/http"
	"time"
)

// The outcomes of a call, as its log line tells them.
const (
	read     = "read"
	posted   = "posted"
	declined = "declined"
	replayed = "replayed" // of a posted or a declined one
	reused   = "reused"
	refused  = "refused"
	tryAgain = "try again"
	failed   = "failed"
)

// logCall writes the one line of a call, which holds its metrics too. It never
// holds a body. Only a call that failed, or has to be tried again, tells its
// cause.
func (h *Handler) logCall(c *call, a answer, err error, took time.Duration) {
	now := time.Now()
	line := []slog.Attr{
		slog.String("route", c.route),
		slog.Int("status", a.status),
		slog.String("request_id", c.requestID),
		slog.String("user", c.user.String()),
		slog.String("transaction", c.transaction),
		slog.String("outcome", a.outcome),
		slog.Int(counters[a.outcome], 1),
		slog.Int(retries, c.trace.Retries),
		slog.Float64(latency, float64(took.Microseconds())/1000),
		slog.Any("_aws", newMetadata(c, a.outcome, now)),
	}
	level := slog.LevelInfo
	if a.status >= http.StatusInternalServerError {
		line = append(line, slog.String("cause", err.Error()))
		level = slog.LevelError
		if a.outcome == tryAgain {
			level = slog.LevelWarn
		}
	}
	if out := h.log.Handler(); out.Enabled(c.Context(), level) {
		record := slog.NewRecord(now, level, "request", 0) // a Logger would look up where in the code this is
		record.AddAttrs(line...)
		_ = out.Handle(c.Context(), record)
	}
}
