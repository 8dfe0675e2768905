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
	mostPosts   = 12 // the number of keys for transactions, over all users
	mostChanges = 8  // the number of keys for rule changes; they follow the keys for transactions
	mostKeys    = mostPosts + mostChanges
	mostEntries = 4
	ceiling     = int64(1e15) * 100
)

// accounts is the state of a model ledger that handles one call at a time. All sums are in cents.
// The type must be comparable, because the linearizability checker often compares states with ==.
type accounts struct {
	balances [mostUsers]int64 // spendable money: includes the credit limit, excludes held money
	rules    [mostUsers]rules
	keys     [mostKeys]unique.Handle[outcome]
	ends     [mostPosts]unique.Handle[ending] // how each key's hold ended
	refunded [mostPosts][mostEntries]int64
	short    uint64 // a bit for each decline that a call has decided but not yet stored
	expired  uint16 // a bit for each hold that an answer counted as expired
}

// unused is the outcome of an unused key, and notEnded is the ending of an open hold.
var (
	unused   = unique.Make(outcome{})
	notEnded = unique.Make(ending{})
)

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

type entry struct {
	user   int
	kind   ledger.Type
	amount int64
}

// outcome is the result of the first call with a key. An unused key has the zero outcome.
type outcome struct {
	entries  [mostEntries]entry // unused places are zero
	metadata ledger.Metadata
	lasts    int64 // milliseconds from creation to expiry of the hold; 0 for no hold
	refunds  refunds
	change   change // for a rule change, which has no entries

	status  ledger.Status
	place   int   // the index of the declined entry
	seen    int64 // the user's balance before that entry
	blocked bool  // declined by a rule, not by the balance
	created int64 // Unix milliseconds, by the writer's clock
}

func (o *outcome) all() []entry {
	last := slices.Index(o.entries[:], entry{})
	if last < 0 {
		last = mostEntries
	}
	return o.entries[:last]
}

// moved returns the entries that a post applies at once. A pending transaction's credit is applied
// only when the hold is captured.
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

// misfit describes a declined entry: its index, the user's balance before it, and whether a rule
// blocks it.
type misfit struct {
	place   int
	seen    int64
	blocked bool
}

// post applies entries in order, up to the first that does not fit, which it returns as declined.
// If the parameter only is a user and not everyUser, post skips all other users' entries.
func (a accounts) post(entries []entry, only int) (after accounts, declined misfit, fits bool) {
	for i, e := range entries {
		if only != everyUser && e.user != only {
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

const everyUser = -1

// event is one step of the model ledger. Its second result is false if the step is impossible.
type event func(accounts) (after accounts, can bool)

// posted returns the event of a successful post. The event releases expired holds, counts a refund,
// applies the entries to the balances, and stores the outcome.
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
		after, _, can = a.post(o.moved(), everyUser)
		after.keys[key] = use
		return after, can
	}
}

// A decline is two events, decideDecline and decline. At decideDecline an entry does not fit: a rule
// blocks it, or the balance does not allow it, even with all expired holds released. At decline,
// later in the same call, the decline is stored under the key, if the key is still unused. The
// balance may have changed in between. The decline names the first entry that does not fit, or if
// DynamoDB did not report all failed conditions, the first of the declined user's entries that does
// not fit.
func (h *history) decideDecline(o outcome, bit uint64, allReported bool, now int64) event {
	entries, only := o.moved(), everyUser
	if !allReported {
		only = o.entries[o.place].user
	}
	return func(a accounts) (accounts, bool) {
		if o.refunds != (refunds{}) && allReported {
			if _, _, _, can := h.refund(a, o); !can {
				return a, false // a refund above its limit is rejected, not declined
			}
		}
		free := h.withReleases(a, now)
		_, declined, fits := free.post(entries, only)
		a.expired = free.expired
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

// replay requires that the key has the outcome o. The zero outcome requires an unused key.
func replay(key int, o outcome) event {
	use := unique.Make(o)
	return func(a accounts) (accounts, bool) { return a, a.keys[key] == use }
}

// row requires that the key's row at index place has the entry e and this creation time. If e is
// the zero entry, row requires that there is no such row.
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

// reused requires that the request asked differs from the key's outcome in exactly the fields that
// the error lists.
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
