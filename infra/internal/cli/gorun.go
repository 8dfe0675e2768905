package cli

import (
	"context"
	"os"
	"strings"
	"time"
)

// endWithGoRun ends the context when the "go run" that started this program is
// gone. A SIGTERM ends "go run" and not its program, which would live on with its
// database.
func endWithGoRun(ctx context.Context) context.Context {
	if program, err := os.Executable(); err != nil || !strings.Contains(program, "go-build") {
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	parent := os.Getppid()
	go func() {
		for ctx.Err() == nil && os.Getppid() == parent {
			time.Sleep(200 * time.Millisecond)
		}
		cancel()
	}()
	return ctx
}
