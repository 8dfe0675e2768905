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

// scanTransactions tallies the transactions of every user, and those of before
// recent by their entries.
func (a *audit) scanTransactions(ctx context.Context, recent time.Time) (*books.Tallies, error) {
	a.progress.Begin("transactions", a.tables.transactions)
	tallies := books.NewTallies()
	a.entries, a.holds = new(books.EntrySums), books.NewPairs()
	for r, err := range a.tables.scan(ctx, a.tables.config.TransactionsTable) {
		if err != nil {
			return tallies, err
		}
		a.report.Transactions++
		a.progress.Add(1)
		if t, ok := a.examine(r); ok {
			tallies.Of(t.UserID).Add(t)
			a.compareRows(t, recent)
		}
		a.report.Users = tallies.Len()
	}
	return tallies, nil
}

// compareRows counts a row for what several rows of a transaction must be together.
// A hold and its end are compared whenever they meet: two clocks dated them.
func (a *audit) compareRows(t ledger.Transaction, recent time.Time) {
	if t.CreatedAt.Before(recent) {
		a.entries.Add(t)
	}
	pair, ok := a.holds.Add(t)
	if !ok {
		return
	}
	if pair.EndedAt.Before(recent) {
		a.entries.AddPair(pair)
	}
	if pair.Problem != "" {
		a.find(finding{UserID: t.UserID.String(), TransactionID: pair.ID.End().String(), Kind: books.KindHold, Detail: pair.Problem})
	}
}

// scanBalances compares the balances with the tallies, and returns those for
// which that does not settle it. A tally with a row since recent is of them:
// that row's balance move may be on its way and stand in for a missing one.
func (a *audit) scanBalances(ctx context.Context, tallies *books.Tallies, recent time.Time) (map[ledger.UserID]*books.Tally, error) {
	a.progress.Begin("balances", tallies.Len())
	suspects := map[ledger.UserID]*books.Tally{}
	for r, err := range a.tables.scan(ctx, a.tables.config.AggregateTable) {
		if err != nil {
			return nil, err
		}
		a.progress.Add(1)
		user, balance, found, ok := books.ExamineAggregate(r)
		a.find(found...)
		t := tallies.Find(user)
		if t == nil {
			a.report.Users++
			t = &books.Tally{}
		}
		t.Seen = true
		switch {
		case !ok:
		case t.Judge(0, balance) != books.Right || t.MovedSince(recent):
			suspects[user] = t
		default:
			a.totals.add(t, balance)
			a.compareHolds(user, balance.Holds)
		}
	}
	for user, t := range tallies.All { // those without a balance
		if !t.Seen && t.Posted > 0 {
			suspects[user] = t
		}
	}
	return suspects, nil
}

// compareHolds compares the open holds of a balance with the rows of its user, who is
// at rest. The holds have the sum of the pending rows without an end. So if each is
// one of those, none is missing.
func (a *audit) compareHolds(user ledger.UserID, holds []ledger.Hold) {
	for _, h := range holds {
		if !a.holds.IsOpen(user, h) {
			a.find(finding{UserID: user.String(), TransactionID: h.TransactionID.String(), Kind: books.KindHold,
				Detail: "the balance has it as an open hold, and the rows have none of this id, amount and expiry"})
		}
	}
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
		if seen := tallies[user]; a.decide(user, seen, before[user].Version, balance) == books.Open {
			a.leave(user, seen.Compare(balance))
		}
	}
	return err
}

// recount reads the balances of the users and then, settle later, tallies their
// transactions by a scan of the table. Users who could not be read are in
// neither result, and in the report.
func (a *audit) recount(ctx context.Context, users []ledger.UserID) (map[ledger.UserID]infra.Aggregate, map[ledger.UserID]*books.Tally, error) {
	a.progress.Begin("balances, again", len(users))
	balances, err := a.balances(ctx, users)
	if err != nil {
		return nil, nil, err
	}
	if err := sleep(ctx, a.settle); err != nil {
		return nil, nil, err
	}
	tallies := map[ledger.UserID]*books.Tally{}
	for user := range balances {
		tallies[user] = &books.Tally{}
	}
	a.progress.Begin("transactions, again", a.report.Transactions)
	for r, err := range a.tables.scan(ctx, a.tables.config.TransactionsTable) {
		if err != nil {
			return nil, nil, err
		}
		a.progress.Add(1)
		if t, ok := a.examine(r); ok && tallies[t.UserID] != nil {
			tallies[t.UserID].Add(t)
		}
	}
	return balances, tallies, nil
}

// balances reads the balances of the users, but for those that can't be
// settled by them: it finds that a row is damaged, and leaves a user whom
// DynamoDB is too busy to read.
func (a *audit) balances(ctx context.Context, users []ledger.UserID) (map[ledger.UserID]infra.Aggregate, error) {
	balances := map[ledger.UserID]infra.Aggregate{}
	err := a.each(ctx, users, func(ctx context.Context, user ledger.UserID) error {
		balance, damaged, err := a.balance(ctx, user, a.tables.aggregate)
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
