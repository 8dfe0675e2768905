package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// scanTransactions tallies the transactions of every user, and those of before
// recent by their entries.
func (a *audit) scanTransactions(ctx context.Context, recent time.Time) (map[ledger.UserID]*tally, error) {
	a.progress.Begin("transactions", a.books.transactions)
	tallies := map[ledger.UserID]*tally{}
	a.entries, a.holds = new(entrySums), holdPairs{map[ledger.TransactionID]pendingRow{}, map[ledger.TransactionID]endRow{}}
	err := a.books.scan(ctx, a.books.config.TransactionsTable, func(page []row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.report.Transactions += len(page)
		for _, r := range page {
			if t, ok := a.examine(r); ok {
				if tallies[t.UserID] == nil {
					tallies[t.UserID] = &tally{}
				}
				tallies[t.UserID].add(t)
				if t.CreatedAt.Before(recent) {
					a.compareRows(t)
				}
			}
		}
		a.report.Users = len(tallies)
		a.progress.Add(len(page))
	})
	return tallies, err
}

// compareRows counts a row for what several rows of a transaction must be together.
// a.mu is held.
func (a *audit) compareRows(t ledger.Transaction) {
	a.entries.add(t)
	credit, ok := a.holds.add(t)
	if credit != (sum{}) {
		transaction, _, _ := furtherEntries(t)
		a.entries[bucketOf(transaction)].add(credit)
	}
	if !ok {
		a.find(finding{t.UserID.String(), t.ID.String(), kindHold, "the end of a hold is not of the user and the sum of its pending row"})
	}
}

// scanBalances compares the balances with the tallies, and returns those for
// which that does not settle it. A tally with a row since recent is of them:
// that row's balance move may be on its way and stand in for a missing one.
func (a *audit) scanBalances(ctx context.Context, tallies map[ledger.UserID]*tally, recent time.Time) (map[ledger.UserID]*tally, error) {
	a.progress.Begin("balances", len(tallies))
	suspects := map[ledger.UserID]*tally{}
	err := a.books.scan(ctx, a.books.config.AggregateTable, func(page []row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, r := range page {
			user, balance, found, ok := examineAggregate(r)
			a.find(found...)
			t := tallies[user]
			if t == nil {
				a.report.Users++
				t = &tally{}
			}
			delete(tallies, user)
			switch {
			case !ok:
			case t.judge(0, balance) != right || t.newest.After(recent):
				suspects[user] = t
			default:
				a.totals.add(t, balance)
			}
		}
		a.progress.Add(len(page))
	})
	if err != nil {
		return nil, err
	}
	for user, t := range tallies { // those without a balance
		if t.posted > 0 {
			suspects[user] = t
		}
	}
	return suspects, nil
}

// scanAgain scans the transactions once more for the users of whom rows seem
// to be missing: other than the index, the table itself never lags. A posting
// that either reading of the balances or the scan has seen a part of is in
// place after settle, so that a user who is written to at every moment can be
// read here, too.
func (a *audit) scanAgain(ctx context.Context, users []ledger.UserID) error {
	before, tallies, err := a.recount(ctx, users)
	if err != nil {
		return err
	}
	if err := sleep(ctx, a.settle); err != nil {
		return err
	}
	a.progress.Begin("balances, once more", len(tallies))
	after, err := a.balances(ctx, slices.Collect(maps.Keys(tallies)))
	a.mu.Lock()
	defer a.mu.Unlock()
	for user, balance := range after {
		if seen := tallies[user]; a.decide(user, seen, before[user].Version, balance) == open {
			a.leave(user, compared(seen, balance))
		}
	}
	return err
}

// recount reads the balances of the users and then, settle later, tallies their
// transactions by a scan of the table. Users who could not be read are in
// neither result, and in the report.
func (a *audit) recount(ctx context.Context, users []ledger.UserID) (map[ledger.UserID]infra.Aggregate, map[ledger.UserID]*tally, error) {
	a.progress.Begin("balances, again", len(users))
	balances, err := a.balances(ctx, users)
	if err != nil {
		return nil, nil, err
	}
	if err := sleep(ctx, a.settle); err != nil {
		return nil, nil, err
	}
	tallies := map[ledger.UserID]*tally{}
	for user := range balances {
		tallies[user] = &tally{}
	}
	a.progress.Begin("transactions, again", a.report.Transactions)
	err = a.books.scan(ctx, a.books.config.TransactionsTable, func(page []row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, r := range page {
			if t, ok := a.examine(r); ok && tallies[t.UserID] != nil {
				tallies[t.UserID].add(t)
			}
		}
		a.progress.Add(len(page))
	})
	return balances, tallies, err
}

// balances reads the balances of the users, but for those that can't be
// settled by them: it finds that a row is damaged, and leaves a user whom
// DynamoDB is too busy to read.
func (a *audit) balances(ctx context.Context, users []ledger.UserID) (map[ledger.UserID]infra.Aggregate, error) {
	balances := map[ledger.UserID]infra.Aggregate{}
	err := a.each(ctx, users, func(ctx context.Context, user ledger.UserID) error {
		balance, damaged, err := a.balance(ctx, user, a.books.aggregate)
		if err != nil && !busy(err) || damaged {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if err != nil {
			a.leave(user, err.Error())
		} else {
			balances[user] = balance
		}
		return nil
	})
	return balances, err
}
