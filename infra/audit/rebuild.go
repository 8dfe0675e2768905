package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// rebuilder rebuilds the tables from their rows: transactions first, then balances.
type rebuilder struct {
	*audit
	only  ledger.UserID // zero: all users
	write bool
	log   *changeLog

	open    map[ledger.UserID][]ledger.Hold // open holds, set by releaseExpired
	counted map[ledger.UserID]int           // how many rule changes the balance counts
	unclear map[ledger.UserID]string        // why the rules can't be determined
	damaged map[string]bool                 // ids of damaged rows and of their users
	touched map[ledger.UserID]bool          // users whose rows the rebuild changes
	removed map[ledger.TransactionID]bool   // orphans that it removes
}

// rebuildAll runs the rebuild. It writes each change as it makes it, and a summary at the end.
func rebuildAll(ctx context.Context, a *audit, o options, out io.Writer) (status int, err error) {
	r := &rebuilder{
		audit: a, only: o.user, write: o.write, log: &changeLog{out: out, json: o.format == formatJSON, summary: rebuildSummary{Written: o.write}},
		counted: map[ledger.UserID]int{}, unclear: map[ledger.UserID]string{}, damaged: map[string]bool{}, touched: map[ledger.UserID]bool{}, removed: map[ledger.TransactionID]bool{},
	}
	if err := r.run(ctx); err != nil {
		a.report.Unfinished = err.Error()
		if ctx.Err() != nil {
			a.report.Unfinished = context.Cause(ctx).Error()
		}
	}
	a.progress.Stop()
	return r.log.end(a.report.sorted())
}

// run reads the balances, then the transactions, and then each balance again. It writes a balance
// only if both readings are the same, and on condition that the row has not changed since. So it
// never overwrites a balance that counts a newer row.
func (r *rebuilder) run(ctx context.Context) error {
	return inOrder(ctx, r.noteBalances, r.rest, r.foldTransactions, r.makeWholes,
		r.releaseExpired, r.replaceLostRules, r.rest, r.rebuildBalances, r.rebuildRefunds)
}

// make makes the change with write if -write is set, and logs it. made is false if the rows stay as
// they are even with -write, for example because another write changed one.
func (r *rebuilder) make(c change, write func() error) (made bool, err error) {
	if r.write && c.Kept == "" {
		err = write()
		if errors.Is(err, errMoved) || busy(err) {
			c.Kept, err = err.Error(), nil
		}
		c.Written = err == nil && c.Kept == ""
	}
	if err != nil {
		return false, err
	}
	return c.Kept == "", r.log.add(c)
}

// noteBalances keeps a hash of each balance row and its number of rule changes, and adds
// the refund accounts to the fold.
func (r *rebuilder) noteBalances(ctx context.Context) error {
	r.fold = books.NewFold(r.config.Settings, books.Everything)
	return r.scan(ctx, r.config.AggregateTable, "balances", 0, func(row row) error {
		if a, err := infra.DecodeRefundAccount(row); infra.IsRefundAccount(row) && err == nil {
			r.fold.AddRefundAccount(a)
		} else if of, keyErr := infra.ParseRefundsKey(books.TextOf(row, "user_id")); keyErr == nil {
			r.fold.AddRefundAccount(infra.RefundAccount{Of: of, Refunds: ledger.Refunds{Count: 1}}) // damaged: no refund matches one without sums
		} else if user, err := ledger.ParseUserID(books.TextOf(row, "user_id")); err == nil {
			r.fold.Tallies.Of(user).Read = hashOf(row)
			if a, err := infra.DecodeAggregate(row); err == nil && a.Changes > 0 {
				r.counted[user] = a.Changes
			}
		}
		return nil
	})
}

