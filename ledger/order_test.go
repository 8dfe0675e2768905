package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// orders returns the rows in many orders: each rotation, forwards and backwards.
func orders(rows []ledger.Transaction) (all [][]ledger.Transaction) {
	for i := range rows {
		rotated := slices.Concat(rows[i:], rows[:i])
		turned := slices.Clone(rotated)
		slices.Reverse(turned)
		all = append(all, rotated, turned)
	}
	return all
}

// Rows count by their time, and rows from one write by their place in it.
func TestSortRows(t *testing.T) {
	t.Parallel()
	rowsOf := func(text string, at time.Time) []ledger.Transaction {
		p, err := ledger.NewPosting(requestOf(t, text, 0), at)
		require.NoError(t, err)
		return p.Rows
	}
	expiryOf := func(key string, at time.Time) ledger.Transaction {
		end := endRow(t, ledger.Transaction{ID: newID(t, "1", key), UserID: rowsOf("1 debit 1", noon)[0].UserID}, ledger.Expiry, "40")
		end.CreatedAt = at
		return end
	}
	hold := pendingRow(t, "1 debit 40")
	var many []ledger.Transaction
	for _, row := range rowsOf("1 debit 1, 1 debit 2, 2 credit 3, 1 debit 4, 1 debit 5, 1 debit 6, 1 debit 7, 1 debit 8, 1 debit 9, 1 debit 10, 1 debit 11, 1 credit 12", noon) {
		if row.UserID.String() == "1" {
			many = append(many, row)
		}
	}
	for _, c := range []struct {
		name string
		want []ledger.Transaction
	}{
		{"none", nil},
		{"by time", append(rowsOf("1 debit 1", noon.Add(-time.Millisecond)), expiryOf("a", noon))},
		{"entries by their place", many},
		{"entries by their place, the first not there", many[1:]},
		{"releases first", append([]ledger.Transaction{expiryOf("a", noon)}, many...)},
		{"a capture after its hold", []ledger.Transaction{hold, endRow(t, hold, ledger.Capture, "25")}},
		{"a void after its hold", []ledger.Transaction{expiryOf("a", noon), hold, endRow(t, hold, ledger.Void, "40")}},
		{"an expiry after its hold", []ledger.Transaction{expiryOf("a", noon), hold, endRow(t, hold, ledger.Expiry, "40")}},
	} {
		for _, got := range orders(c.want) {
			ledger.SortRows(got)
			assert.Equal(t, c.want, got, c.name)
		}
	}
}

// The order within one time does not depend on the order in which rows are read.
func TestSortRowsOfSeveralWrites(t *testing.T) {
	t.Parallel()
	var rows []ledger.Transaction
	for _, k := range []string{"a", "b", "c", "d"} {
		p, err := ledger.NewPosting(ledger.Request{IdempotencyKey: key(t, k), Entries: entries(t, "1 debit 1, 1 debit 2, 1 debit 3")}, noon)
		require.NoError(t, err)
		rows = append(rows, p.Rows...)
	}
	want := slices.Clone(rows)
	ledger.SortRows(want)
	for _, got := range orders(rows) {
		ledger.SortRows(got)
		require.Equal(t, want, got)
	}
	for i := 0; i < len(want); i += 3 {
		first := want[i].ID
		assert.Equal(t, []ledger.TransactionID{first, first.Entry(1), first.Entry(2)}, []ledger.TransactionID{want[i].ID, want[i+1].ID, want[i+2].ID})
	}
}
