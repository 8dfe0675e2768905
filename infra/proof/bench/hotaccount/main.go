// Command hotaccount measures what the callers of one user do to each other,
// on this machine.
//
//	go run ./infra/proof/bench/hotaccount [-for 10s]
//
// DynamoDB lets one transaction at a time write an item and refuses the others
// with a conflict. DynamoDB Local has no conflicts, so they are made by
// [faults.Contention] between it and the function's own client: a write holds
// its items for 5, 10 or 20 ms. Each row is one such time, a number of callers
// who post as fast as they are answered (or pause), and what became of them.
// Then the built function runs as 16 processes on DynamoDB Local as it is.
//
// It ends with status 1 if the books are wrong afterwards.
package main

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/cli"
)

func main() { cli.Main("hotaccount", run) }

// run writes the table to out, and how far it is to log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := cli.NewFlags("hotaccount", "", "Measures what the callers of one user do to each other.")
	lasting := flags.Duration("for", 10*time.Second, "measure each row for this `time`")
	if err := flags.Parse(args, out); err != nil {
		return err
	}
	return infratest.Command(ctx, log, func(t testing.TB) {
		table(t, settings(*lasting), out, log)
		processes(t, *lasting, out, log)
	})
}

// settings are the rows.
func settings(lasting time.Duration) (all []setting) {
	for _, hold := range []time.Duration{5, 10, 20} {
		for _, callers := range []int{1, 2, 4, 8, 16, 32, 64} {
			all = append(all, setting{hold * time.Millisecond, callers, 0, lasting})
		}
		all = append(all, setting{hold * time.Millisecond, 2, 100 * time.Millisecond, lasting})
	}
	return all
}

// table measures each row on books of its own.
func table(t testing.TB, rows []setting, out, log io.Writer) {
	fmt.Fprintln(out, "| hold ms | callers | posted/s | of 1/hold | attempts a posting | p50 ms | p99 ms | max ms | 503 |")
	fmt.Fprintln(out, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for i, s := range rows {
		fmt.Fprintf(log, "%2d of %d rows; %v to go\n", i, len(rows), time.Duration(len(rows)-i)*s.lasting)
		f, attempts, err := contended(t.Context(), infratest.New(t).Config, s)
		require.NoError(t, err)
		require.NoError(t, t.Context().Err())
		fmt.Fprintln(out, row(s, f, attempts))
	}
}

// row is a line of the table.
func row(s setting, f figures, attempts int) string {
	callers := fmt.Sprint(s.callers)
	if s.pause > 0 {
		callers += fmt.Sprintf(", pausing %v", s.pause)
	}
	return fmt.Sprintf("| %d | %s | %.0f | %.0f %% | %.1f | %d | %d | %d | %d |",
		s.hold.Milliseconds(), callers, f.perSecond(), 100*f.perSecond()*s.hold.Seconds(),
		float64(attempts)/float64(len(f.took)),
		f.quantile(0.5).Milliseconds(), f.quantile(0.99).Milliseconds(), f.quantile(1).Milliseconds(), f.unavailable)
}
