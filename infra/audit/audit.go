package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// audit compares the balances with the history, once.
type audit struct {
	*reader
	settle time.Duration // see the package comment

	maxWaiting int // rows of holds that wait for their other row

	mu     sync.Mutex
	report report
	totals trialBalance
	recent time.Time // rows from then on may be in flight
	fold   *books.Fold
	movers []mover
	lost   map[ledger.TransactionID]lostRefund // by the refund's id

	suspects  map[ledger.UserID]*books.Tally // to be read one by one
	undecided []ledger.UserID                // to be read once more
	ruled     map[ledger.UserID]bool         // whose rules are to be read once more
}

// inFlight is more than the time from a row's created_at to its place in the
// tables: a call of the function ends after 10 seconds.
const inFlight = time.Minute

// maxWaiting is how many hold rows may wait for their other row before the audit looks the other
// rows up. They take about 25 MB.
const maxWaiting = 100_000

// find notes findings.
func (a *audit) find(found ...finding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Mismatches = append(a.report.Mismatches, found...)
}

// leave notes why a user could not be settled.
func (a *audit) leave(user ledger.UserID, detail string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Unsettled = append(a.report.Unsettled, finding{UserID: user.String(), Kind: books.KindBalance, Detail: detail})
}

// run reads everything and returns the report. If it can't finish, because reading fails
// or ctx ends, the report has the findings so far and the reason.
func (a *audit) run(ctx context.Context) report {
	a.recent = time.Now().Add(-inFlight)
	a.fold = books.NewFold(a.config.Settings, a.recent)
	a.suspects, a.ruled = map[ledger.UserID]*books.Tally{}, map[ledger.UserID]bool{}
	err := inOrder(ctx, a.foldTransactions, a.foldBalances, a.rereadSuspects, a.scanAgain, a.compareEntries, a.compareRefunds, a.checkMovers)
	if err != nil {
		a.report.Unfinished = err.Error()
	} else {
		a.report.Totals = &a.totals
	}
	return a.report.sorted()
}

// inOrder takes steps. It ends at the first that can't read: a finding is no error.
func inOrder(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rest gives a posting that was seen in part the time to be complete.
func (a *audit) rest(ctx context.Context) error { return sleep(ctx, a.settle) }

func (a *audit) foldTransactions(ctx context.Context) error {
	mayWait, lookedUp := a.maxWaiting, false
	err := a.scan(ctx, a.config.TransactionsTable, "transactions", a.transactions, func(r row) (err error) {
		a.report.Transactions++
		_, found, _ := a.fold.Add(r)
		a.find(found...)
		a.report.Users = len(a.fold.Tallies)
		if len(a.fold.Refunds) >= pageRows {
			err = a.compareOriginals(ctx)
		}
		if err == nil && a.fold.Waiting() > mayWait {
			err = a.lookUpHolds(ctx)
			mayWait, lookedUp = a.maxWaiting+2*a.fold.Waiting(), true // open holds wait to the end
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case lookedUp:
		return inOrder(ctx, a.compareOriginals, a.lookUpHolds)
	default:
		return a.compareOriginals(ctx)
	}
}

// lookUpHolds reads the missing halves of the waiting rows.
func (a *audit) lookUpHolds(ctx context.Context) error {
	return forEach(ctx, a.segments, slices.Values(a.fold.Missing()), func(ctx context.Context, id ledger.TransactionID) error {
		t, _, err := a.transaction(ctx, id)
		if t != nil {
			a.mu.Lock()
			found := a.fold.Found(*t)
			a.mu.Unlock()
			a.find(found...)
		}
		return err
	})
}

// foldBalances compares the balances with the tallies, and notes the users to be read again. A tally
// with a recent row is among them: that row's balance move may be in flight and hide a missing row.
func (a *audit) foldBalances(ctx context.Context) error {
	var refunded []infra.RefundAccount
	err := a.scan(ctx, a.config.AggregateTable, "balances", len(a.fold.Tallies), func(r row) (err error) {
		if !infra.IsRefundAccount(r) {
			a.foldBalance(r)
		} else if refunded = a.foldRefundAccount(r, refunded); len(refunded) >= pageRows {
			err, refunded = a.compareRefunded(ctx, refunded), nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for user, rules := range a.fold.Rules { // those without a balance
		if !rules.Seen {
			a.ruled[user] = true
		}
	}
	for user, t := range a.fold.Tallies { // those without a balance
		if !t.Seen && t.Posted > 0 {
			a.suspects[user] = t
		}
	}
	return a.compareRefunded(ctx, refunded)
}

func (a *audit) foldBalance(r row) {
	user, balance, found, ok := books.ExamineAggregate(a.config.Settings, r)
	a.find(found...)
	t := a.fold.Tallies[user]
	if t == nil {
		a.report.Users++
		t = &books.Tally{}
	}
	t.Seen = true
	if !ok {
		return
	}
	rules := a.fold.Rules.Of(user)
	rules.Seen = true
	if rules.Judge(0, balance) != books.Right {
		a.ruled[user] = true
	}
	if t.Judge(a.config.Settings, 0, balance) != books.Right || t.MovedSince(a.recent) {
		a.suspects[user] = t
		return
	}
	a.totals.add(a.config.Settings, t, balance)
	a.find(a.fold.CompareHolds(user, balance.Holds)...)
	a.noteMover(user, t, balance)
}

// compareEntries scans the transactions once more for those whose rows don't match their entries,
// if there are any.
func (a *audit) compareEntries(ctx context.Context) error {
	a.find(a.fold.Orphans()...)
	if a.fold.EntriesFit() {
		return nil
	}
	wholes, err := a.collect(ctx, a.fold.MayBeTorn)
	if err == nil {
		a.find(wholes.Findings()...)
	}
	return err
}

// collect scans for the transactions that wanted accepts.
func (a *audit) collect(ctx context.Context, wanted func(ledger.Transaction) bool) (books.Wholes, error) {
	wholes := books.Wholes{}
	return wholes, a.scan(ctx, a.config.TransactionsTable, "transactions of several entries", a.report.Transactions, func(r row) error {
		if t, err := infra.DecodeTransaction(r); err == nil && wanted(t) { // an unreadable row is found already
			wholes.Add(t)
		}
		return nil
	})
}

// mover is a user and the first row of the write that the balance names.
type mover struct {
	user  ledger.UserID
	first ledger.TransactionID
}

// noteMover notes the write that a balance names, unless it has the user's newest row. Few are
// noted: users whose clocks differ, and users who moved meanwhile. A balance that an older version
// or a rebuild wrote last names no write. a.mu is held.
func (a *audit) noteMover(user ledger.UserID, seen *books.Tally, balance infra.Aggregate) {
	if first := balance.TransactionID; first != (ledger.TransactionID{}) && !seen.Moved(first) {
		a.movers = append(a.movers, mover{user, first})
	}
}
