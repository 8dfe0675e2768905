package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

const (
	// maxReadings bounds how often a user who moves is read, rereadAfter apart.
	maxReadings = 20
	rereadAfter = 100 * time.Millisecond
)

// rereadAll reads the suspects one by one, and returns those that could not be
// decided by that.
func (a *audit) rereadAll(ctx context.Context, suspects map[ledger.UserID]*books.Tally) ([]ledger.UserID, error) {
	a.progress.Begin("users in motion", len(suspects))
	var undecided []ledger.UserID
	err := a.each(ctx, slices.Collect(maps.Keys(suspects)), func(ctx context.Context, user ledger.UserID) error {
		decided, _, err := a.reread(ctx, user, suspects[user])
		if busy(err) {
			err = nil
		}
		if err == nil && !decided {
			a.mu.Lock()
			defer a.mu.Unlock()
			undecided = append(undecided, user)
		}
		return err
	})
	return undecided, err
}

// reread reads a user's rows and then the balance until they can be compared.
// The first rows are those that were seen already. Later only what is recent is
// read again, so that a user with a long history is soon read. What is not
// decided is the last comparison.
func (a *audit) reread(ctx context.Context, user ledger.UserID, seen *books.Tally) (decided bool, last string, err error) {
	older, from := books.Tally{}, time.Time{}
	recent := time.Now().Add(-inFlight).Truncate(time.Millisecond) // as created_at
	var lastPosted uint32
	var lastVersion int
	for reading := range maxReadings {
		if reading > 0 {
			if err := sleep(ctx, rereadAfter); err != nil {
				return false, last, err
			}
			before, since, err := a.history(ctx, user, from, recent)
			if err != nil {
				return false, last, err
			}
			older, from = older.Plus(before), recent
			both := older.Plus(since)
			seen = &both
		}
		balance, damaged, err := a.balance(ctx, user, a.tables.quietAggregate)
		if err != nil || damaged {
			return damaged, last, err
		}
		a.mu.Lock()
		v := a.decide(user, seen, 0, balance)
		a.mu.Unlock()
		if v != books.Open {
			return true, "", nil
		}
		last = seen.Compare(balance)
		if reading > 1 && seen.Posted == lastPosted && balance.Version == lastVersion {
			return false, last, nil // nothing moves: it is the index that lags, or a row that is missing
		}
		lastPosted, lastVersion = seen.Posted, balance.Version
	}
	return false, last, nil
}

// history tallies a user's transactions from a time on: those before recent,
// and those since.
func (a *audit) history(ctx context.Context, user ledger.UserID, from, recent time.Time) (before, since books.Tally, err error) {
	for r, err := range a.tables.history(ctx, user, from) {
		if err != nil {
			return before, since, err
		}
		t, found, ok := books.ExamineTransaction(r)
		a.mu.Lock()
		a.find(found...)
		a.mu.Unlock()
		if ok && t.CreatedAt.Before(recent) {
			before.Add(t)
		} else if ok {
			since.Add(t)
		}
	}
	return before, since, nil
}

// balance returns a user's balance as read reads it, or finds that its row is
// damaged.
func (a *audit) balance(ctx context.Context, user ledger.UserID, read func(context.Context, ledger.UserID) (row, error)) (balance infra.Aggregate, damaged bool, err error) {
	r, err := read(ctx, user)
	if err != nil {
		return balance, false, err
	}
	if len(r) == 0 {
		return infra.Aggregate{UserID: user, Account: ledger.Account{Balance: ledger.DefaultSettings().Opening}}, false, nil
	}
	_, balance, found, ok := books.ExamineAggregate(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.find(found...)
	return balance, !ok, nil
}

// each calls f for each user, as many at once as a table's segments.
func (a *audit) each(ctx context.Context, users []ledger.UserID, f func(context.Context, ledger.UserID) error) error {
	next := make(chan ledger.UserID, len(users))
	for _, user := range users {
		next <- user
	}
	close(next)
	return atOnce(ctx, a.tables.segments, func(ctx context.Context, _ int) error {
		for user := range next {
			if err := f(ctx, user); err != nil {
				return err
			}
			a.progress.Add(1)
		}
		return nil
	})
}
