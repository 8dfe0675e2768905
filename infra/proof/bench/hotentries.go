package main

import (
	"context"

	"onewrite/infra/infratest"
)

// hotEntries is how many entries a write of one user has in each row of the
// measurement. The first is what the others are compared with.
var hotEntries = []int{1, 10, 50, 99}

// hotEntry is how many entries a second reach one user on DynamoDB Local as it is,
// from processes of the built function that post as fast as they are answered.
type hotEntry struct {
	Entries int `json:"entries"` // of a write
	hotAccount
	EntriesPerSecond float64 `json:"entriesPerSecond"`
	OfSingle         float64 `json:"ofSingle"` // of those a second of writes of one entry
}

// measureHotEntries measures each row in every round, on books of its own, and
// keeps the better of its rounds.
func (sub *subject) measureHotEntries(ctx context.Context, much effort, tick func()) ([]hotEntry, error) {
	all := make([]hotEntry, len(hotEntries))
	for range much.hotRounds {
		for i, entries := range hotEntries {
			h, err := sub.onNewBooks(ctx, func(books *infratest.Books) (hotAccount, error) {
				return sub.overProcesses(ctx, books, hotSetting{callers: environments, lasting: much.hotFor, entries: entries})
			})
			if err != nil {
				return nil, err
			}
			if all[i].Entries == 0 || h.PerSecond > all[i].PerSecond {
				all[i] = hotEntry{Entries: entries, hotAccount: h}
			}
			tick()
		}
	}
	for i := range all {
		all[i].EntriesPerSecond = all[i].PerSecond * float64(all[i].Entries)
		all[i].OfSingle = all[i].EntriesPerSecond / max(1, all[0].EntriesPerSecond)
	}
	return all, nil
}
