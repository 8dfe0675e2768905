package handler

import (
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
// cause. The first three members are named as Lambda looks for them.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
func (h *Handler) logCall(c *call, a answer, err error, took time.Duration) {
	level, cause := "INFO", ""
	if a.status >= http.StatusInternalServerError {
		level, cause = "ERROR", err.Error()
		if a.outcome == tryAgain {
			level = "WARN"
		}
	}
	now := time.Now()
	l := make(object, 0, lineSize).
		text("timestamp", now.Format(time.RFC3339Nano)).
		text("level", level).
		text("message", "request").
		text("route", c.route).
		number("status", a.status).
		text("request_id", c.requestID).
		text("user", c.user.String()).
		text("transaction", c.transaction).
		text("outcome", a.outcome).
		metrics(c, a.outcome, took, now)
	if cause != "" {
		l = l.text("cause", cause)
	}
	_, _ = h.log.Write(append(l.end(), '\n')) // no one is left to tell
}

// lineSize is more than a line has, as a rule.
const lineSize = 640
