package main

import (
	"context"
	"maps"
	"slices"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// lostRefund is a refund whose original, or the original's capture, is missing. A restore can bring
// back the refund without that row.
type lostRefund struct {
	absent ledger.TransactionID // the missing row's id
	found  finding
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

// compareRefunds reports lost refunds, and refund accounts that differ from their refunds. It scans
// both tables again only if an account differs. Accounts with a recent refund are left to the next
// audit.
func (a *audit) compareRefunds(ctx context.Context) error {
	for _, lost := range a.lost {
		a.find(lost.found)
	}
	if a.fold.RefundsFit() {
		return nil
	}
	rows, stored, err := a.collectRefunds(ctx)
	if err != nil {
		return err
	}
	for of, seen := range rows {
		has, made := "there is no refund account", seen.String()
		if stored[of] != nil {
			account, _, ok := books.ExamineRefundAccount(a.config.Settings, stored[of])
			described := books.DescribeRefunds(account)
			if !ok || !account.RefundedAt.Before(a.recent) || described == made { // a damaged account is already reported
				continue
			}
			has = "the refund account has " + described
		}
		if !seen.MovedSince(a.recent) {
			a.find(misrefunded(of, has+"; the history has "+made))
		}
	}
	return nil
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
