package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/ledger"
)

const (
	// inFlight is more than the time from a row's created_at to its place in
	// the tables: a call of the function ends after 10 seconds.
	inFlight = time.Minute

	// maxReadings bounds how often a user who moves is read, rereadAfter apart.
	maxReadings = 20
	rereadAfter = 100 * time.Millisecond
)

// audit compares the balances with the history, once.
type audit struct {
	books    *books
	settle   time.Duration // see the package comment
	progress *progress

	mu     sync.Mutex
	report report
}

// run reads everything. An error is a failure to read, never a finding.
func (a *audit) run(ctx context.Context) (report, error) {
	began := time.Now()
	tallies, err := a.scanTransactions(ctx)
	if err != nil {
		return report{}, err
	}
	suspects, err := a.scanBalances(ctx, tallies, began.Add(-inFlight))
	if err != nil {
		return report{}, err
	}
	undecided, err := a.rereadAll(ctx, suspects)
	if err == nil && len(undecided) > 0 {
		err = a.scanAgain(ctx, undecided)
	}
	return a.report.sorted(), err
}

// scanTransactions tallies the transactions of every user.
func (a *audit) scanTransactions(ctx context.Context) (map[ledger.UserID]*tally, error) {
	total, err := a.books.transactions(ctx)
	if err != nil {
		return nil, err
	}
	a.progress.begin("transactions", total)
	tallies := map[ledger.UserID]*tally{}
	err = a.books.scan(ctx, a.books.config.TransactionsTable, func(page []row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.report.Transactions += len(page)
		for _, r := range page {
			if t, ok := a.examine(r); ok {
				if tallies[t.UserID] == nil {
					tallies[t.UserID] = &tally{}
				}
				tallies[t.UserID].add(t)
			}
		}
		a.progress.add(len(page))
	})
	a.report.Users = len(tallies)
	return tallies, err
}

// scanBalances compares the balances with the tallies, and returns those for
// which that does not settle it. A tally with a row since recent is of them:
// that row's balance move may be on its way and stand in for a missing one.
func (a *audit) scanBalances(ctx context.Context, tallies map[ledger.UserID]*tally, recent time.Time) (map[ledger.UserID]*tally, error) {
	a.progress.begin("balances", len(tallies))
	suspects := map[ledger.UserID]*tally{}
	err := a.books.scan(ctx, a.books.config.AggregateTable, func(page []row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, r := range page {
			user, balance, damage := decodeAggregate(r)
			t := tallies[user]
			if t == nil {
				a.report.Users++
				t = &tally{}
			}
			delete(tallies, user)
			switch {
			case damage != nil:
				a.find(*damage)
			case t.judge(0, balance) != right || t.newest.After(recent):
				suspects[user] = t
			}
		}
		a.progress.add(len(page))
	})
	for user, t := range tallies { // those without a balance
		if t.posted > 0 {
			suspects[user] = t
		}
	}
	return suspects, err
}

