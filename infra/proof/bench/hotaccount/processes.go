package main

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

const (
	environments = 16 // of Lambda, one process each

	// lockedPerSecond is what a design that locks the user, three requests a
	// posting, posted in the same setting.
	lockedPerSecond = 70
)

// processes measures the built function on one user, on DynamoDB Local as it is.
func processes(t testing.TB, lasting time.Duration, out, log io.Writer) {
	dir, err := os.MkdirTemp("", "hotaccount")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary, err := runtimeapi.Build(t.Context(), dir)
	require.NoError(t, err)

	books := infratest.New(t)
	doors := make([]door, environments)
	for i := range doors {
		function, err := runtimeapi.Start(binary, books.Env(), io.Discard)
		require.NoError(t, err)
		t.Cleanup(function.Kill)
		doors[i] = function.Invoke
	}
	fmt.Fprintf(log, "%d processes; %v to go\n", environments, lasting)
	f, err := measure(t.Context(), doors, lasting, 0)
	require.NoError(t, err)
	fmt.Fprintf(out, "\n%d processes without a hold: %.0f posted/s, %.1f times the %d of a design with a lock; p50 %d ms, p99 %d ms; %d answered 503\n",
		environments, f.perSecond(), f.perSecond()/lockedPerSecond, lockedPerSecond,
		f.quantile(0.5).Milliseconds(), f.quantile(0.99).Milliseconds(), f.unavailable)
}
