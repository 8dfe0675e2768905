package events_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/runtimeapi"
	"onewrite/ledger"
)

// users have names as callers choose them. The last takes part in few calls.
var users = []string{"1", `"quoted"`, `é\u00e9`, "用户", "😀", "shop", "a/b:c", "{}", "x'y", "order.7"}

// call is one call, or a few that belong together.
type call struct {
	request  ledger.Request
	declined error    // that post expects
	again    bool     // whether the same is posted again
	end      string   // how the hold ends: "", "capture", "part" or "void"
	refund   bool     // whether a part is refunded, and then more than is left
	rules    []string // later changes to the first user's rules
}

// plan returns calls of every kind, the same each time.
func plan(t *testing.T, count int) (calls []call) {
	t.Helper()
	for i := range count {
		chance := rand.New(rand.NewPCG(7, uint64(i)))
		active := len(users)
		if i > count/3 {
			active--
		}
		chosen := chance.Perm(active)
		u, v, w := users[chosen[0]], users[chosen[1]], users[chosen[2]]
		amount := fmt.Sprintf("%d.%02d", chance.IntN(30), 1+chance.IntN(99))
		post := func(entries ...string) call {
			return call{request: infratest.Entries(t, fmt.Sprintf("k%d", i), entries...), again: i%5 == 0}
		}
		var c call
		switch i % 8 {
		case 0, 1:
			c = post(u + " credit " + amount)
		case 2:
			c = post(u + " debit " + amount)
			c.rules = []string{"limit " + amount, "credits allowed", "limit 0"} // the last is declined while it is in use
		case 3:
			c = post(u + " debit 5000") // declined
		case 4:
			c = post(u+" debit "+amount, v+" credit "+amount, v+" debit 0.01", w+" credit 0.01")
			c.refund = i%16 == 4
			c.request.Metadata, _ = ledger.NewMetadata(map[string]string{"order": fmt.Sprint(i), "note": `<"é>`})
		case 5:
			c = post(u + " debit " + amount)
			c.request.ExpiresIn = time.Minute
		case 6, 7:
			c = post(u+" debit "+amount, v+" credit "+amount)
			c.request.ExpiresIn, c.end = time.Minute, []string{"capture", "part", "void", ""}[chance.IntN(4)]
		}
		calls = append(calls, c)
	}
	return calls
}

// released returns holds, and postings for after their expiry. One releases the hold that it needs.
// One has no room for releases, so the ledger writes these before it. One is declined by a block.
// Two users' last events are changes of rules.
func released(t *testing.T) (holds, later []call) {
	t.Helper()
	one := call{request: infratest.Entries(t, "hold", "late debit 60")}
	one.request.ExpiresIn = time.Minute
	holds = append(holds, one)
	for i := range 3 {
		c := call{request: infratest.Entries(t, fmt.Sprintf("hold%d", i), "crowd debit 30")}
		c.request.ExpiresIn = time.Minute
		holds = append(holds, c)
	}
	return holds, []call{
		{request: infratest.Entries(t, "late", "late debit 80", "shop credit 80"), rules: []string{"debits blocked"}},
		{request: infratest.Entries(t, "blocked", "late debit 1"), declined: ledger.ErrAccountBlocked},
		{request: infratest.Entries(t, "crowd", slices.Repeat([]string{"crowd debit 0.5"}, 98)...), rules: []string{"limit 50", "limit 20"}},
	}
}

// largest returns a posting with the largest possible first row.
func largest(t *testing.T) call {
	t.Helper()
	entry := strings.Repeat("😀", 128) + " credit 1000000000.01"
	c := call{request: infratest.Entries(t, "largest", slices.Repeat([]string{entry}, 99)...)}
	var err error
	c.request.Metadata, err = ledger.NewMetadata(map[string]string{"m": strings.Repeat("😀", 125)})
	require.NoError(t, err)
	return c
}

