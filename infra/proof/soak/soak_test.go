// Package soak runs several processes of the built function on the same tables, over a network
// with faults. Callers retry each call until it is answered. TestCrash kills processes, and
// TestSoak checks their memory. A call that is repeated must get the same answer, and at the end
// the books must be right.
package soak

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
)

func TestMain(m *testing.M) { infratest.Main(m) }

var (
	kills   = flag.Int("kills", 20, "how many processes TestCrash kills")
	lasting = flag.Duration("lasting", 2*time.Second, "how long TestSoak lasts")
)

// Answers and books stay right while processes are killed at random moments.
func TestCrash(t *testing.T) {
	t.Parallel()
	const (
		mostAnswers = 20                    // the next kill comes after fewer answers than this, from all processes
		moment      = 10 * time.Millisecond // and after a delay below this, which is longer than most calls take
	)
	tr := newTraffic(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var crashes sync.WaitGroup
	crashes.Go(func() {
		defer stop()
		for i := range *kills {
			for due := tr.answered.Load() + rand.Int64N(mostAnswers); tr.answered.Load() < due; {
				if ctx.Err() != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
			time.Sleep(rand.N(moment))
			tr.crash(i % processes)
		}
	})
	tr.run(ctx)
	stop()
	crashes.Wait()
	tr.settle()
	t.Logf("%d kills; %s", *kills, tr)
	assert.Positive(t, tr.cut.Load(), "calls cut off")
}

// Processes neither die nor leak memory or files.
func TestSoak(t *testing.T) {
	t.Parallel()
	tr := newTraffic(t)
	ctx, stop := context.WithTimeout(t.Context(), *lasting)
	defer stop()
	tr.run(ctx)
	kB, files := 0, 0
	for i := range tr.functions {
		moreKB, moreFiles := resources(t, tr.functions[i].Load().PID())
		kB, files = max(kB, moreKB), max(files, moreFiles)
	}
	tr.settle()
	t.Logf("at most %d kB and %d open files; %s", kB, files, tr)
	assert.Less(t, kB, 32<<10, "kB of the largest process")
	assert.Less(t, files, 20, "its open files")
	assert.Zero(t, tr.cut.Load(), "calls cut off: a process died")
}

// resources returns a process's resident memory and the number of its open files, sockets
// included. See proc(5).
func resources(t *testing.T, pid int) (kB, files int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err, "a process has ended")
	_, resident, _ := strings.Cut(string(status), "VmRSS:")
	_, err = fmt.Sscan(resident, &kB)
	require.NoError(t, err)
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	require.NoError(t, err)
	return kB, len(open)
}