func (r *rebuilder) makeWholes(ctx context.Context) error {
	for _, f := range r.report.Mismatches {
		if f.Kind != books.KindDecline && f.Kind != books.KindTime && f.Kind != books.KindRefund {
			r.damaged[f.UserID], r.damaged[f.TransactionID] = true, true
		}
	}
	if r.fold.IsWhole() && len(r.lost) == 0 {
		return nil
	}
	wholes, err := r.collect(ctx, func(t ledger.Transaction) bool {
		_, isLost := r.lost[t.FirstID()]
		return isLost || r.fold.MayBeTorn(t) || r.fold.IsOrphan(t)
	})
	if err != nil {
		return err
	}
	for id, lost := range r.lost {
		if w := wholes[id]; w != nil {
			w.Lacks = lost.absent
		}
	}
	for id, w := range wholes {
		for _, stray := range w.Strays() {
			user, row := stray.UserID.String(), stray.ID.String()
			r.damaged[user], r.damaged[row] = true, true
			r.find(finding{UserID: user, TransactionID: row, Kind: books.KindTransactionID, Detail: fmt.Sprintf("no row of transaction %s should have this id", id)})
		}
	}
	return forEach(ctx, r.segments, maps.Values(wholes), r.makeWhole)
}

func (r *rebuilder) includes(user ledger.UserID) bool {
	return r.only == ledger.UserID{} || r.only == user || r.touched[user]
}

// makeWhole makes one torn transaction whole. It is called concurrently.
func (r *rebuilder) makeWhole(ctx context.Context, w *books.Whole) error {
	fix := w.Rebuild()
	users := usersOf(w, fix)
	if fix.IsNone() || r.only != (ledger.UserID{}) && !slices.Contains(users, r.only) {
		return nil
	}
	made, err := r.repair(ctx, w.ID, fix)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, user := range users {
		r.damaged[user.String()] = r.damaged[user.String()] || !made
	}
	return err
}

