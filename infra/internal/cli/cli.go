// Package cli starts and ends the commands under infra, and has their flags and their
// progress.
//
// An unknown flag, an unknown word or an empty value ends a command with status 2
// before it does anything. -h prints the usage. SIGINT and SIGTERM end the
// command's context, and a second one ends the process at once. A failure is one
// sentence on standard error and status 1.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// All commands have these exit statuses. [ExitError] has others.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
)

// ExitError ends a command with its own status. Main prints Err, if there is one.
type ExitError struct {
	Status int
	Err    error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Status)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// Usagef returns the error for a wrong command line, which ends a command with status
// 2.
func Usagef(format string, args ...any) error {
	return &ExitError{Status: statusUsage, Err: fmt.Errorf(format, args...)}
}

// Main runs a command to its end, and ends the process. The context ends with
// SIGINT, with SIGTERM, and when the "go run" that started the process is gone.
func Main(name string, run func(ctx context.Context, args []string, out, log io.Writer) error) {
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, end) // so that a second signal ends the process
	go awaitGoRun(end)
	os.Exit(finish(ctx, name, os.Stderr, run(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

// awaitGoRun calls end when the "go run" that started this program is gone. A SIGTERM ends
// "go run" and not its program, which would live on with its database.
func awaitGoRun(end func()) {
	if program, err := os.Executable(); err != nil || !strings.Contains(program, "go-build") {
		return
	}
	for parent := os.Getppid(); os.Getppid() == parent; {
		time.Sleep(200 * time.Millisecond)
	}
	end()
}

// finish prints a command's error, if any, and returns its status.
func finish(ctx context.Context, name string, log io.Writer, err error) (status int) {
	exit, ok := errors.AsType[*ExitError](err)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return statusDone
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		status, err = statusFailed, errors.New("interrupted")
	case !ok:
		status = statusFailed
	case exit.Err == nil:
		return exit.Status
	default:
		status = exit.Status
	}
	fmt.Fprintf(log, "%s: %v\n", name, err)
	return status
}
