package main

import (
	"context"
	"encoding/csv"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// statement writes a user's transactions, oldest first, with the balance after
// each, as a table or as CSV. It holds no text of a caller's, such as a key,
// so nothing in it can be taken for a formula by a spreadsheet.
//
// The order is that of created_at, the function's clock. Between transactions
// of the same moment the running balance may differ from the one that was
// there, even be below zero; the last is right.
func (b *books) statement(ctx context.Context, user ledger.UserID, asCSV bool, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	sheet := csv.NewWriter(out)
	write := func(fields ...string) { // what fails is returned at the end
		if asCSV {
			_ = sheet.Write(fields)
		} else {
			_, _ = io.WriteString(table, strings.Join(fields, "\t")+"\n")
		}
	}
	write("date", "type", "amount", "balance", "status")
	var seen tally
	var damaged error
	err := b.history(ctx, user, time.Time{}, func(r row) {
		t, err := infra.DecodeTransaction(r)
		if err != nil {
			damaged = err
			return
		}
		seen.add(t)
		write(ledger.FormatTime(t.CreatedAt), string(t.Type), t.Amount.String(), seen.balance().Text('f'), string(t.Status))
	})
	if err == nil {
		err = damaged
	}
	if err != nil {
		return err
	}
	sheet.Flush()
	if err := sheet.Error(); err != nil {
		return err
	}
	return table.Flush()
}
