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
// must be read. The caller holds a.mu.
func (a *audit) decide(user ledger.UserID, seen *books.Tally, floor int, balance infra.Aggregate) books.Verdict {
	v := seen.Judge(a.tables.config.Settings, floor, balance)
	if v == books.Wrong {
		a.find(seen.Differs(a.tables.config.Settings, user, balance))
	}
	if v != books.Open {
		a.totals.add(a.tables.config.Settings, seen, balance)
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

// rereadAll reads the suspects one by one, and returns those still open.
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

// reread reads a user's rows and then the balance until they can be compared. It begins with the
// rows already read, and later reads only the recent ones again, so that a long history is read
// once. For an open user it returns the last comparison.
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
		balance, damaged, err := a.readBalance(ctx, user, a.tables.quietAggregate)
		if err != nil || damaged {
			return damaged, last, err
		}
		a.mu.Lock()
		v := a.decide(user, seen, 0, balance)
		a.mu.Unlock()
		if v != books.Open {
			return true, "", nil
		}
		last = seen.Compare(a.tables.config.Settings, balance)
		if reading > 1 && seen.Posted == lastPosted && balance.Version == lastVersion {
			return false, last, nil // nothing moves: the index lags, or a row is missing
		}
		lastPosted, lastVersion = seen.Posted, balance.Version
	}
	return false, last, nil
}

// history tallies a user's transactions from a time on, in two parts: before recent, and since.
func (a *audit) history(ctx context.Context, user ledger.UserID, from, recent time.Time) (before, since books.Tally, err error) {
	for r, err := range a.tables.history(ctx, user, from) {
		if err != nil {
			return before, since, err
		}
		t, found, ok := books.ExamineTransaction(a.tables.config.Settings, r)
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

// readBalance reads a user's balance with read, or reports that its row is damaged.
func (a *audit) readBalance(ctx context.Context, user ledger.UserID, read func(context.Context, ledger.UserID) (row, error)) (balance infra.Aggregate, damaged bool, err error) {
	r, err := read(ctx, user)
	if err != nil {
		return balance, false, err
	}
	if len(r) == 0 {
		return infra.Aggregate{UserID: user, Account: ledger.Account{Balance: a.tables.config.Settings.Opening}}, false, nil
	}
	_, balance, found, ok := books.ExamineAggregate(a.tables.config.Settings, r)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.find(found...)
	return balance, !ok, nil
}

// each calls f for each user, for as many at once as the tables have segments.
func (a *audit) each(ctx context.Context, users []ledger.UserID, f func(context.Context, ledger.UserID) error) error {
	return forEach(ctx, a.tables.segments, slices.Values(users), func(ctx context.Context, user ledger.UserID) error {
		defer a.progress.Add(1)
		return f(ctx, user)
	})
}

// scanAgain scans the transactions once more for users whose rows seem to be missing: unlike the
// index, the table never lags. After settle, a posting that was seen in part, by the scan or a
// balance reading, is complete. So this also decides users who are written to all the time.
func (a *audit) scanAgain(ctx context.Context, users []ledger.UserID) error {
	tallies := map[ledger.UserID]*books.Tally{}
	for _, user := range users {
		tallies[user] = &books.Tally{}
	}
	before, after, err := a.readAround(ctx, users, func(t ledger.Transaction) {
		if t.Kind() != ledger.RulesRow && tallies[t.UserID] != nil {
			tallies[t.UserID].Add(t)
		}
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	for user, balance := range after {
		if seen := tallies[user]; a.decide(user, seen, before[user].Version, balance) == books.Open {
			a.leave(user, seen.Compare(a.tables.config.Settings, balance))
		}
	}
	return err
}

// checkRules reads the rule changes once more for users whose rules are not those from the first
// scan: a change came meanwhile, or something is wrong. It reads as scanAgain does.
func (a *audit) checkRules(ctx context.Context) error {
	if len(a.ruled) == 0 {
		return nil
	}
	rules := books.RuleTallies{}
	before, after, err := a.readAround(ctx, a.ruled, rules.Add)
	for user, balance := range after {
		switch seen := rules.Of(user); seen.Judge(before[user].Changes, balance) {
		case books.Wrong:
			a.find(seen.Differs(user, balance))
		case books.Open:
			a.leave(user, "the rules changed all the time")
		case books.Right:
		}
	}
	return err
}

// readAround reads the users' balances, counts each row of the transactions settle later, and reads
// the balances again settle after that. Users who could not be read are in the report, and in
// neither result.
func (a *audit) readAround(ctx context.Context, users []ledger.UserID, count func(ledger.Transaction)) (before, after map[ledger.UserID]infra.Aggregate, err error) {
	a.progress.Begin("balances, again", len(users))
	if before, err = a.readBalances(ctx, users); err != nil {
		return nil, nil, err
	}
	if err := sleep(ctx, a.settle); err != nil {
		return nil, nil, err
	}
	a.progress.Begin("transactions, again", a.report.Transactions)
	for r, err := range a.tables.scan(ctx, a.tables.config.TransactionsTable) {
		if err != nil {
			return nil, nil, err
		}
		a.progress.Add(1)
		t, found, ok := books.ExamineTransaction(a.tables.config.Settings, r)
		a.find(found...)
		if ok {
			count(t)
		}
	}
	if err := sleep(ctx, a.settle); err != nil {
		return nil, nil, err
	}
	a.progress.Begin("balances, once more", len(before))
	after, err = a.readBalances(ctx, slices.Collect(maps.Keys(before)))
	return before, after, err
}

// readBalances reads the users' balances. It leaves out, and reports, damaged rows and users whom
// DynamoDB is too busy to read.
func (a *audit) readBalances(ctx context.Context, users []ledger.UserID) (map[ledger.UserID]infra.Aggregate, error) {
	balances := map[ledger.UserID]infra.Aggregate{}
	err := a.each(ctx, users, func(ctx context.Context, user ledger.UserID) error {
		balance, damaged, err := a.readBalance(ctx, user, a.tables.aggregate)
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

// checkMovers looks up the noted writes, and the missing ones twice: a row may appear later than
// the balance that it moves.
func (a *audit) checkMovers(ctx context.Context) error {
	wrong, err := a.wrongMovers(ctx, a.movers)
	if err == nil && len(wrong) > 0 {
		if err := sleep(ctx, a.settle); err != nil {
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
	err = forEach(ctx, a.tables.segments, slices.Values(movers), func(ctx context.Context, m mover) error {
		can, err := a.tables.canMove(ctx, m.user, m.first)
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
	r, err := b.transaction(ctx, first)
	if err != nil || len(r) == 0 {
		return false, err
	}
	row, err := infra.DecodeTransaction(r)
	if err != nil {
		return true, nil //nolint:nilerr // see above
	}
	var hold ledger.Transaction
	if row.End == ledger.Capture {
		if r, err = b.transaction(ctx, row.TransactionID); err != nil {
			return false, err
		}
		if hold, err = infra.DecodeTransaction(r); err != nil {
			return true, nil //nolint:nilerr // missing or damaged: reported already
		}
	}
	return books.CanMove(user, row, hold), nil
}
