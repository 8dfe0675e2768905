package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"onewrite/infra/infratest/runtimeapi"
)

// transport is a way by which calls reach the handler. Its floor puts the bare
// requests of a call behind the same transport, so that what differs is ours.
type transport struct {
	name  string
	call  func(outcome, names) request
	floor func(bare request) request
}

// overEvents calls the handler with an event.
func (sub *subject) overEvents(o outcome, n names) request { return invoke(sub.handler, o, n) }

// overRuntime calls the built function over the Runtime API.
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
func (sub *subject) overHTTP() transport {
	var bares sync.Map
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		run, _ := bares.LoadAndDelete(r.URL.Path)
		if err := run.(request)(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	server := httptest.NewServer(sub.handler)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: maxCallers}}
	sub.close = append(sub.close, server.Close, bare.Close, client.CloseIdleConnections)
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
	return transport{"http",
		func(o outcome, n names) request {
			return func(ctx context.Context) error { return send(ctx, o.call(n), server.URL, o.status) }
		},
		func(run request) request {
			path := fmt.Sprintf("/%d", sub.calls.Add(1))
			bares.Store(path, run)
			return func(ctx context.Context) error {
				return send(ctx, call{method: http.MethodGet, path: path}, bare.URL, "200")
			}
		},
	}
}
