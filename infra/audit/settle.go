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

// decide compares a user's rows with the balance, and notes the result. The verdict is open if more
// must be read.
func (a *audit) decide(user ledger.UserID, seen *books.Tally, floor int, balance infra.Aggregate) books.Verdict {
	v := seen.Judge(a.config.Settings, floor, balance)
	if v == books.Wrong {
		a.find(seen.Differs(a.config.Settings, user, balance))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if v != books.Open {
		a.totals.add(a.config.Settings, seen, balance)
	}
	if v == books.Right {
		a.noteMover(user, seen, balance)
	}
	return v
}

const (
	// maxReadings bounds the readings, rereadAfter apart, of a user who moves.
	maxReadings = 20
	rereadAfter = 100 * time.Millisecond
)

// rereadSuspects reads the suspects one by one, and notes those still open.
func (a *audit) rereadSuspects(ctx context.Context) error {
	users := slices.Collect(maps.Keys(a.suspects))
	return a.each(ctx, "users in motion", users, func(ctx context.Context, user ledger.UserID) error {
		decided, _, err := a.reread(ctx, user, a.suspects[user])
		if busy(err) {
			err = nil
		}
		if err == nil && !decided {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.undecided = append(a.undecided, user)
		}
		return err
	})
}

// reread reads a user's rows and then the balance until they can be compared. It begins with the
// rows already read, and later reads only the recent ones again, so that a long history is read
// once. For an open user it returns the last comparison.
func (a *audit) reread(ctx context.Context, user ledger.UserID, seen *books.Tally) (decided bool, last string, err error) {
	older, from := &books.Tally{}, time.Time{}
	recent := time.Now().Add(-inFlight).Truncate(time.Millisecond) // as created_at
	var lastPosted uint32
	var lastVersion int
	for reading := range maxReadings {
		if reading > 0 {
			if err := sleep(ctx, rereadAfter); err != nil {
				return false, last, err
			}
			if seen, err = a.history(ctx, user, from, recent, older); err != nil {
				return false, last, err
			}
			from = recent
		}
		balance, damaged, err := a.readBalance(ctx, user, a.quietAggregate)
		if err != nil || damaged {
			return damaged, last, err
		}
		if a.decide(user, seen, 0, balance) != books.Open {
			return true, "", nil
		}
		last = seen.Compare(a.config.Settings, balance)
		if reading > 1 && seen.Posted == lastPosted && balance.Version == lastVersion {
			return false, last, nil // nothing moves: the index lags, or a row is missing
		}
		lastPosted, lastVersion = seen.Posted, balance.Version
	}
	return false, last, nil
}

// history tallies a user's transactions from a time on, after the older ones. It adds those from
// before recent to the older ones.
func (a *audit) history(ctx context.Context, user ledger.UserID, from, recent time.Time, older *books.Tally) (*books.Tally, error) {
	all := *older
	for r, err := range a.reader.history(ctx, user, from) {
		if err != nil {
			return nil, err
		}
		t, found, ok := books.ExamineTransaction(a.config.Settings, r)
		a.find(found...)
		if !ok {
			continue
		}
		all.Add(t)
		if t.CreatedAt.Before(recent) {
			older.Add(t)
		}
	}
	return &all, nil
}

// readBalance reads a user's balance with read, or reports that its row is damaged.
func (a *audit) readBalance(ctx context.Context, user ledger.UserID, read func(context.Context, ledger.UserID) (row, error)) (balance infra.Aggregate, damaged bool, err error) {
	r, err := read(ctx, user)
	if err != nil {
		return balance, false, err
	}
	if len(r) == 0 {
		return infra.Aggregate{UserID: user, Account: ledger.Account{Balance: a.config.Settings.Opening}}, false, nil
	}
	_, balance, found, ok := books.ExamineAggregate(a.config.Settings, r)
	a.find(found...)
	return balance, !ok, nil
}

// each calls f for each user, for as many at once as the tables have segments.
func (a *audit) each(ctx context.Context, what string, users []ledger.UserID, f func(context.Context, ledger.UserID) error) error {
	a.progress.Begin(what, len(users))
	return forEach(ctx, a.segments, slices.Values(users), func(ctx context.Context, user ledger.UserID) error {
		defer a.progress.Add(1)
		return f(ctx, user)
	})
}

// scanAgain scans the transactions once more for users whose rows seem to be missing, and for users
// whose rules are not those from the first scan: unlike the index, the table never lags. After
// settle, a posting that was seen in part, by the scan or a balance reading, is complete. So this
// also decides users who are written to all the time. Users who could not be read are in the
// report.
func (a *audit) scanAgain(ctx context.Context) error {
	tallies, rules := books.Tallies{}, books.RuleTallies{}
	for _, user := range a.undecided {
		tallies.Of(user)
	}
	users := slices.AppendSeq(a.undecided, maps.Keys(a.ruled))
	if len(users) == 0 {
		return nil
	}
	before, err := a.readBalances(ctx, "balances, again", users)
	if err != nil {
		return err
	}
	if err := a.rest(ctx); err != nil {
		return err
	}
	err = a.scan(ctx, a.config.TransactionsTable, "transactions, again", a.report.Transactions, func(r row) error {
		t, found, ok := books.ExamineTransaction(a.config.Settings, r)
		a.find(found...)
		if seen := tallies[t.UserID]; ok && t.Rules != nil {
			rules.Add(t)
		} else if ok && seen != nil {
			seen.Add(t)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.rest(ctx); err != nil {
		return err
	}
	after, err := a.readBalances(ctx, "balances, once more", slices.Collect(maps.Keys(before)))
	for user, balance := range after {
		if seen := tallies[user]; seen != nil && a.decide(user, seen, before[user].Version, balance) == books.Open {
			a.leave(user, seen.Compare(a.config.Settings, balance))
		}
		if a.ruled[user] {
			a.decideRules(user, rules.Of(user), before[user].Changes, balance)
		}
	}
	return err
}

// decideRules compares a user's changes of rules with the balance, and notes the result.
func (a *audit) decideRules(user ledger.UserID, seen *books.RuleTally, floor int, balance infra.Aggregate) {
	switch seen.Judge(floor, balance) {
	case books.Wrong:
		a.find(seen.Differs(user, balance))
	case books.Open:
		a.leave(user, "the rules changed all the time")
	case books.Right:
	}
}

// readBalances reads the users' balances. It leaves out, and reports, damaged rows and users whom
// DynamoDB is too busy to read.
func (a *audit) readBalances(ctx context.Context, what string, users []ledger.UserID) (map[ledger.UserID]infra.Aggregate, error) {
	balances := map[ledger.UserID]infra.Aggregate{}
	err := a.each(ctx, what, users, func(ctx context.Context, user ledger.UserID) error {
		balance, damaged, err := a.readBalance(ctx, user, a.aggregate)
		if busy(err) {
			a.leave(user, err.Error())
			return nil
		}
		if err == nil && !damaged {
			a.mu.Lock()
			defer a.mu.Unlock()
			balances[user] = balance
		}
		return err
	})
	return balances, err
}

// checkMovers looks up the noted writes, and the missing ones twice: a row may appear later than
// the balance that it moves.
func (a *audit) checkMovers(ctx context.Context) error {
	wrong, err := a.wrongMovers(ctx, a.movers)
	if err == nil && len(wrong) > 0 {
		if err := a.rest(ctx); err != nil {
			return err
		}
		wrong, err = a.wrongMovers(ctx, wrong)
	}
	if err != nil {
		return err
	}
	for _, m := range wrong {
		a.find(books.WrongMover(m.user, m.first))
	}
	return nil
}

// wrongMovers returns the users whose balance cannot have been moved by the named write.
func (a *audit) wrongMovers(ctx context.Context, movers []mover) (wrong []mover, err error) {
	err = forEach(ctx, a.segments, slices.Values(movers), func(ctx context.Context, m mover) error {
		can, err := a.canMove(ctx, m.user, m.first)
		if err == nil && !can {
			a.mu.Lock()
			defer a.mu.Unlock()
			wrong = append(wrong, m)
		}
		return err
	})
	return wrong, err
}

// canMove reports whether the write with that first row can have moved the user's balance. It
// reports true for a row that can't be read, which is a finding already.
func (b *reader) canMove(ctx context.Context, user ledger.UserID, first ledger.TransactionID) (bool, error) {
	row, damaged, err := b.transaction(ctx, first)
	if row == nil {
		return damaged, err
	}
	hold := &ledger.Transaction{}
	if row.End == ledger.Capture {
		if hold, _, err = b.transaction(ctx, row.TransactionID); hold == nil {
			return err == nil, err
		}
	}
	return books.CanMove(user, *row, *hold), nil
}
