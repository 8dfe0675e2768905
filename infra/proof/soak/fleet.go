package main

import (
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest/runtimeapi"
)

// fleet is running processes of the function, over the same books.
type fleet struct {
	binary string
	env    []string

	mu        sync.Mutex
	functions []*runtimeapi.Function
}

// start builds the function and starts processes of it. They end with t.
func (f *fleet) start(t testing.TB, env []string, processes int) {
	dir, err := os.MkdirTemp("", "soak")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	f.binary, err = runtimeapi.Build(t.Context(), dir)
	require.NoError(t, err)
	f.env = env
	for range processes {
		function, err := runtimeapi.Start(f.binary, f.env, io.Discard)
		require.NoError(t, err)
		f.functions = append(f.functions, function)
	}
	t.Cleanup(func() {
		for _, function := range f.functions {
			function.Kill()
		}
	})
}

// any is one of the processes.
func (f *fleet) any() *runtimeapi.Function {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.functions[rand.IntN(len(f.functions))]
}

// crash kills a process and starts another in its place.
func (f *fleet) crash(i int) error {
	f.functions[i].Kill()
	function, err := runtimeapi.Start(f.binary, f.env, io.Discard)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.functions[i] = function
	return nil
}
