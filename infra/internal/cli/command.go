// Package cli is what the commands under infra share: their main function, and
// what they show to a person who watches.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main runs a command to its end, which SIGINT and SIGTERM bring by way of its
// context. An error ends the process with status 1, told after what failed.
func Main(failed string, run func(ctx context.Context, args []string, out, log io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", failed, err)
		os.Exit(1)
	}
}
