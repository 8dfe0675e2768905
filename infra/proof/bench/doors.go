package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

// A door is a way to the handler. Its floor puts the bare requests of a call
// behind the same door, so that what differs is ours.
type door struct {
	name  string
	call  func(outcome, names) request
	floor func(bare request) request
}

// world is books on DynamoDB Local, and the doors to them.
type world struct {
	*infratest.Books
	handler *handler.Handler
	floor   *floor
	doors   []door // events first
	calls   atomic.Int64
	dir     string // of the binaries
	close   []func()
}

// newWorld opens the doors. The binaries are made in a folder.
func newWorld(ctx context.Context, books *infratest.Books, dir string) (_ *world, err error) {
	client := infra.NewClient(books.Config)
	bare := bareSDK(books.Config)
	w := &world{
		Books:   books,
		handler: newHandler(infra.NewStore(client, books.Config), io.Discard),
		floor:   &floor{bare, books.Config},
		dir:     dir,
	}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	function, err := w.start(ctx, "bootstrap", "onewrite")
	if err != nil {
		return nil, err
	}
	hello, err := w.start(ctx, "hello", "onewrite/infra/proof/bench/hello")
	if err != nil {
		return nil, err
	}
	w.doors = []door{
		{"event", w.overEvents, func(bare request) request { return bare }},
		w.overHTTP(),
		{"function", overRuntime(function), func(bare request) request {
			return func(ctx context.Context) error {
				if _, err := hello.Invoke(ctx, []byte(`{}`)); err != nil {
					return err
				}
				return bare(ctx)
			}
		}},
	}
	return w, nil
}

// Close closes the doors.
func (w *world) Close() {
	for _, end := range w.close {
		defer end()
	}
}

// start builds a function and runs it.
func (w *world) start(ctx context.Context, binary, pkg string) (*runtimeapi.Function, error) {
	if err := runtimeapi.BuildPackage(ctx, pkg, w.path(binary), nil); err != nil {
		return nil, err
	}
	return w.run(binary)
}

func (w *world) path(binary string) string { return filepath.Join(w.dir, binary) }

// run runs a function until the end of the world.
func (w *world) run(binary string) (*runtimeapi.Function, error) {
	function, err := runtimeapi.Start(w.path(binary), w.Env(), io.Discard)
	if err == nil {
		w.close = append(w.close, function.Kill)
	}
	return function, err
}

func (w *world) overEvents(o outcome, n names) request { return invoke(w.handler, o, n) }

func overRuntime(function *runtimeapi.Function) func(outcome, names) request {
	return func(o outcome, n names) request {
		payload := o.call(n).event()
		return func(ctx context.Context) error {
			answer, err := function.Invoke(ctx, payload)
			if err != nil {
				return err
			}
			return o.check(answer)
		}
	}
}

// overHTTP serves the handler, and beside it bare requests, each under a path
// of its own.
func (w *world) overHTTP() door {
	var bares sync.Map
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		run, _ := bares.LoadAndDelete(r.URL.Path)
		if err := run.(request)(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	server := httptest.NewServer(w.handler)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: maxCallers}}
	w.close = append(w.close, server.Close, bare.Close, client.CloseIdleConnections)
	send := func(ctx context.Context, c call, url, status string) error {
		request, err := c.request(ctx, url)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && fmt.Sprint(response.StatusCode) != status {
			err = fmt.Errorf("answered %s: %s", response.Status, body)
		}
		return err
	}
	return door{"http",
		func(o outcome, n names) request {
			return func(ctx context.Context) error { return send(ctx, o.call(n), server.URL, o.status) }
		},
		func(run request) request {
			path := fmt.Sprintf("/%d", w.calls.Add(1))
			bares.Store(path, run)
			return func(ctx context.Context) error {
				return send(ctx, call{method: http.MethodGet, path: path}, bare.URL, "200")
			}
		},
	}
}