// rereadAll reads the suspects one by one, and returns those that could not be
// decided by that.
func (a *audit) rereadAll(ctx context.Context, suspects map[ledger.UserID]*tally) ([]ledger.UserID, error) {
	a.progress.begin("users in motion", len(suspects))
	var undecided []ledger.UserID
	err := a.each(ctx, slices.Collect(maps.Keys(suspects)), func(ctx context.Context, user ledger.UserID) error {
		decided, err := a.reread(ctx, user, suspects[user])
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
// The first rows are those of the scan. Later only what is recent is read
// again, so that a user with a long history is soon read.
func (a *audit) reread(ctx context.Context, user ledger.UserID, seen *tally) (decided bool, err error) {
	older, from := &tally{}, time.Time{}
	recent := time.Now().Add(-inFlight).Truncate(time.Millisecond) // as created_at
	var lastPosted, lastVersion int
	for reading := range maxReadings {
		if reading > 0 {
			if err := sleep(ctx, rereadAfter); err != nil {
				return false, err
			}
			before, since, err := a.history(ctx, user, from, recent)
			if err != nil {
				return false, err
			}
			older, from = older.plus(before), recent
			seen = older.plus(since)
		}
		balance, damaged, err := a.balance(ctx, user)
		if err != nil || damaged {
			return damaged, err
		}
		switch seen.judge(0, balance) {
		case right:
			return true, nil
		case wrong:
			a.findLocked(mismatch(user, seen, balance))
			return true, nil
		case open:
			if reading > 1 && seen.posted == lastPosted && balance.Version == lastVersion {
				return false, nil // nothing moves: it is the index that lags, or a row that is missing
			}
		}
		lastPosted, lastVersion = seen.posted, balance.Version
	}
	return false, nil
}

// history tallies a user's transactions from a time on: those before recent,
// and those since.
func (a *audit) history(ctx context.Context, user ledger.UserID, from, recent time.Time) (before, since *tally, err error) {
	before, since = &tally{}, &tally{}
	err = a.books.history(ctx, user, from, func(r row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if t, ok := a.examine(r); ok && t.CreatedAt.Before(recent) {
			before.add(t)
		} else if ok {
			since.add(t)
		}
	})
	return before, since, err
}

// scanAgain scans the transactions once more for the users of whom rows seem
// to be missing: other than the index, the table itself never lags.
func (a *audit) scanAgain(ctx context.Context, users []ledger.UserID) error {
	tallies, floors := map[ledger.UserID]*tally{}, map[ledger.UserID]int{}
	for _, user := range users {
		balance, damaged, err := a.balance(ctx, user)
		if err != nil {
			return err
		}
		if !damaged {
			tallies[user], floors[user] = &tally{}, balance.Version
		}
	}
	if err := sleep(ctx, a.settle); err != nil {
		return err
	}
	a.progress.begin("transactions, again", a.report.Transactions)
	err := a.books.scan(ctx, a.books.config.TransactionsTable, func(page []row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, r := range page {
			if t, ok := a.examine(r); ok && tallies[t.UserID] != nil {
				tallies[t.UserID].add(t)
			}
		}
		a.progress.add(len(page))
	})
	if err != nil {
		return err
	}
	return a.each(ctx, slices.Collect(maps.Keys(tallies)), func(ctx context.Context, user ledger.UserID) error {
		balance, damaged, err := a.balance(ctx, user)
		if err != nil || damaged {
			return err
		}
		switch seen := tallies[user]; seen.judge(floors[user], balance) {
		case right: // it was the index that lagged
		case wrong:
			a.findLocked(mismatch(user, seen, balance))
		case open:
			a.mu.Lock()
			defer a.mu.Unlock()
			a.report.Unsettled = append(a.report.Unsettled, mismatch(user, seen, balance))
		}
		return nil
	})
}

// each calls f for each user, as many at once as a table's segments.
func (a *audit) each(ctx context.Context, users []ledger.UserID, f func(context.Context, ledger.UserID) error) error {
	next := make(chan ledger.UserID, len(users))
	for _, user := range users {
		next <- user
	}
	close(next)
	return atOnce(ctx, a.books.segments, func(ctx context.Context, _ int) error {
		for user := range next {
			if err := f(ctx, user); err != nil {
				return err
			}
			a.progress.add(1)
		}
		return nil
	})
}

// balance is a user's balance now, or damaged, which is then found.
func (a *audit) balance(ctx context.Context, user ledger.UserID) (balance infra.Aggregate, damaged bool, err error) {
	r, err := a.books.aggregate(ctx, user)
	if err != nil {
		return balance, false, err
	}
	if len(r) == 0 {
		return infra.Aggregate{UserID: user, Balance: ledger.OpeningBalance}, false, nil
	}
	_, balance, damage := decodeAggregate(r)
	if damage != nil {
		a.findLocked(*damage)
	}
	return balance, damage != nil, nil
}

// decodeAggregate reads a row of the aggregate table, or says what is wrong
// with it, and whose it is, if that can be read.
func decodeAggregate(r row) (user ledger.UserID, balance infra.Aggregate, damage *finding) {
	user, err := ledger.ParseUserID(textOf(r, "user_id"))
	if err == nil {
		balance, err = infra.DecodeAggregate(r)
	}
	if err != nil {
		return user, balance, &finding{UserID: textOf(r, "user_id"), Kind: kindBalanceRow, Detail: err.Error()}
	}
	return user, balance, nil
}

// examine reads a row of the transactions table and looks for what is wrong
// with the row itself. Rows never change, so no write in flight explains it.
// It is not ok where nothing can be counted. a.mu is held.
func (a *audit) examine(r row) (t ledger.Transaction, ok bool) {
	damage := func(kind, detail string) {
		a.find(finding{UserID: textOf(r, "user_id"), TransactionID: textOf(r, "id"), Kind: kind, Detail: detail})
	}
	t, err := infra.DecodeTransaction(r)
	if err != nil {
		damage(kindTransactionRow, err.Error())
		return t, false
	}
	if id := ledger.NewTransactionID(t.UserID, t.IdempotencyKey).String(); id != textOf(r, "id") {
		damage(kindTransactionID, fmt.Sprintf("the id of key %q of this user is %s", t.IdempotencyKey, id))
	}
	if _, fits := t.BalanceSeen.After(t.Type, t.Amount); fits && t.Status == ledger.Declined {
		damage(kindDecline, fmt.Sprintf("a %s of %s is declined, which its balance of %s allowed", t.Type, t.Amount, t.BalanceSeen))
	}
	return t, true
}

// textOf is an attribute's text, or "".
func textOf(r row, name string) string {
	if s, ok := r[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// find notes a finding. a.mu is held.
func (a *audit) find(f finding) {
	a.report.Mismatches = append(a.report.Mismatches, f)
}

func (a *audit) findLocked(f finding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.find(f)
}
