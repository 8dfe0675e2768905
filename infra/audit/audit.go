package main

import (
	"context"
	"maps"
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

// lostRefund is a refund whose original, or the original's capture, is missing. A restore can bring
// back the refund without that row.
type lostRefund struct {
	absent ledger.TransactionID // the missing row's id
	found  finding
}

// mover is a write to check: the user whose balance names it, and the id of its first row.
type mover struct {
	user  ledger.UserID
	first ledger.TransactionID
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

// unsettled reports a user as unsettled, with the reason.
func (a *audit) unsettled(user ledger.UserID, detail string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Unsettled = append(a.report.Unsettled, finding{UserID: user.String(), Kind: books.KindBalance, Detail: detail})
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
	if err != nil {
		return err
	}
	if err := a.compareOriginals(ctx); err != nil {
		return err
	}
	if lookedUp {
		return a.lookUpHolds(ctx)
	}
	return a.lookUp(ctx, a.fold.Unbegun())
}

func (a *audit) lookUpHolds(ctx context.Context) error { return a.lookUp(ctx, a.fold.Missing()) }

// lookUp adds the rows with these ids to the fold, if they exist.
func (a *audit) lookUp(ctx context.Context, ids []ledger.TransactionID) error {
	return forEach(ctx, a.segments, slices.Values(ids), func(ctx context.Context, id ledger.TransactionID) error {
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

// compareOriginals compares the refunds that were read since the last call with their originals.
func (a *audit) compareOriginals(ctx context.Context) error {
	refunds := a.fold.Refunds
	a.fold.Refunds = nil
	return forEach(ctx, a.segments, slices.Values(refunds), func(ctx context.Context, t ledger.Transaction) error {
		o, problem, absent, err := a.original(ctx, t.RefundOf)
		if err != nil {
			return err
		}
		if problem == "" {
			problem = books.CompareRefund(t, o)
		}
		if problem == "" {
			return nil
		}
		found := finding{UserID: t.UserID.String(), TransactionID: t.ID.String(), Kind: books.KindRefund, Detail: problem}
		if absent == (ledger.TransactionID{}) {
			a.find(found)
			return nil
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.lost == nil {
			a.lost = map[ledger.TransactionID]lostRefund{}
		}
		a.lost[t.ID] = lostRefund{absent, found}
		return nil
	})
}

// original reads the original of a refund. problem and absent are as in [books.OriginalOf], with a
// damaged row treated as missing.
func (b *reader) original(ctx context.Context, id ledger.TransactionID) (o books.Original, problem string, absent ledger.TransactionID, err error) {
	first, _, err := b.transaction(ctx, id)
	var end *ledger.Transaction
	if first != nil && first.Status == ledger.Pending {
		end, _, err = b.transaction(ctx, id.End())
	}
	if err != nil {
		return o, "", absent, err
	}
	o, problem, absent = books.OriginalOf(id, first, end)
	return o, problem, absent, nil
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

// noteMover notes the write that a balance names in transaction_id, for checkMovers. Most such
// writes need no check, because the user's newest row comes from them. Exceptions are users whose
// rows were dated by different clocks, and users who were written to during the audit. noteMover is
// not safe for concurrent use.
func (a *audit) noteMover(user ledger.UserID, seen *books.Tally, balance infra.Aggregate) {
	if first := balance.TransactionID; first != (ledger.TransactionID{}) && !seen.Moved(first) {
		a.movers = append(a.movers, mover{user, first})
	}
}

// foldRefundAccount adds the refund account in r to the fold. It appends an account of more than
// one refund to several, for compareRefunded. A single refund has already been compared.
func (a *audit) foldRefundAccount(r row, several []infra.RefundAccount) []infra.RefundAccount {
	account, found, ok := books.ExamineRefundAccount(a.config.Settings, r)
	a.find(found...)
	if !ok {
		return several
	}
	a.fold.AddRefundAccount(account)
	if account.Count > 1 {
		several = append(several, account)
	}
	return several
}

// compareRefunded reports refund accounts that exceed the amounts of their originals.
func (a *audit) compareRefunded(ctx context.Context, accounts []infra.RefundAccount) error {
	return forEach(ctx, a.segments, slices.Values(accounts), func(ctx context.Context, account infra.RefundAccount) error {
		o, problem, _, err := a.original(ctx, account.Of)
		if err != nil || problem != "" { // compareOriginals reports the problem
			return err
		}
		if wrong := books.CompareRefunded(account, o); wrong != "" {
			a.find(misrefunded(account.Of, wrong))
		}
		return nil
	})
}

func misrefunded(of ledger.TransactionID, detail string) finding {
	return finding{TransactionID: of.String(), Kind: books.KindRefund, Detail: detail}
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

// compareRefunds reports lost refunds, and refund accounts that differ from their refunds. It scans
// both tables again only if an account differs. Accounts that change meanwhile are left to the next
// audit.
func (a *audit) compareRefunds(ctx context.Context) error {
	for _, lost := range a.lost {
		a.find(lost.found)
	}
	if a.fold.RefundsFit() {
		return nil
	}
	rows, stored, err := a.collectRefunds(ctx)
	if err == nil {
		err = a.rest(ctx)
	}
	if err != nil {
		return err
	}
	return forEach(ctx, a.segments, maps.Keys(rows), func(ctx context.Context, of ledger.TransactionID) error {
		has, made := "there is no refund account", rows[of].String()
		if stored[of] != nil {
			account, _, ok := books.ExamineRefundAccount(a.config.Settings, stored[of])
			described := books.DescribeRefunds(account)
			if !ok || described == made { // a damaged account is already reported
				return nil
			}
			has = "the refund account has " + described
		}
		now, err := a.get(ctx, a.config.AggregateTable, "user_id", infra.RefundsKey(of))
		if err != nil {
			return failed(err, "read refunds of %s", of)
		}
		if hashOf(now) == hashOf(stored[of]) {
			a.find(misrefunded(of, has+"; the history has "+made))
		}
		return nil
	})
}

// collectRefunds scans for the refund accounts that may be wrong and, after -settle, for their
// refunds. So it finds every refund that an account counts. rows has a tally for each account, even
// for one without refunds.
func (a *audit) collectRefunds(ctx context.Context) (rows books.RefundTallies, stored map[ledger.TransactionID]row, err error) {
	rows, stored = books.RefundTallies{}, map[ledger.TransactionID]row{}
	err = a.scan(ctx, a.config.AggregateTable, "refunds", 0, func(r row) error {
		if of, err := infra.ParseRefundsKey(books.TextOf(r, "user_id")); err == nil && a.fold.MayMisrefund(of) {
			stored[of] = r
			rows.Of(of)
		}
		return nil
	})
	if err == nil {
		err = a.rest(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	return rows, stored, a.scan(ctx, a.config.TransactionsTable, "refunds", a.report.Transactions, func(r row) error {
		t, err := infra.DecodeTransaction(r)
		if _, isLost := a.lost[t.ID]; err == nil && !isLost && a.fold.MayMisrefund(t.RefundOf) {
			rows.Add(t)
		}
		return nil
	})
}
