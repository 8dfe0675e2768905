package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// The exit statuses. What is wrong counts for more than what is not known.
const (
	exitRight      = 0 // every balance is what its history says
	exitWrong      = 1 // something is not as it must be
	exitUsage      = 2 // a flag or the environment is wrong; nothing was read
	exitUnsettled  = 3 // nothing wrong was found; some users moved all the time
	exitUnfinished = 4 // nothing wrong was found; not everything could be read
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run writes what was asked for to out, and everything else to log.
func run(ctx context.Context, args []string, getenv func(string) string, out, log io.Writer) (status int) {
	o, err := parseOptions(args, log)
	if errors.Is(err, flag.ErrHelp) {
		return exitRight
	}
	var config infra.Config
	if err == nil {
		config, err = infra.ConfigFromEnv(getenv)
	}
	if err != nil {
		fmt.Fprintln(log, "audit:", err)
		return exitUsage
	}
	b := &books{infra.NewClient(config, patient), config, &pace{unitsPerSecond: o.unitsPerSecond}, o.segments}
	if o.user != (ledger.UserID{}) {
		err = b.statement(ctx, o.user, o.asCSV, out)
	} else {
		status, err = auditAll(ctx, b, o, out, log)
	}
	if err != nil {
		fmt.Fprintln(log, "audit:", err)
		return cmp.Or(status, exitUnfinished)
	}
	return status
}

// auditAll writes the report, whether or not the audit could finish. Its error
// is that of writing.
func auditAll(ctx context.Context, b *books, o options, out, log io.Writer) (status int, err error) {
	progress, stop := showProgress(log)
	found := (&audit{books: b, settle: o.settle, progress: progress}).run(ctx)
	stop()
	switch {
	case o.asJSON:
		err = found.writeJSON(out)
	case o.asEMF:
		err = errors.Join(found.writeText(log), found.writeMetrics(out, time.Now()))
	default:
		err = found.writeText(out)
	}
	return found.status(), err
}
