package simulation_test

import (
	"fmt"
	"slices"
	"strings"
	"unique"

	"onewrite/ledger"
)

const (
	mostUsers   = 4
	mostPosts   = 12 // keys for transactions, of all users
	mostChanges = 8  // keys for changes of rules, after them
	mostKeys    = mostPosts + mostChanges
	mostEntries = 4
	ceiling     = int64(1e15) * 100
)

// accounts has every user's money, in cents, of a ledger that does one thing at a time. The search
// often compares it, with ==.
type accounts struct {
	balances [mostUsers]int64 // without the held money, with the limit
	rules    [mostUsers]rules
	keys     [mostKeys]unique.Handle[outcome]
	ends     [mostPosts]unique.Handle[ending] // of each key's hold
	refunded [mostPosts][mostEntries]int64
	short    uint64 // declines, a bit each, that balances asked for
	lapsed   uint16 // holds, a bit each, that a reading counted as expired
}

// The handles of keys and holds before they are used.
var (
	unused   = unique.Make(outcome{})
	notEnded = unique.Make(ending{})
)

// newAccounts returns the accounts before all calls.
func newAccounts(users []user) (a accounts) {
	for i, u := range users {
		a.balances[i] = u.opening
	}
	for i := range a.keys {
		a.keys[i] = unused
	}
	for i := range a.ends {
		a.ends[i] = notEnded
	}
	return a
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
	refunds  refunds
	change   change // of rules, instead of entries

	status  ledger.Status
	place   int   // the declined entry's
	seen    int64 // the balance that declined it
	blocked bool  // whether rules declined it instead
	created int64 // by the writing call's clock, in milliseconds
}

func (o *outcome) all() []entry {
	last := slices.Index(o.entries[:], entry{})
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
	var text strings.Builder
	for _, e := range o.all() {
		fmt.Fprintf(&text, "user %d %s %d, ", e.user, e.kind, e.amount)
	}
	if o.lasts != 0 {
		fmt.Fprintf(&text, "for %d ms, ", o.lasts)
	}
	if o.change != (change{}) {
		fmt.Fprintf(&text, "%+v, ", o.change)
	}
	if o.status != "" {
		fmt.Fprintf(&text, "%s at %d", o.status, o.created-epoch.UnixMilli())
	}
	if o.status == ledger.Declined {
		fmt.Fprintf(&text, ", entry %d on %d", o.place, o.seen)
	}
	return text.String()
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
		before := a.balances[e.user]
		if a.rules[e.user].block(e.kind) {
			return a, misfit{i, before, true}, false
		}
		balance := before + e.amount
		if e.kind == ledger.Debit {
			balance = before - e.amount
		}
		if balance < 0 || e.kind == ledger.Credit && balance > ceiling {
			return a, misfit{place: i, seen: before}, false
		}
		a.balances[e.user] = balance
	}
	return a, misfit{}, true
}

const everybody = -1

// event is one thing that happens to the accounts, if it can.
type event func(accounts) (after accounts, can bool)

// posted uses a key and moves all balances at once. Before that it releases expired holds.
func (h *history) posted(key int, o outcome, released []release) event {
	use := unique.Make(o)
	return func(a accounts) (after accounts, can bool) {
		if a.keys[key] != unused {
			return a, false
		}
		for _, r := range released {
			if a, can = h.end(a, r.key, r.ending, grace); !can {
				return a, false
			}
		}
		if o.refunds != (refunds{}) {
			if a, _, _, can = h.refund(a, o); !can {
				return a, false
			}
		}
		after, _, can = a.post(o.moved(), everybody)
		after.keys[key] = use
		return after, can
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
		if o.refunds != (refunds{}) && allReported {
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

func decline(key int, o outcome, bit uint64) event {
	use := unique.Make(o)
	return func(a accounts) (accounts, bool) {
		can := a.keys[key] == unused && a.short&bit != 0
		a.keys[key] = use
		a.short &^= bit
		return a, can
	}
}

// replay requires that the key has this outcome, or none for the zero outcome.
func replay(key int, o outcome) event {
	use := unique.Make(o)
	return func(a accounts) (accounts, bool) { return a, a.keys[key] == use }
}

// row answers a further entry in a key's transaction and its time, or the zero entry if there is no
// such row.
func row(key, place int, e entry, created int64) event {
	return func(a accounts) (accounts, bool) {
		has, end := a.keys[key].Value(), a.ends[key].Value()
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
func reused(key int, asked outcome, differs ledger.KeyReusedError) event {
	return func(a accounts) (accounts, bool) {
		has := a.keys[key].Value()
		want := ledger.KeyReusedError{
			MetadataDiffers:  has.metadata != asked.metadata,
			ExpiresInDiffers: has.lasts != asked.lasts,
			RefundOfDiffers:  has.refunds.of != asked.refunds.of,
		}
		if len(has.all()) == 1 && len(asked.all()) == 1 {
			want.TypeDiffers = has.entries[0].kind != asked.entries[0].kind
			want.AmountDiffers = has.entries[0].amount != asked.entries[0].amount
		} else {
			want.EntriesDiffer = has.entries != asked.entries
		}
		if !want.RefundOfDiffers && has.refunds.places != asked.refunds.places {
			want.EntriesDiffer = true
		}
		return a, a.keys[key] != unused && differs == want && want != ledger.KeyReusedError{}
	}
}
