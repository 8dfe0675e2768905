package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"onewrite/ledger"
)

// whole is a transaction whose sum may not be zero, with the rows that there must
// be and those that there are.
type whole struct {
	user              ledger.UserID // of the first row
	expected, isThere []sum
}

// compareEntries scans the transactions once more for those whose rows are not
// those of their entries, if there are any. They are those from before recent: of
// later ones a scan may have seen a part.
func (a *audit) compareEntries(ctx context.Context, recent time.Time) error {
	if *a.entries == (entrySums{}) {
		return nil
	}
	a.progress.Begin("transactions of several entries", a.report.Transactions)
	wholes := map[ledger.TransactionID]*whole{}
	err := a.books.scan(ctx, a.books.config.TransactionsTable, func(page []row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, r := range page {
			t, _, _ := examineTransaction(r) // what is wrong with it is found already
			if transaction, _, _ := furtherEntries(t); t.CreatedAt.Before(recent) && a.entries.wrong(transaction) {
				addTo(wholes, t)
			}
		}
		a.progress.Add(len(page))
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, w := range wholes {
		if detail := w.compare(); detail != "" {
			a.find(finding{w.user.String(), id.String(), kindEntries, detail})
		}
	}
	return nil
}

// addTo counts a row for its transaction. One that can't be read is of none.
func addTo(wholes map[ledger.TransactionID]*whole, t ledger.Transaction) {
	transaction, expected, isThere := furtherEntries(t)
	if expected == nil && isThere == (sum{}) {
		return
	}
	if wholes[transaction] == nil {
		wholes[transaction] = &whole{}
	}
	w := wholes[transaction]
	if expected != nil {
		w.user, w.expected = t.UserID, expected
	} else {
		w.isThere = append(w.isThere, isThere)
	}
}

// compare says how the rows of a transaction are not those of its entries, or "".
func (w *whole) compare() string {
	missing, extra := 0, len(w.isThere)
	for _, h := range w.expected {
		if slices.Contains(w.isThere, h) {
			extra--
		} else {
			missing++
		}
	}
	switch {
	case missing == 0 && extra == 0:
		return ""
	case w.expected == nil:
		return fmt.Sprintf("%s of it, and no first row that has their entries", count(extra, "row"))
	default:
		return fmt.Sprintf("%d of its %d further entries have no such row, and %s of it have no such entry", missing, len(w.expected), count(extra, "row"))
	}
}
