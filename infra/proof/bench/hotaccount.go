package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/runtimeapi"
)

// hotAccount is what the callers of one user do to each other.
//
// DynamoDB lets one transaction at a time write an item and rejects the others
// with a conflict. DynamoDB Local has no conflicts, so they are made by
// [faults.Contention] between it and the function's own client: a write holds
// its items for a time. Each caller has a client of its own, as each Lambda
// environment has, and posts as fast as it is answered, or pauses.
type hotAccount struct {
	HoldMs      float64   `json:"holdMs"` // 0: no contention, and the built function in processes
	Callers     int       `json:"callers"`
	PauseMs     float64   `json:"pauseMs"` // on average
	PerSecond   float64   `json:"postedPerSecond"`
	HoldShare   float64   `json:"shareOfHolds"`       // of 1/hold, the most that there can be
	Attempts    float64   `json:"attemptsPerPosting"` // 0: not counted
	Took        quantiles `json:"ms"`
	MaxMs       float64   `json:"maxMs"`
	Unavailable int       `json:"answered503"`
}

// hotSetting is a row to measure.
type hotSetting struct {
	hold    time.Duration // of the items, by a write
	callers int
	pause   time.Duration // between a caller's postings, on average
	lasting time.Duration
	entries int // of a posting; 0: the short body
}

// posting returns the call of a posting.
func (s hotSetting) posting(n names) call {
	if s.entries == 0 {
		return posted.call(n)
	}
	return postEntries(n, credits(s.entries)(n))
}

const (
	roundTrip    = 2 * time.Millisecond // of a Lambda to its region's DynamoDB
	environments = 16                   // of Lambda, one process each
)

// hotSettings returns the rows.
func hotSettings(holds []time.Duration, callers []int, lasting time.Duration) (all []hotSetting) {
	for _, hold := range holds {
		for _, n := range callers {
			all = append(all, hotSetting{hold, n, 0, lasting, 0})
		}
		all = append(all, hotSetting{hold, 2, 100 * time.Millisecond, lasting, 0})
	}
	return all
}

// measureHotAccount measures each row on books of its own, and then processes of
// the built function on DynamoDB Local as it is.
func (sub *subject) measureHotAccount(ctx context.Context, rows []hotSetting, tick func()) (all []hotAccount, err error) {
	for _, row := range rows {
		f, err := sub.onNewBooks(ctx, func(books *infratest.Books) (hotAccount, error) { return contended(ctx, books.Config, row) })
		if err != nil {
			return nil, err
		}
		all = append(all, f)
		tick()
	}
	f, err := sub.onNewBooks(ctx, func(books *infratest.Books) (hotAccount, error) {
		return sub.overProcesses(ctx, books, hotSetting{callers: environments, lasting: rows[0].lasting})
	})
	tick()
	return append(all, f), err
}

// onNewBooks measures on books of their own, which it checks.
func (sub *subject) onNewBooks(ctx context.Context, measure func(*infratest.Books) (hotAccount, error)) (h hotAccount, err error) {
	books, err := infratest.Open(ctx, sub.Config.Endpoint)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, books.Close(ctx)) }()
	if h, err = measure(books); err != nil {
		return h, err
	}
	return h, checkAtRest(ctx, books)
}

// checkAtRest checks books of which a last write may still be under way, though
// nobody waits for it any more: between the two tables that a check reads, too.
func checkAtRest(ctx context.Context, books *infratest.Books) (err error) {
	for range 10 {
		if err = books.Check(ctx); err == nil {
			return nil
		}
		time.Sleep(time.Second)
	}
	return err
}

// contended measures callers of one user whose items each write holds.
func contended(ctx context.Context, config infra.Config, s hotSetting, options ...func(*dynamodb.Options)) (hotAccount, error) {
	contention := faults.Contention(s.hold, roundTrip)
	networks, all := make([]faults.Network, s.callers), make([]environment, s.callers)
	for i := range s.callers {
		networks[i].Always(contention)
		client := infra.NewClient(config, append(options, faults.Under(&networks[i]))...)
		all[i] = newHandler(infra.NewStore(client, config), io.Discard).Invoke
	}
	postings, err := postFrom(ctx, all, s)
	attempts := 0
	for i := range networks {
		attempts += len(networks[i].Requests())
	}
	h := postings.account(s)
	h.Attempts = float64(attempts) / float64(max(1, len(postings.took)))
	return h, err
}

// overProcesses measures the built function.
func (sub *subject) overProcesses(ctx context.Context, books *infratest.Books, setting hotSetting) (hotAccount, error) {
	all := make([]environment, setting.callers)
	for i := range all {
		function, err := runtimeapi.Start(sub.path("bootstrap"), books.Env(), io.Discard)
		if err != nil {
			return hotAccount{}, err
		}
		defer function.Kill()
		all[i] = function.Invoke
	}
	postings, err := postFrom(ctx, all, setting)
	return postings.account(setting), err
}

// callersText returns how many callers there are, and whether they pause.
func (h hotAccount) callersText() string {
	if h.PauseMs > 0 {
		return fmt.Sprintf("%d, pausing %g ms", h.Callers, h.PauseMs)
	}
	if h.HoldMs == 0 {
		return fmt.Sprintf("%d processes", h.Callers)
	}
	return fmt.Sprint(h.Callers)
}
