// Package cli runs the commands under infra, parses their flags and shows their progress.
//
// An unknown flag, an unexpected argument or an empty value ends a command with status 2
// before it does anything. -h prints the usage. SIGINT and SIGTERM cancel the command's
// context, and a second signal ends the process at once. After a failure, the command
// prints one sentence on standard error and exits with status 1.
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

// All commands use these exit statuses. An [ExitError] can have others.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
)

// ExitError ends a command with its own status. Main prints Err unless it is nil.
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

// Usagef returns an error for a wrong command line. It ends the command with status 2.
func Usagef(format string, args ...any) error {
	return &ExitError{Status: statusUsage, Err: fmt.Errorf(format, args...)}
}

// Main runs a command and exits the process. It cancels the context on SIGINT, on SIGTERM,
// and when the "go run" that started the process has ended.
func Main(name string, run func(ctx context.Context, args []string, out, log io.Writer) error) {
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, end) // so that a second signal ends the process
	go awaitGoRun(end)
	os.Exit(finish(ctx, name, os.Stderr, run(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

// awaitGoRun calls end when the "go run" that started this program has ended. Otherwise a
// SIGTERM would end only "go run", and the program and its database would keep running.
func awaitGoRun(end func()) {
	if program, err := os.Executable(); err != nil || !strings.Contains(program, "go-build") {
		return
	}
	for parent := os.Getppid(); os.Getppid() == parent; {
		time.Sleep(200 * time.Millisecond)
	}
	end()
}

// finish prints a command's error, if any, and returns the command's exit status.
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
