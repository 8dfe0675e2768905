package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"onewrite/infra"
	"onewrite/ledger"
)

// repair is one balance that the history determines: what was read of it, which
// is the condition of the write, and what it becomes.
type repair struct {
	UserID  string       `json:"userId"`
	From    *storedState `json:"from"` // null: there is no row
	To      storedState  `json:"to"`
	Written bool         `json:"written"`
}

// storedState is what a row of the aggregate table says.
type storedState struct {
	Balance string `json:"balance"`
	Version int    `json:"version"`
}

func (s *storedState) String() string {
	if s == nil {
		return "no balance"
	}
	return fmt.Sprintf("%s at version %d", s.Balance, s.Version)
}

// String says what the repair was, or would be.
func (r repair) String() string {
	if r.Written {
		return fmt.Sprintf("repaired   user %q: there was %s, and is %s now", r.UserID, r.From, &r.To)
	}
	return fmt.Sprintf("repair     user %q: there is %s, and would be %s", r.UserID, r.From, &r.To)
}

func stateOf(a infra.Aggregate) storedState { return storedState{a.Balance.String(), a.Version} }

// repair audits, finds the balances that the history determines and, if write
// is set, writes them. What it can't know, it leaves, and says why. Nothing is
// repaired unless everything could be read.
func (a *audit) repair(ctx context.Context, write bool) report {
	a.report.Repairs = []repair{}
	err := a.readAll(ctx)
	if err == nil {
		err = a.repairAll(ctx, write)
	}
	if err != nil {
		a.report.Unfinished = err.Error()
	}
	return a.report.sorted()
}

func (a *audit) repairAll(ctx context.Context, write bool) error {
	damaged, users := map[string]bool{}, []ledger.UserID(nil)
	for _, f := range a.report.sorted().Mismatches {
		if f.Kind != kindBalance {
			damaged[f.UserID] = true
			continue
		}
		user, err := ledger.ParseUserID(f.UserID)
		if err != nil {
			return err
		}
		users = append(users, user)
	}
	users = slices.DeleteFunc(users, func(user ledger.UserID) bool {
		if damaged[user.String()] {
			a.keep(user, "other rows of this user are wrong, too: its history is not what happened")
		}
		return damaged[user.String()]
	})
	balances, tallies, err := a.recount(ctx, users)
	if err != nil {
		return err
	}
	a.progress.Begin("repairs", len(tallies))
	return a.each(ctx, slices.Collect(maps.Keys(tallies)), func(ctx context.Context, user ledger.UserID) error {
		return a.repairOne(ctx, balances[user], tallies[user], write)
	})
}

// repairOne repairs the balance of one user, which was read before the rows
// that were tallied.
func (a *audit) repairOne(ctx context.Context, from infra.Aggregate, rows *tally, write bool) error {
	if rows.judge(0, from) == right {
		return nil // by now
	}
	to, err := a.determine(ctx, from, rows)
	if err == nil && write {
		err = a.books.write(ctx, from, to)
	}
	doubt, ok := errors.AsType[doubtError](err)
	switch {
	case ok:
		a.keep(from.UserID, compared(rows, from)+"; "+doubt.Error())
		return nil
	case errors.Is(err, errMoved) || busy(err):
		a.keep(from.UserID, err.Error())
		return nil
	case err != nil:
		return err
	}
	r := repair{UserID: from.UserID.String(), To: stateOf(to), Written: write}
	if from.Version > 0 {
		state := stateOf(from)
		r.From = &state
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Repairs = append(a.report.Repairs, r)
	return nil
}

// doubtError says why a balance can't be known from the history.
type doubtError string

// Error implements error.
func (e doubtError) Error() string { return string(e) }

// determine returns what the history makes of a balance, or a [doubtError].
// Rows are what happened: each was written with its balance move or not at all.
// So a balance that the user's rows make but for the last lacks the moves of
// those. In every other case rows are missing, or something was changed, and
// what can't be seen.
func (a *audit) determine(ctx context.Context, from infra.Aggregate, rows *tally) (infra.Aggregate, error) {
	to := infra.Aggregate{UserID: from.UserID, Version: rows.posted}
	switch {
	case from.Holds != nil || !rows.held.IsZero():
		return to, doubtError("money is held, and no hold is written here")
	case rows.posted < from.Version:
		return to, doubtError(fmt.Sprintf("it counts %d whose rows are gone, and who sends one of those again posts it a second time", from.Version-rows.posted))
	case rows.posted == from.Version:
		return to, doubtError("it counts as many, so that rows are gone or changed, or the balance is")
	case from.Version > 0:
		made, err := a.made(ctx, from, rows)
		if err != nil {
			return to, err
		}
		if !made {
			return to, doubtError(fmt.Sprintf("no %d of the rows make it, so that rows are gone or changed, or the balance is", from.Version))
		}
	}
	var err error
	if to.Balance, err = ledger.ParseBalance(text(rows.balance())); err != nil {
		return to, doubtError("the history makes it what no balance can be, so that rows are gone or changed")
	}
	return to, nil
}

// keep notes why a balance is left as it is.
func (a *audit) keep(user ledger.UserID, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Kept = append(a.report.Kept, finding{UserID: user.String(), Kind: kindBalance, Detail: why})
}