// makeCalls makes calls from 16 callers, spread over the wires. It ignores their outcomes: the
// streams show them.
func makeCalls(t *testing.T, books *infratest.Books, calls []call, now func() time.Time, wires ...*wire) {
	t.Helper()
	todo := make(chan call)
	var callers sync.WaitGroup
	for i := range 16 {
		config := books.Config
		config.Endpoint = wires[i%len(wires)].URL
		network := &faults.Network{}
		client := infra.NewClient(config, faults.Under(network))
		network.Always(sometimes)
		l := ledger.New(infra.NewStore(client, config), now)
		callers.Go(func() {
			for c := range todo {
				c.make(t.Context(), l)
			}
		})
	}
	for _, c := range calls {
		todo <- c
	}
	close(todo)
	callers.Wait()
}

func post(t *testing.T, books *infratest.Books, calls []call, now func() time.Time, w *wire) {
	t.Helper()
	config := books.Config
	config.Endpoint = w.URL
	l := ledger.New(infra.NewStore(infra.NewClient(config), config), now)
	for _, c := range calls {
		_, err := l.Post(t.Context(), c.request)
		require.ErrorIs(t, err, c.declined)
		require.NoError(t, c.changeRules(t.Context(), l))
	}
}

// sometimes gives a random fault to one request in twelve.
func sometimes(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	if rand.IntN(12) > 0 {
		return deliver()
	}
	return faults.All[rand.IntN(len(faults.All))].Fault(r, deliver)
}

// make makes a call. The caller gives up one in twenty within milliseconds.
func (c call) make(ctx context.Context, l *ledger.Ledger) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if rand.IntN(20) == 0 {
		ctx, cancel = context.WithTimeout(ctx, rand.N(5*time.Millisecond))
		defer cancel()
	}
	_, _ = l.Post(ctx, c.request)
	if c.again {
		_, _ = l.Post(ctx, c.request)
	}
	if c.refund {
		c.makeRefunds(ctx, l)
	}
	_ = c.changeRules(ctx, l)
	hold := ledger.EndRequest{TransactionID: c.request.TransactionID()}
	switch c.end {
	case "capture":
		_, _ = l.Capture(ctx, hold, ledger.Amount{})
	case "part":
		part, _ := ledger.ParseAmount("0.01")
		_, _ = l.Capture(ctx, hold, part)
	case "void":
		_, _ = l.Void(ctx, hold)
	}
}

func (c call) changeRules(ctx context.Context, l *ledger.Ledger) (err error) {
	for i, change := range c.rules {
		r, rulesErr := infratest.NewRules(c.request.Entries[0].UserID.String(), fmt.Sprint("rules ", i, " after ", c.request.IdempotencyKey), change)
		_, changeErr := l.ChangeRules(ctx, r)
		err = errors.Join(err, rulesErr, changeErr)
	}
	return err
}

// makeRefunds refunds one entry, and then more than all entries have left.
func (c call) makeRefunds(ctx context.Context, l *ledger.Ledger) {
	o, err := l.Original(ctx, c.request.TransactionID())
	if err != nil {
		return
	}
	for i, parts := range [][]ledger.Part{{{Entry: 2, Amount: o.Entries[2].Amount}}, o.Whole()} {
		r := o.Request(parts)
		r.IdempotencyKey, _ = ledger.ParseIdempotencyKey(fmt.Sprint("refund ", i, " of ", o.ID))
		_, _ = l.Post(ctx, r)
	}
}

// killFunctions runs the built function and kills it during calls, again and again.
func killFunctions(t *testing.T, books *infratest.Books, w *wire, times int) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	require.NoError(t, runtimeapi.Build(t.Context(), "onewrite", binary))
	environment := append(books.Env(), "AWS_ENDPOINT_URL_DYNAMODB="+w.URL)
	const event = `{"headers":{"Idempotent-Key":"killed %d %d"},"body":{"entries":[` +
		`{"userId":"1","ammount":"0.02","type":"debit"},{"userId":"shop","ammount":"0.02","type":"credit"}]}}`
	for i := range times {
		function, err := runtimeapi.Start(binary, environment, io.Discard)
		require.NoError(t, err)
		for j := range 4 {
			answer, err := function.Invoke(t.Context(), fmt.Appendf(nil, event, i, j))
			require.NoError(t, err)
			require.Contains(t, string(answer), `"statusCode":201`)
		}
		time.AfterFunc(rand.N(6*time.Millisecond), function.Kill)
		_, _ = function.Invoke(t.Context(), fmt.Appendf(nil, event, i, 4))
		<-function.Ended()
	}
}
