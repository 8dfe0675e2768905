package ledger

import (
	"bytes"
	"cmp"
	"sort"
	"time"
)

// SortRows sorts one user's rows in the order in which they apply, oldest first. Rows with
// the same time follow their order in the write: first the expiries, then the entries by
// their place in the transaction, then the captures and voids. The end of a hold comes
// after the hold even if both have the same time. Times do not reliably order two writes,
// because clocks differ and a write may be delayed.
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
	// slices.SortFunc, which is compiled for each type, would add 10 KB to the binary.
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

// placesOf returns the place of each entry in its transaction. A row does not store its
// place, but its id is derived from the place. An entry that is the only one of its
// transaction in rows gets place 0.
func placesOf(rows []Transaction) map[TransactionID]int {
	unknown := map[TransactionID]int{} // number of rows whose place is unknown, by transaction
	places := map[TransactionID]int{}
	for _, row := range rows {
		if row.Kind() != EndRow {
			unknown[row.FirstID()]++
			places[row.ID] = 0
		}
	}
	for id, rows := range unknown {
		if rows == 1 {
			continue // a single row keeps place 0
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
