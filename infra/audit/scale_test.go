package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// BenchmarkAudit runs the built command on large books while callers post, and reports its memory
// and the rows posted and read.
func BenchmarkAudit(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "audit")
	output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(b, err, "%s", output)
	for _, c := range []struct{ transactions, users int }{
		{20_000, 200},
		{100_000, 1_000},
	} {
		b.Run(fmt.Sprintf("%d-transactions-of-%d-users", c.transactions, c.users), func(b *testing.B) {
			books := infratest.New(b)
			amounts := slices.Repeat([]string{"12.34"}, c.transactions/c.users)
			for user := range c.users {
				books.Credit(b, fmt.Sprint("user-", user), amounts...)
			}
			posted, stop := keepPosting(b, books, c.users)
			for b.Loop() {
				command := exec.Command(binary, "-json")
				command.Env = books.Env()
				output, err := command.Output()
				require.NoError(b, err, "%s", output)
				var found report
				require.NoError(b, json.Unmarshal(output, &found))
				assert.Equal(b, c.users, found.Users)
				assert.GreaterOrEqual(b, found.Transactions, c.transactions)
				assert.Positive(b, posted.Load())
				b.ReportMetric(float64(posted.Load()), "posted-meanwhile")
				b.ReportMetric(float64(command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MB-at-most")
				b.ReportMetric(command.ProcessState.UserTime().Seconds(), "s-of-CPU")
			}
			stop()
		})
	}
}

// keepPosting credits and debits random users, four at once, until stop is called, and counts. It
// waits for every posting: an abandoned one may still be applied.
func keepPosting(b *testing.B, books *infratest.Books, users int) (posted *atomic.Int64, stop func()) {
	var callers sync.WaitGroup
	var stopped atomic.Bool
	posted = new(atomic.Int64)
	for caller := range 4 {
		callers.Go(func() {
			for i := 0; !stopped.Load(); i++ {
				kind := []ledger.Type{ledger.Credit, ledger.Debit}[i%2]
				r := infratest.Request(b, fmt.Sprint("user-", rand.N(users)), fmt.Sprint("live-", caller, "-", i), kind, "0.5")
				_, err := books.Ledger.Post(context.WithoutCancel(b.Context()), r)
				assert.NoError(b, err)
				posted.Add(1)
			}
		})
	}
	return posted, func() { stopped.Store(true); callers.Wait() }
}
