package main

import (
	"context"
	"io"
	"path/filepath"
	"sync/atomic"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

// subject is what is measured: a ledger over books on DynamoDB Local, and the
// transports to it.
type subject struct {
	*infratest.Books
	handler    *handler.Handler
	floor      *floor
	transports []transport // events first
	calls      atomic.Int64
	dir        string // of the binaries
	close      []func()
}

// newSubject starts what is measured. The binaries are made in a folder.
func newSubject(ctx context.Context, books *infratest.Books, dir string) (_ *subject, err error) {
	client := infra.NewClient(books.Config)
	sub := &subject{
		Books:   books,
		handler: newHandler(infra.NewStore(client, books.Config), io.Discard),
		floor:   &floor{bareSDK(books.Config), books.Config},
		dir:     dir,
	}
	defer func() {
		if err != nil {
			sub.end()
		}
	}()
	function, err := sub.start(ctx, "bootstrap", "onewrite")
	if err != nil {
		return nil, err
	}
	hello, err := sub.start(ctx, "hello", "onewrite/infra/proof/bench/hello")
	if err != nil {
		return nil, err
	}
	sub.transports = []transport{
		{"event", sub.overEvents, func(bare request) request { return bare }},
		sub.overHTTP(),
		{"function", overRuntime(function), func(bare request) request {
			return func(ctx context.Context) error {
				if _, err := hello.Invoke(ctx, []byte(`{}`)); err != nil {
					return err
				}
				return bare(ctx)
			}
		}},
	}
	return sub, nil
}

// end ends what newSubject has started.
func (sub *subject) end() {
	for _, end := range sub.close {
		defer end()
	}
}

// start builds a function and runs it.
func (sub *subject) start(ctx context.Context, binary, pkg string) (*runtimeapi.Function, error) {
	if err := runtimeapi.Build(ctx, pkg, sub.path(binary)); err != nil {
		return nil, err
	}
	return sub.run(binary)
}

// path returns where a binary is.
func (sub *subject) path(binary string) string { return filepath.Join(sub.dir, binary) }

// run runs a function until the end.
func (sub *subject) run(binary string) (*runtimeapi.Function, error) {
	function, err := runtimeapi.Start(sub.path(binary), sub.Env(), io.Discard)
	if err == nil {
		sub.close = append(sub.close, function.Kill)
	}
	return function, err
}