// repair writes a transaction's missing rows or removes its orphans, and updates the tallies.
func (r *rebuilder) repair(ctx context.Context, id ledger.TransactionID, fix books.Repair) (made bool, err error) {
	c := change{TransactionID: id.String(), Wrote: idsOf(fix.Missing), Removed: idsOf(fix.Orphans), Kept: fix.Unclear}
	r.mu.Lock()
	for _, id := range slices.Concat([]string{id.String(), fix.Absent.String()}, c.Wrote, c.Removed) {
		if r.damaged[id] {
			c.Kept = "its row " + id + " is damaged"
		}
	}
	r.mu.Unlock()
	if made, err = r.make(c, func() error { return r.reader.makeWhole(ctx, id, fix) }); !made {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range fix.Missing {
		r.touched[t.UserID] = true
		r.fold.Tallies.Of(t.UserID).Add(t)
	}
	for _, t := range fix.Orphans {
		r.touched[t.UserID], r.removed[t.ID] = true, true
		r.fold.Tallies.Of(t.UserID).Remove(t)
		r.fold.RemoveRefund(t)
	}
	return true, err
}

// replaceLostRules replaces each lost rule change with one that blocks debits and credits, until an
// operator allows them again. A change is lost if the restore brought back a later change or a
// balance that counts it, but not the change itself.
func (r *rebuilder) replaceLostRules(ctx context.Context) error {
	users := maps.Clone(r.counted)
	for user := range r.fold.Rules {
		users[user] = r.counted[user]
	}
	for user, counted := range users {
		if !r.includes(user) || r.damaged[user.String()] {
			continue
		}
		inUse := books.Sum{}.Minus(r.fold.Tallies.Of(user).Balance(r.config.Settings))
		changes, problem := r.fold.Rules.Of(user).Lost(counted, inUse)
		if problem != "" {
			r.unclear[user] = problem
		}
		for _, lost := range changes {
			row := books.LostRow(user, lost, time.Now())
			c := change{TransactionID: row.ID.String(), Wrote: []string{row.ID.String()}}
			made, err := r.make(c, func() error { return r.putNew(ctx, row) })
			if err != nil {
				return err
			}
			if made {
				r.fold.Rules.Add(row)
			}
		}
	}
	return nil
}

// releaseExpired releases the expired holds of users whose balance would otherwise be negative.
// Such a balance means that a posting released holds and spent the money, but the rows of the
// releases are missing. To release all expired holds does no harm, because reads already treat them
// as released.
func (r *rebuilder) releaseExpired(ctx context.Context) error {
	r.open = r.fold.TakeOpen()
	var ends []ledger.Transaction
	for user, t := range r.fold.Tallies {
		rules, _ := r.fold.Rules.Of(user).Rules()
		spendable := t.Balance(r.config.Settings).Plus(books.SumOf(rules.CreditLimit))
		if !spendable.IsNegative() || !r.includes(user) || r.damaged[user.String()] {
			continue
		}
		for _, h := range r.open[user] {
			at := h.ExpiresAt.Add(time.Second) // the earliest time at which a posting may release it
			if time.Now().Before(at) {
				continue
			}
			ends = append(ends, ledger.Transaction{
				ID: h.TransactionID.End(), UserID: user, End: ledger.Expiry, Amount: h.Amount, Status: ledger.Expired,
				CreatedAt: at, TransactionID: h.TransactionID,
			})
		}
	}
	return forEach(ctx, r.segments, slices.Values(ends), func(ctx context.Context, end ledger.Transaction) error {
		released, err := r.repair(ctx, end.TransactionID, books.Repair{Missing: []ledger.Transaction{end}})
		r.mu.Lock()
		defer r.mu.Unlock()
		r.open[end.UserID] = slices.DeleteFunc(r.open[end.UserID], func(h ledger.Hold) bool {
			return released && h.TransactionID == end.TransactionID
		})
		return err
	})
}

// candidate is a user's stored balance row, nil if there is none, and the tally of the user's rows.
type candidate struct {
	user   ledger.UserID
	tally  *books.Tally
	stored row
}

// rebuildBalances reads the balances again, and rebuilds those that differ from the rows.
func (r *rebuilder) rebuildBalances(ctx context.Context) error {
	var page []candidate
	rebuild := func() error {
		candidates := page
		page = nil
		return forEach(ctx, r.segments, slices.Values(candidates), r.rebuildBalance)
	}
	err := r.scan(ctx, r.config.AggregateTable, "balances", len(r.fold.Tallies), func(row row) error {
		key := books.TextOf(row, "user_id")
		user, err := ledger.ParseUserID(key)
		if infra.IsRefundAccount(row) {
			_, err = infra.ParseRefundsKey(key)
		}
		switch {
		case err != nil:
			r.examine(row, exportBalances)
		case !infra.IsRefundAccount(row):
			t := r.fold.Tallies.Of(user)
			t.Seen = true
			page = append(page, candidate{user, t, row})
		}
		if len(page) < pageRows {
			return nil
		}
		return rebuild()
	})
	if err == nil {
		err = rebuild()
	}
	if err != nil {
		return err
	}
	r.report.Users = len(r.fold.Tallies)
	return forEach(ctx, r.segments, func(yield func(candidate) bool) {
		for user, t := range r.fold.Tallies {
			if !t.Seen && (t.Posted > 0 || r.fold.Rules.Of(user).Len() > 0) && !yield(candidate{user, t, nil}) {
				return
			}
		}
	}, r.rebuildBalance)
}

// rebuildBalance writes a balance that differs from the rows. It is called concurrently.
func (r *rebuilder) rebuildBalance(ctx context.Context, one candidate) error {
	user, t, stored := one.user, one.tally, one.stored
	if !r.includes(user) {
		return nil
	}
	to, reason := r.aggregateOf(user, t)
	wrong := ""
	if reason == "" && isStored(stored, to) {
		var err error
		if wrong, err = r.wrongMover(ctx, one); err != nil || wrong == "" {
			return err
		}
		wrong = " with the wrong transaction_id " + wrong
	}
	c := change{UserID: user.String(), From: describe(stored) + wrong, To: describeAggregate(to)}
	switch read := t.Read; {
	case reason != "":
		c.Kept, c.To = reason, ""
	case stored != nil && hashOf(stored) != read, stored == nil && read != 0:
		c.Kept = errMoved.Error()
	}
	var wanted row
	if !to.IsNone() {
		wanted = to.Attributes(t.Held)
	}
	_, err := r.make(c, func() error { return r.writeBalance(ctx, user.String(), stored, wanted) })
	return err
}

func isStored(stored row, to infra.Aggregate) bool {
	if stored == nil || to.IsNone() {
		return stored == nil && to.IsNone()
	}
	a, err := infra.DecodeAggregate(stored)
	return err == nil && reflect.DeepEqual(a.Attributes(true), to.Attributes(true))
}

// wrongMover returns the balance's transaction_id if it names a write that can't have changed the
// balance, and "" otherwise.
func (r *rebuilder) wrongMover(ctx context.Context, one candidate) (string, error) {
	first, err := ledger.ParseTransactionID(books.TextOf(one.stored, "transaction_id"))
	if err != nil || one.tally.Moved(first) { // there is no transaction_id, or it is right
		return "", nil //nolint:nilerr // no transaction_id is not an error
	}
	if can, err := r.canMove(ctx, one.user, first); err != nil || can && !r.removed[first] {
		return "", err
	}
	return first.String(), nil
}

// aggregateOf returns the account that follows from the rows, or the reason not to write it.
func (r *rebuilder) aggregateOf(user ledger.UserID, t *books.Tally) (to infra.Aggregate, reason string) {
	to = infra.Aggregate{UserID: user, Version: int(t.Posted)}
	if r.damaged[user.String()] {
		return to, "rows of this user are damaged, so the history is not known"
	}
	if to.Rules, reason = r.fold.Rules.Of(user).Rules(); r.unclear[user] != "" || reason != "" {
		return to, cmp.Or(r.unclear[user], reason)
	}
	to.Holds = r.open[user]
	own := t.Balance(r.config.Settings)
	var err error
	if to.Balance, err = ledger.ParseBalance(own.Plus(books.SumOf(to.CreditLimit)).String()); err != nil {
		return to, fmt.Sprintf("the rows add up to %s, which is not a valid balance: rows are missing or changed", own)
	}
	return to, ""
}

func (r *rebuilder) rebuildRefunds(ctx context.Context) error {
	if r.fold.RefundsFit() {
		return nil
	}
	rows, stored, err := r.collectRefunds(ctx)
	if err != nil {
		return err
	}
	return forEach(ctx, r.segments, maps.Keys(rows), func(ctx context.Context, of ledger.TransactionID) error {
		return r.rebuildRefundAccount(ctx, of, rows[of], stored[of])
	})
}

func (r *rebuilder) rebuildRefundAccount(ctx context.Context, of ledger.TransactionID, seen *books.RefundTally, stored row) error {
	c := change{RefundsOf: of.String(), From: "no refunds", To: seen.String()}
	if stored != nil {
		c.From = "a damaged account"
		if a, err := infra.DecodeRefundAccount(stored); err == nil {
			c.From = books.DescribeRefunds(a)
		}
	}
	if c.From == c.To || r.only != (ledger.UserID{}) && !seen.Users[r.only] {
		return nil
	}
	var wanted row
	if seen.Count > 0 {
		account, ok := seen.Account(of)
		if !ok {
			c.Kept, c.To = "the rows add up to "+c.To+", which is more than any amount can be: rows are missing or changed", ""
		}
		wanted = account.Attributes()
	}
	_, err := r.make(c, func() error { return r.writeBalance(ctx, infra.RefundsKey(of), stored, wanted) })
	return err
}

func usersOf(w *books.Whole, fix books.Repair) (users []ledger.UserID) {
	rows := slices.Concat(w.Further, fix.Missing, fix.Orphans)
	if w.First != nil {
		rows = append(rows, *w.First)
	}
	for _, row := range rows {
		users = append(users, row.UserID)
	}
	return users
}

func idsOf(rows []ledger.Transaction) (ids []string) {
	for _, row := range rows {
		ids = append(ids, row.ID.String())
	}
	return ids
}
