package handler

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// NewLogger returns a logger that writes JSON lines in Lambda's format: the time is
// "timestamp", the message "message". Every line has the service and its version, so
// that metrics can be counted by them; neither may be empty.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
func NewLogger(w io.Writer, service, version string) *slog.Logger {
	lines := slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})
	return slog.New(lines).With(slog.String(serviceMember, service), slog.String(versionMember, version))
}

// outcome is a call's outcome in its log line.
type outcome string

const (
	outcomeRead     outcome = "read"
	outcomePosted   outcome = "posted"
	outcomeDeclined outcome = "declined"
	outcomeReplayed outcome = "replayed" // posted or declined before
	outcomeReused   outcome = "reused"
	outcomeRejected outcome = "rejected"
	outcomeTryAgain outcome = "try_again"
	outcomeFailed   outcome = "failed"
)

// logCall writes a call's one line, with its metrics. The line never has a body. It
// has the cause only if the call failed or must be tried again.
func (h *Handler) logCall(c *call, a answer, err error, took time.Duration) {
	attrs := append(make([]slog.Attr, 0, 13),
		slog.String(routeMember, c.route),
		slog.Int("status", a.status),
		slog.String("request_id", c.requestID),
		slog.String("caller", c.caller.name.String()),
		slog.String("user", c.user.String()),
		slog.String("transaction", c.transaction),
		slog.String("outcome", string(a.outcome)),
	)
	attrs = append(attrs, metrics(c, a.outcome, took, time.Now())...)
	level := slog.LevelInfo
	if a.status >= http.StatusInternalServerError {
		level = slog.LevelError
		if a.outcome == outcomeTryAgain {
			level = slog.LevelWarn
		}
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	h.log.LogAttrs(context.Background(), level, "request", attrs...)
}
