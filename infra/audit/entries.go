package main

import (
	"context"
	"time"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// compareEntries scans the transactions once more for those whose rows are not
// those of their entries, if there are any. They are those from before recent: of
// later ones a scan may have seen a part.
func (a *audit) compareEntries(ctx context.Context, recent time.Time) error {
	a.holds.Orphans(func(hold ledger.TransactionID, user ledger.UserID, created time.Time) {
		if created.Before(recent) {
			a.find(finding{UserID: user.String(), TransactionID: hold.End().String(), Kind: books.KindHold, Detail: "it ends a hold that has no pending row"})
		}
	})
	if a.entries.Balanced() {
		return nil
	}
	wholes, err := a.collect(ctx, func(t ledger.Transaction) bool {
		return (t.CreatedAt.Before(recent) || t.Status == ledger.Pending) && a.entries.Wrong(books.TransactionOf(t))
	})
	if err != nil {
		return err
	}
	for id, w := range wholes {
		detail := w.Difference()
		if detail == "" {
			continue
		}
		user := ""
		if w.First != nil {
			user = w.First.UserID.String()
		}
		a.find(finding{UserID: user, TransactionID: id.String(), Kind: books.KindEntries, Detail: detail})
	}
	return nil
}

// collect scans the transactions for the rows that are wanted.
func (a *audit) collect(ctx context.Context, wanted func(ledger.Transaction) bool) (books.Wholes, error) {
	a.progress.Begin("transactions of several entries", a.report.Transactions)
	wholes := books.Wholes{}
	for r, err := range a.tables.scan(ctx, a.tables.config.TransactionsTable) {
		if err != nil {
			return nil, err
		}
		a.progress.Add(1)
		if t, err := infra.DecodeTransaction(r); err == nil && wanted(t) { // an unreadable row is found already
			wholes.Add(t)
		}
	}
	return wholes, nil
}
