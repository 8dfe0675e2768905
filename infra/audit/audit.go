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

// audit is one run of the command: its report, and the state that its steps share.
type audit struct {
	*reader
	settle time.Duration // the -settle flag

	maxWaiting int // the constant maxWaiting, except in tests

	mu     sync.Mutex
	report report
	totals trialBalance
	recent time.Time // rows created since then may be in flight
	fold   *books.Fold
	movers []mover
	lost   map[ledger.TransactionID]lostRefund // by the refund's id

	suspects  map[ledger.UserID]*books.Tally // users who did not match in the first scans or have a recent row
	undecided []ledger.UserID                // users whom rereadSuspects could not compare
	ruled     map[ledger.UserID]bool         // users whose rules did not match their changes in the first scans
}

// inFlight is longer than it takes to store a row after its created_at: the function times out
// after 10 seconds.
const inFlight = time.Minute

// maxWaiting is how many pending rows and ends may wait for their counterparts before the audit
// looks these up. 100,000 rows take about 25 MB.
const maxWaiting = 100_000

// find adds findings to the report.
func (a *audit) find(found ...finding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Mismatches = append(a.report.Mismatches, found...)
}

// leave reports a user as unsettled, with the reason.
func (a *audit) leave(user ledger.UserID, detail string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Unsettled = append(a.report.Unsettled, finding{UserID: user.String(), Kind: books.KindBalance, Detail: detail})
}

// run audits all users. If reading fails or ctx ends, the report has the findings so far and the
// reason.
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

// inOrder runs the steps in order until one returns an error. A finding is not an error.
func inOrder(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rest waits for -settle, so that a partly visible posting becomes fully visible.
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
			mayWait, lookedUp = a.maxWaiting+2*a.fold.Waiting(), true // open holds keep waiting, because they have no counterpart
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

// foldBalances compares each balance with the user's tally, and notes the users to read again.
// These include users with a recent row: the balance might not count that row yet, and then the
// row could hide a missing one.
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
	for user, rules := range a.fold.Rules { // users without a balance row
		if !rules.Seen {
			a.ruled[user] = true
		}
	}
	for user, t := range a.fold.Tallies { // users without a balance row
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

// compareEntries reports ends without a pending row. If some rows don't match the entries of their
// transaction, it scans for such transactions and reports them.
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

// collect scans the transactions table for the rows that wanted accepts, and groups them by
// transaction.
func (a *audit) collect(ctx context.Context, wanted func(ledger.Transaction) bool) (books.Wholes, error) {
	wholes := books.Wholes{}
	return wholes, a.scan(ctx, a.config.TransactionsTable, "transactions with several entries", a.report.Transactions, func(r row) error {
		if t, err := infra.DecodeTransaction(r); err == nil && wanted(t) { // an unreadable row is already reported
			wholes.Add(t)
		}
		return nil
	})
}

// mover is a write to check: the user whose balance names it, and the id of its first row.
type mover struct {
	user  ledger.UserID
	first ledger.TransactionID
}

// noteMover notes the write that a balance names in transaction_id, for checkMovers. Most such
// writes need no check, because the user's newest row comes from them. Exceptions are users whose
// rows were dated by different clocks, and users who were written to during the audit. noteMover is
// not safe for concurrent use.
func (a *audit) noteMover(user ledger.UserID, seen *books.Tally, balance infra.Aggregate) {
	if first := balance.TransactionID; first != (ledger.TransactionID{}) && !seen.Moved(first) {
		a.movers = append(a.movers, mover{user, first})
	}
}
