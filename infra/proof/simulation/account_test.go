package simulation_test

import (
	"fmt"
	"slices"
	"strings"

	"onewrite/ledger"
)

const (
	mostUsers   = 4
	mostKeys    = 12 // for all users
	mostEntries = 4
	ceiling     = int64(1e15) * 100
)

// accounts is all users' ledger that does one thing at a time, in cents. It is compared with ==,
// often: the outcomes themselves are in the history.
type accounts struct {
	balances [mostUsers]int64 // without the held money, with the limit
	keys     [mostKeys]uint8  // each key's outcome, by number
	ends     [mostKeys]uint8  // the end of each key's hold, by number
	short    uint64           // declines, a bit each, that balances asked for
	lapsed   uint16           // holds, a bit each, that a reading counted as expired
	refunded [mostKeys][mostEntries]int64
	rules    [mostUsers]rules
	ruled    [mostRules]uint8 // the outcome for each rule key, by number
}

// entry is one change to a user's balance.
type entry struct {
	user   int
	kind   ledger.Type
	amount int64
}

// outcome is a key's use. The zero outcome is an unused key's.
type outcome struct {
	entries  [mostEntries]entry // zero after the last
	metadata ledger.Metadata
	lasts    int64 // milliseconds until it expires, if pending
	status   ledger.Status
	place    int   // the declined entry's
	seen     int64 // the balance that declined it
	blocked  bool  // whether rules declined it instead
	created  int64 // by the writing call's clock, in milliseconds
	refunds  refunds
}

func (o *outcome) all() []entry {
	last := slices.IndexFunc(o.entries[:], func(e entry) bool { return e == entry{} })
	if last < 0 {
		last = mostEntries
	}
	return o.entries[:last]
}

// moved returns the entries that the first write posts: a pending transaction's credit comes with
// its capture.
func (o *outcome) moved() []entry {
	if o.lasts != 0 {
		return o.entries[:1]
	}
	return o.all()
}

func (o *outcome) String() string {
	if *o == (outcome{}) {
		return "unused"
	}
	text := fmt.Sprintf("%s at %d: %s", o.status, o.created-epoch.UnixMilli(), textOf(o.all()))
	if o.lasts != 0 {
		text += fmt.Sprintf(" for %d ms", o.lasts)
	}
	if o.status == ledger.Declined {
		text += fmt.Sprintf(", entry %d on %d", o.place, o.seen)
	}
	return text
}

func textOf(entries []entry) string {
	var texts []string
	for _, e := range entries {
		texts = append(texts, fmt.Sprintf("user %d %s %d", e.user, e.kind, e.amount))
	}
	return strings.Join(texts, ", ")
}

// misfit is an entry that does not fit: its place, its user's balance then, and whether the user's
// rules blocked it.
type misfit struct {
	place   int
	seen    int64
	blocked bool
}

// post posts entries one after another, up to the first that does not fit. If only is a user, it
// leaves out the others' entries.
func (a accounts) post(entries []entry, only int) (after accounts, declined misfit, fits bool) {
	for i, e := range entries {
		if only != everybody && e.user != only {
			continue
		}
		if a.rules[e.user].block(e.kind) {
			return a, misfit{i, a.balances[e.user], true}, false
		}
		balance := a.balances[e.user] + e.amount
		fits := balance <= ceiling
		if e.kind == ledger.Debit {
			balance = a.balances[e.user] - e.amount
			fits = balance >= 0
		}
		if !fits {
			return a, misfit{place: i, seen: a.balances[e.user]}, false
		}
		a.balances[e.user] = balance
	}
	return a, misfit{}, true
}

const everybody = -1

// event is one thing that happens to the accounts, if it can.
type event func(accounts) (after accounts, can bool)

// posted uses a key and moves all balances at once. Before that it releases expired holds.
func (h *history) posted(key int, o outcome, number uint8, released []release) event {
	entries := o.moved()
	return func(a accounts) (accounts, bool) {
		for _, r := range released {
			var can bool
			if a, can = h.end(a, r.key, r.number, grace); !can {
				return a, false
			}
		}
		if (o.refunds != refunds{}) {
			var can bool
			if a, _, _, can = h.refund(a, o); !can {
				return a, false
			}
		}
		after, _, fits := a.post(entries, everybody)
		after.keys[key] = number
		return after, fits && a.keys[key] == 0
	}
}

// A decline is two events, fallShort and decline. At one instant a balance does not allow an entry,
// even with all holds released that have expired then. Later in the same call the decline is
// written under the key, if that is still unused. The balance may be another by then: a decline
// reports the past. It names the first entry that does not fit: of all entries if DynamoDB reported
// all failed conditions, else of that user's.
func (h *history) fallShort(o outcome, bit uint64, allReported bool, now int64) event {
	entries, only := o.moved(), everybody
	if !allReported {
		only = o.entries[o.place].user
	}
	return func(a accounts) (accounts, bool) {
		if (o.refunds != refunds{}) && allReported {
			if _, _, _, can := h.refund(a, o); !can {
				return a, false // the refund account comes before balances
			}
		}
		free := h.freed(a, now)
		_, declined, fits := free.post(entries, only)
		a.lapsed = free.lapsed
		a.short |= bit
		return a, !fits && declined == misfit{o.place, o.seen, o.blocked}
	}
}

func decline(key int, number uint8, bit uint64) event {
	return func(a accounts) (accounts, bool) {
		can := a.keys[key] == 0 && a.short&bit != 0
		a.keys[key] = number
		a.short &^= bit
		return a, can
	}
}

// replay answers a key's outcome, the number 0 if it is unused.
func replay(key int, number uint8) event {
	return func(a accounts) (accounts, bool) { return a, a.keys[key] == number }
}

// row answers a further entry in a key's transaction and its time, or the zero entry if there is no
// such row.
func (h *history) row(key, place int, e entry, created int64) event {
	return func(a accounts) (accounts, bool) {
		has, end := &h.outcomes[a.keys[key]], &h.endings[a.ends[key]]
		if place < len(has.all()) && end.end == ledger.Capture {
			credited := has.entries[place]
			credited.amount = end.captured
			return a, credited == e && end.created == created
		}
		if has.status != ledger.Posted || place >= len(has.all()) {
			return a, e == entry{}
		}
		return a, has.entries[place] == e && has.created == created
	}
}

// reused answers how a request differs from its key's outcome.
func (h *history) reused(key int, asked outcome, differs ledger.KeyReusedError) event {
	return func(a accounts) (accounts, bool) {
		has := &h.outcomes[a.keys[key]]
		want := ledger.KeyReusedError{MetadataDiffers: has.metadata != asked.metadata, ExpiresInDiffers: has.lasts != asked.lasts}
		if len(has.all()) == 1 && len(asked.all()) == 1 {
			want.TypeDiffers = has.entries[0].kind != asked.entries[0].kind
			want.AmountDiffers = has.entries[0].amount != asked.entries[0].amount
		} else {
			want.EntriesDiffer = has.entries != asked.entries
		}
		want.RefundOfDiffers = has.refunds.of != asked.refunds.of
		want.EntriesDiffer = want.EntriesDiffer || !want.RefundOfDiffers && has.refunds.places != asked.refunds.places
		return a, a.keys[key] != 0 && differs == want && want != ledger.KeyReusedError{}
	}
}
