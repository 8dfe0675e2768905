package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"onewrite/infra/internal/cli"
)

// reportWithin is the invocation time left for the report when the audit ends: Lambda keeps nothing
// if a function times out.
const reportWithin = 10 * time.Second

var errTimeIsUp = errors.New("the time that Lambda gives to an invocation is up; read faster (-rate), or audit elsewhere")

// invoke runs one invocation as a Lambda function, with the flags in AUDIT_FLAGS, separated by
// spaces. The function fails if it was called wrongly or could not report, and not because of what
// it reports.
func invoke(ctx context.Context, getenv func(string) string, out, log io.Writer) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-reportWithin), errTimeIsUp)
		defer cancel()
	}
	err := run(ctx, strings.Fields(getenv("AUDIT_FLAGS")), getenv, out, log)
	if exit, ok := errors.AsType[*cli.ExitError](err); ok && exit.Err == nil {
		return nil
	}
	return err
}
