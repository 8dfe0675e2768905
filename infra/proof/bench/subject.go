package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"time"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
	"onewrite/ledger"
)

// maxCallers is the most callers at once of a client of the floor.
const maxCallers = 16

// The users of calls: many, or all calls of one, or a new one for each.
const (
	distinct = "distinct"
	hot      = "hot"
	fresh    = "new"
)

// subject is a ledger over books on DynamoDB Local, and the function that is built.
type subject struct {
	*infratest.Books
	handler  *handler.Handler
	floor    *floor
	function *runtimeapi.Function
	calls    atomic.Int64
	dir      string // of the binaries
}

// newSubject builds and starts what is measured. The binaries are made in a folder.
func newSubject(ctx context.Context, books *infratest.Books, dir string) (*subject, error) {
	sub := &subject{
		Books:   books,
		handler: newHandler(infra.NewStore(infra.NewClient(books.Config), books.Config), io.Discard),
		floor:   &floor{bareSDK(books.Config), books.Config},
		dir:     dir,
	}
	err := runtimeapi.Build(ctx, "onewrite", sub.path("bootstrap"))
	if err != nil {
		return nil, err
	}
	sub.function, err = runtimeapi.Start(sub.path("bootstrap"), sub.Env(), io.Discard)
	return sub, err
}

// end ends the function.
func (sub *subject) end() { sub.function.Kill() }

// path returns where a binary is.
func (sub *subject) path(binary string) string { return filepath.Join(sub.dir, binary) }

// newHandler makes the handler as the function has it.
func newHandler(store *infra.Store, log io.Writer) *handler.Handler {
	return handler.New(ledger.New(store, time.Now), handler.NewLogger(log, "bench", "1"), handler.Access{Authorization: handler.None})
}

// names draws new ones: the user is one of many, or the hot one, or new. New ones
// are equally long, as the size of a row depends on them.
func (sub *subject) names(users string) names {
	i := sub.calls.Add(1)
	user := hot
	switch users {
	case distinct:
		user = fmt.Sprintf("user-%d", i%1000)
	case fresh:
		user = fmt.Sprintf("new-%06d", i)
	}
	return names{user, fmt.Sprintf("key-%d", i)}
}

// overEvents makes a call of the handler with an event.
func (sub *subject) overEvents(o outcome, n names) request { return invoke(sub.handler.Invoke, o, n) }

// invoke makes a call of an environment with an event.
func invoke(to environment, o outcome, n names) request {
	payload := o.call(n).event()
	return func(ctx context.Context) error {
		answer, err := to(ctx, payload)
		if err != nil {
			return err
		}
		return o.check(answer)
	}
}
