package soak

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"onewrite/infra/infratest/runtimeapi"
)

// fleet is the function's running processes, over the same books.
type fleet struct {
	dir    string // the binary's
	binary string
	env    []string

	mu        sync.Mutex
	functions []*runtimeapi.Function
}

// startFleet builds the function and starts processes, until close.
func startFleet(ctx context.Context, env []string, processes int) (_ *fleet, err error) {
	f := &fleet{env: env}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.dir, err = os.MkdirTemp("", "soak"); err != nil {
		return nil, err
	}
	f.binary = filepath.Join(f.dir, "bootstrap")
	if err = runtimeapi.Build(ctx, "onewrite", f.binary); err != nil {
		return nil, err
	}
	for range processes {
		function, err := runtimeapi.Start(f.binary, f.env, io.Discard)
		if err != nil {
			return nil, err
		}
		f.functions = append(f.functions, function)
	}
	return f, nil
}

// close ends the processes.
func (f *fleet) close() {
	for _, function := range f.functions {
		function.Kill()
	}
	_ = os.RemoveAll(f.dir)
}

// any returns a random process.
func (f *fleet) any() *runtimeapi.Function {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.functions[rand.IntN(len(f.functions))]
}

// crash kills a process and starts another instead.
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

// health returns the most that any process uses, or an error if one has ended.
func (f *fleet) health() (worst health, err error) {
	for i, function := range f.functions {
		h, err := healthOf(function.PID())
		if err != nil {
			return worst, fmt.Errorf("process %d of %d: %w", i+1, len(f.functions), err)
		}
		worst = worst.worst(h)
	}
	return worst, nil
}
