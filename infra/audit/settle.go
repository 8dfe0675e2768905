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

// decide compares a user's rows with the balance, and records the result. The balance had at least
// version floor before the rows were read. The verdict is [books.Open] if more must be read.
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
	// maxReadings limits how often the audit reads a user who is being written to.
	maxReadings = 20
	rereadAfter = 100 * time.Millisecond
)

// rereadSuspects reads each suspect separately, and notes the undecided ones.
func (a *audit) rereadSuspects(ctx context.Context) error {
	users := slices.Collect(maps.Keys(a.suspects))
	return a.each(ctx, "recently changed users", users, func(ctx context.Context, user ledger.UserID) error {
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

// reread reads a user's rows and then the balance until they can be compared. It begins with seen,
// the rows already read, then reads the whole history once, and then only recent rows. If the user
// is still undecided, last describes the last comparison.
func (a *audit) reread(ctx context.Context, user ledger.UserID, seen *books.Tally) (decided bool, last string, err error) {
	older, from := &books.Tally{}, time.Time{}
	recent := time.Now().Add(-inFlight).Truncate(time.Millisecond) // created_at has millisecond precision
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
		if v := a.decide(user, seen, 0, balance); v != books.Open {
			return true, "", a.checkHolds(ctx, v, balance)
		}
		last = seen.Compare(a.config.Settings, balance)
		if reading > 1 && seen.Posted == lastPosted && balance.Version == lastVersion {
			return false, last, nil // no new writes: the index lags, or a row is missing
		}
		lastPosted, lastVersion = seen.Posted, balance.Version
	}
	return false, last, nil
}

// history returns a tally of the rows in older and of the user's rows created at or after the time
// from. It also adds rows created before recent to older, so that they need not be read again.
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

// readBalance calls read for a user's balance, which is the opening balance if there is no row. It
// reports the faults of a damaged row.
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

// each calls f for each user, with a.segments calls at once, and shows the progress.
func (a *audit) each(ctx context.Context, what string, users []ledger.UserID, f func(context.Context, ledger.UserID) error) error {
	a.progress.Begin(what, len(users))
	return forEach(ctx, a.segments, slices.Values(users), func(ctx context.Context, user ledger.UserID) error {
		defer a.progress.Add(1)
		return f(ctx, user)
	})
}

// scanAgain scans the transactions once more for users whose rows seem to be missing, and for users
// whose rules don't match their changes. Unlike the index, the table never lags. The audit reads
// the balances -settle before the scan and -settle after it, and so sees every posting in full. It
// can then compare even users who are written to all the time.
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
		if seen := tallies[t.UserID]; ok && t.Kind() == ledger.RulesRow {
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
		if seen := tallies[user]; seen != nil {
			v := a.decide(user, seen, before[user].Version, balance)
			if v == books.Open {
				a.unsettled(user, seen.Compare(a.config.Settings, balance))
			} else if err == nil {
				err = a.checkHolds(ctx, v, balance)
			}
		}
		if a.ruled[user] {
			a.decideRules(user, rules.Of(user), before[user].Changes, balance)
		}
	}
	return err
}

// checkHolds compares the open holds in a balance with their pending rows, if the balance is right.
// The fold can't: for these users, rows were written after it.
func (a *audit) checkHolds(ctx context.Context, v books.Verdict, balance infra.Aggregate) error {
	if v != books.Right {
		return nil
	}
	for _, h := range balance.Holds {
		t, damaged, err := a.transaction(ctx, h.TransactionID)
		switch {
		case busy(err):
			a.unsettled(balance.UserID, err.Error())
			return nil
		case err != nil:
			return err
		case !damaged: // a damaged row is already reported
			a.find(books.CompareHold(balance.UserID, h, t)...)
		}
	}
	return nil
}

func (a *audit) decideRules(user ledger.UserID, seen *books.RuleTally, floor int, balance infra.Aggregate) {
	switch seen.Judge(floor, balance) {
	case books.Wrong:
		a.find(seen.Differs(user, balance))
	case books.Open:
		a.unsettled(user, "the account's rules changed during the audit: audit again")
	case books.Right:
	}
}

// readBalances reads the users' balances. It reports damaged rows and users for whom DynamoDB is
// too busy, and leaves them out.
func (a *audit) readBalances(ctx context.Context, what string, users []ledger.UserID) (map[ledger.UserID]infra.Aggregate, error) {
	balances := map[ledger.UserID]infra.Aggregate{}
	err := a.each(ctx, what, users, func(ctx context.Context, user ledger.UserID) error {
		balance, damaged, err := a.readBalance(ctx, user, a.aggregate)
		if busy(err) {
			a.unsettled(user, err.Error())
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

// checkMovers checks the writes that noteMover noted. It checks the wrong ones again after -settle,
// because a row may become visible later than the balance that names it.
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

// canMove reports whether a write, named by its first row's id, can have changed the user's
// balance. It is true if the first row is damaged, which is reported elsewhere.
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
