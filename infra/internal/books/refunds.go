package books

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// numberOf returns a checksum of a refund account: the number of refunds and the sums, each
// times a weight derived from the original and the entry's place. The weights are odd, so
// that a single difference never cancels out.
func numberOf(a infra.RefundAccount) uint64 {
	const countPlace = -1 // used as the place for the number of refunds
	weight := func(place int) uint64 { return hash("%s %d", a.Of, place) | 1 }
	n := weight(countPlace) * uint64(a.Count)
	for place, refunded := range a.Sums {
		n += weight(place) * SumOf(refunded).low
	}
	return n
}

// refundOf returns the refund account that would result from this refund alone.
func refundOf(t ledger.Transaction) infra.RefundAccount {
	a := infra.RefundAccount{Of: t.RefundOf, Refunds: ledger.Refunds{Count: 1, Sums: map[int]ledger.Amount{}}, RefundedAt: t.CreatedAt}
	for i, e := range t.AllEntries() {
		a.Sums[t.RefundPlaces[i]] = e.Amount
	}
	return a
}

func isPostedRefund(t ledger.Transaction) bool {
	return t.IsRefund() && t.Kind() == ledger.FirstRow && t.Status == ledger.Posted
}

// Original is the transaction that a refund reverses. It can be refunded from Since on.
type Original struct {
	ledger.Original
	Since time.Time
}

// OriginalOf builds a refund's original from the original's rows, each nil if it doesn't
// exist. If it fails, problem is the reason, and absent is the missing row's id, if any.
func OriginalOf(id ledger.TransactionID, first, end *ledger.Transaction) (o Original, problem string, absent ledger.TransactionID) {
	if first == nil {
		return o, "the refunded transaction is missing", id
	}
	t := *first
	o.Since = t.CreatedAt
	if t.Status == ledger.Pending {
		if end == nil {
			return o, "the refunded transaction was not captured", id.End()
		}
		t.Status, o.Since = end.Status, end.CreatedAt
		if end.End == ledger.Capture {
			t.Captured = end.Amount
		}
	}
	var err error
	if o.Original, err = ledger.OriginalOf(t); err != nil {
		return o, "the refunded transaction can't be refunded: " + err.Error(), absent
	}
	return o, "", absent
}

// CompareRefund returns "" if a refund reverses entries of o and is not older than o, or
// else the reason. The clocks of the two calls may differ by clockAhead.
func CompareRefund(refund ledger.Transaction, o Original) string {
	if refund.CreatedAt.Add(clockAhead).Before(o.Since) {
		return fmt.Sprintf("its time, %s, is before the refunded transaction's, %s", ledger.FormatTime(refund.CreatedAt), ledger.FormatTime(o.Since))
	}
	var parts []ledger.Part
	for i, e := range refund.AllEntries() {
		place := refund.RefundPlaces[i]
		if !o.HasEntry(place) {
			return fmt.Sprintf("the refunded transaction has no entry %d", place)
		}
		parts = append(parts, ledger.Part{Entry: place, Amount: e.Amount})
	}
	r := o.Request(parts)
	if !slices.EqualFunc(r.Entries, refund.AllEntries(), ledger.Entry.Equal) {
		return "its entries do not reverse the refunded entries"
	}
	for _, p := range parts {
		if err := o.CheckAmount(p); err != nil {
			return fmt.Sprintf("entry %d: %s", p.Entry, ReasonOf(err))
		}
	}
	return ""
}

// CompareRefunded describes the refunded entries that don't exist or were refunded beyond
// their amount, or returns "".
func CompareRefunded(a infra.RefundAccount, o Original) string {
	var wrong []string
	for _, place := range slices.Sorted(maps.Keys(a.Sums)) {
		switch sum := a.Sums[place]; {
		case !o.HasEntry(place):
			wrong = append(wrong, fmt.Sprintf("%s of entry %d was refunded, but there is no such entry", sum, place))
		case sum.More(o.Entries[place].Amount):
			wrong = append(wrong, fmt.Sprintf("%s of entry %d was refunded, but its amount is only %s", sum, place, o.Entries[place].Amount))
		}
	}
	return strings.Join(wrong, "; ")
}

// RefundTally adds up the refunds of one transaction.
type RefundTally struct {
	Count  int
	Sums   map[int]Sum
	newest time.Time
	Users  map[ledger.UserID]bool // the users of the refunds' entries
}

// RefundTallies holds a tally for each refunded transaction.
type RefundTallies map[ledger.TransactionID]*RefundTally

// Of returns a transaction's tally. If there is none, it adds an empty one.
func (r RefundTallies) Of(original ledger.TransactionID) *RefundTally {
	if r[original] == nil {
		r[original] = &RefundTally{Sums: map[int]Sum{}, Users: map[ledger.UserID]bool{}}
	}
	return r[original]
}

// Add counts a row if it is a posted refund's first row.
func (r RefundTallies) Add(t ledger.Transaction) {
	if !isPostedRefund(t) {
		return
	}
	one := r.Of(t.RefundOf)
	one.Count++
	for i, e := range t.AllEntries() {
		one.Sums[t.RefundPlaces[i]] = one.Sums[t.RefundPlaces[i]].Plus(SumOf(e.Amount))
		one.Users[e.UserID] = true
	}
	if t.CreatedAt.After(one.newest) {
		one.newest = t.CreatedAt
	}
}

// Account returns the refund account that the rows add up to. ok is false if a sum is above
// the highest amount.
func (r *RefundTally) Account(of ledger.TransactionID) (a infra.RefundAccount, ok bool) {
	a = infra.RefundAccount{Of: of, Refunds: ledger.Refunds{Count: r.Count, Sums: map[int]ledger.Amount{}}, RefundedAt: r.newest}
	for place, sum := range r.Sums {
		amount, err := ledger.ParseAmount(sum.String())
		if err != nil {
			return a, false
		}
		a.Sums[place] = amount
	}
	return a, true
}

// String describes the refunds for people, such as "1 refund: 5 of entry 0".
func (r *RefundTally) String() string { return describeRefunds(r.Count, r.Sums) }

// DescribeRefunds describes a refund account like [RefundTally.String]. Two accounts with
// the same description have the same count and sums.
func DescribeRefunds(a infra.RefundAccount) string { return describeRefunds(a.Count, a.Sums) }

func describeRefunds[S fmt.Stringer](count int, sums map[int]S) string {
	if count == 0 {
		return "no refunds"
	}
	var of []string
	for _, place := range slices.Sorted(maps.Keys(sums)) {
		of = append(of, fmt.Sprintf("%s of entry %d", sums[place], place))
	}
	return Count(count, "refund") + ": " + strings.Join(of, ", ")
}
