package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// callLog returns a writer that shortens each call's line if log is a terminal. Otherwise
// it returns log.
func callLog(log io.Writer) io.Writer {
	if f, ok := log.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return callLines{log}
		}
	}
	return log
}

// callLines is a writer that turns each call's JSON line into a short, readable one.
type callLines struct{ out io.Writer }

// Write writes one line. It leaves lines that are not about a call unchanged.
func (l callLines) Write(line []byte) (int, error) {
	var call struct {
		Timestamp time.Time
		Route     string
		Status    int
		User      string
		Outcome   string
		Cause     string
		Latency   float64 // in milliseconds
		Retries   int
	}
	if err := json.Unmarshal(line, &call); err != nil || call.Status == 0 {
		return l.out.Write(line)
	}
	text := fmt.Sprintf("%s  %d  %-24s %-9s %4.0f ms", call.Timestamp.Local().Format(time.TimeOnly), call.Status, cmp.Or(call.Route, "(no route)"), call.Outcome, call.Latency)
	if call.User != "" {
		text += fmt.Sprintf("  user %q", call.User)
	}
	if call.Retries > 0 {
		text += fmt.Sprintf("  after %d retries", call.Retries)
	}
	if call.Cause != "" {
		text += "\n          " + call.Cause
	}
	_, err := fmt.Fprintln(l.out, text)
	return len(line), err
}
