package handler

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// NewLogger returns a logger that writes JSON lines in Lambda's format, with the time in
// "timestamp" and the message in "message". Every line has the service and its version, so
// that CloudWatch can count metrics by them. Both must be non-empty.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
func NewLogger(w io.Writer, service, version string) *slog.Logger {
	lines := slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})
	return slog.New(lines).With(slog.String(serviceMember, service), slog.String(versionMember, version))
}

// outcome is the result of a call, as its log line names it.
type outcome string

const (
	outcomeRead     outcome = "read"
	outcomePosted   outcome = "posted"
	outcomeDeclined outcome = "declined"
	outcomeReplayed outcome = "replayed" // posted or declined by an earlier call
	outcomeReused   outcome = "reused"
	outcomeRejected outcome = "rejected"
	outcomeTryAgain outcome = "try_again"
	outcomeFailed   outcome = "failed"
)

// logCall writes the one log line of a call, with its metrics. The line never contains a
// body. It contains err only if the call failed or must be tried again.
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
