package ledger

import (
	"bytes"
	"cmp"
	"sort"
	"time"
)

// SortRows sorts one user's rows into the order in which they count, oldest first. Rows
// with one time count by their place in their write: first the expiries, then the
// entries, by their place in the transaction, then the captures and voids. A hold's end
// never counts before a hold with the same time. Between two writes the time guarantees
// no order: clocks differ, and a write may wait.
func SortRows(rows []Transaction) {
	places := placesOf(rows)
	heldAt := map[TransactionID]time.Time{}
	for _, row := range rows {
		if row.Status == Pending {
			heldAt[row.ID] = row.CreatedAt
		}
	}
	class := func(row *Transaction) int {
		held, ok := heldAt[row.TransactionID]
		endsAtOnce := ok && held.Equal(row.CreatedAt)
		switch {
		case row.Kind() != EndRow:
			return 1
		case row.End == Expiry && !endsAtOnce:
			return 0
		}
		return 2
	}
	// slices.SortFunc would be compiled for this type: 10 KB more in the binary.
	sort.Slice(rows, func(i, j int) bool {
		a, b := &rows[i], &rows[j]
		firstOfA, firstOfB := a.FirstID(), b.FirstID()
		return cmp.Or(
			a.CreatedAt.Compare(b.CreatedAt),
			cmp.Compare(class(a), class(b)),
			bytes.Compare(firstOfA[:], firstOfB[:]),
			cmp.Compare(places[a.ID], places[b.ID]),
			bytes.Compare(a.ID[:], b.ID[:]),
		) < 0
	})
}

// placesOf returns the places for rows that share a transaction with another row. A row
// does not store its place, but its id derives from it.
func placesOf(rows []Transaction) map[TransactionID]int {
	unknown := map[TransactionID]int{} // how many rows have no place yet, by transaction
	places := map[TransactionID]int{}
	for _, row := range rows {
		if row.Kind() != EndRow {
			unknown[row.FirstID()]++
			places[row.ID] = 0
		}
	}
	for id, rows := range unknown {
		if rows == 1 {
			continue // nothing to compare it with
		}
		for place := 0; rows > 0 && place < MaxItems; place++ {
			entry := id.Entry(place)
			if _, ok := places[entry]; ok {
				places[entry] = place
				rows--
			}
		}
	}
	return places
}
