package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// whole is a transaction whose sum may not be zero, with the rows that there must
// be and those that there are.
type whole struct {
	user              ledger.UserID // of the first row
	expected, isThere []sum
	pending, capture  ledger.Transaction // the first row of a payment on hold, and its end
}

// compareEntries scans the transactions once more for those whose rows are not
// those of their entries, if there are any. They are those from before recent: of
// later ones a scan may have seen a part.
func (a *audit) compareEntries(ctx context.Context, recent time.Time) error {
	a.mu.Lock()
	for id, end := range a.holds.ends {
		a.find(finding{end.user.String(), id.End().String(), kindHold, "it ends a hold that has no pending row"})
	}
	a.mu.Unlock()
	if a.entries.balanced() {
		return nil
	}
	a.progress.Begin("transactions of several entries", a.report.Transactions)
	wholes := map[ledger.TransactionID]*whole{}
	err := a.books.scan(ctx, a.books.config.TransactionsTable, func(page []row) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, r := range page {
			t, err := infra.DecodeTransaction(r)
			if err != nil {
				continue // which is found already
			}
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

// addTo counts a row for its transaction, if that has or may have several entries.
func addTo(wholes map[ledger.TransactionID]*whole, t ledger.Transaction) {
	transaction, expected, isThere := furtherEntries(t)
	pending := t.Status == ledger.Pending && t.Entries != nil
	if expected == nil && isThere == (sum{}) && !pending && t.End != ledger.Capture {
		return
	}
	if wholes[transaction] == nil {
		wholes[transaction] = &whole{}
	}
	w := wholes[transaction]
	switch {
	case pending:
		w.user, w.pending = t.UserID, t
	case t.End == ledger.Capture:
		w.capture = t
	case expected != nil:
		w.user, w.expected = t.UserID, expected
	default:
		w.isThere = append(w.isThere, isThere)
	}
}

// compare says how the rows of a transaction are not those of its entries, or "".
// A payment on hold has the row of its credit with its capture, of what was captured.
func (w *whole) compare() string {
	if id := w.pending.ID; id != (ledger.TransactionID{}) && w.capture.End != "" {
		credit := ledger.Entry{UserID: w.pending.Entries[1].UserID, Type: ledger.Credit, Amount: w.capture.Amount}
		w.expected = append(w.expected, hashEntry(id, id.Entry(1), credit, w.capture.CreatedAt))
	}
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
