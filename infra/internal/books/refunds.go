package books

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// refundSums compare the refund accounts with the refunds' rows, in any order and
// without keeping either. A row adds each place's amount, times a number made from the
// original and the place, and an account subtracts its sums in the same way. The
// arithmetic is modulo 2^64, and the numbers are odd, so that one difference never
// vanishes. There are many sums, by the first bits in the original's id.
type refundSums struct {
	sums  [1 << bucketBits]uint64
	young [1 << bucketBits]bool // a refund may be in flight
}

// countPlace stands for the number of refunds, beside the entries' places.
const countPlace = -1

func weight(original ledger.TransactionID, place int) uint64 {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d", original, place))
	return binary.BigEndian.Uint64(h[:]) | 1
}

// ofRow returns the number that a refund's first row adds.
func (s *refundSums) ofRow(t ledger.Transaction) uint64 {
	sum := weight(t.RefundOf, countPlace)
	for i, e := range t.AllEntries() {
		sum += weight(t.RefundOf, t.RefundPlaces[i]) * SumOf(e.Amount).low
	}
	return sum
}

// ofAccount returns the number that an account subtracts.
func (s *refundSums) ofAccount(a infra.RefundAccount) uint64 {
	sum := weight(a.Of, countPlace) * uint64(a.Count)
	for place, refunded := range a.Sums {
		sum += weight(a.Of, place) * SumOf(refunded).low
	}
	return sum
}

// addRefund counts a posted refund's first row, and keeps it for [Fold.TakeRefunds].
func (f *Fold) addRefund(t ledger.Transaction) {
	if f.refunds == nil {
		f.refunds = new(refundSums)
	}
	at := bucketOf(t.RefundOf)
	f.refunds.sums[at] += f.refunds.ofRow(t)
	f.refunds.young[at] = f.refunds.young[at] || !t.CreatedAt.Before(f.before)
	f.waitingRefunds = append(f.waitingRefunds, t)
}

// RemoveRefund takes back a refund's first row that was counted.
func (f *Fold) RemoveRefund(t ledger.Transaction) {
	if isPostedRefund(t) {
		f.refunds.sums[bucketOf(t.RefundOf)] -= f.refunds.ofRow(t)
	}
}

func isPostedRefund(t ledger.Transaction) bool {
	return t.IsRefund() && t.Kind() == ledger.FirstRow && t.Status == ledger.Posted
}

// AddRefundAccount counts a refund account.
func (f *Fold) AddRefundAccount(a infra.RefundAccount) {
	if f.refunds == nil {
		f.refunds = new(refundSums)
	}
	at := bucketOf(a.Of)
	f.refunds.sums[at] -= f.refunds.ofAccount(a)
	f.refunds.young[at] = f.refunds.young[at] || !a.RefundedAt.Before(f.before)
}

// RefundsFit reports whether the refund accounts agree with the refunds' rows. It
// leaves out accounts with a refund that may be in flight, and accounts that share a
// sum with one.
func (f *Fold) RefundsFit() bool {
	if f.refunds == nil {
		return true
	}
	for at, sum := range f.refunds.sums {
		if sum != 0 && !f.refunds.young[at] {
			return false
		}
	}
	return true
}

// MayMisrefund reports whether the transaction's refund account, or one that shares its
// sum, may be wrong.
func (f *Fold) MayMisrefund(original ledger.TransactionID) bool {
	at := bucketOf(original)
	return f.refunds != nil && f.refunds.sums[at] != 0 && !f.refunds.young[at]
}

// RefundsMoved returns a function that reports whether a refund has moved a
// transaction's account, or one that shares its sum, since it was counted. Then the
// collected rows differ from the counted ones. The rows must have been collected before
// the accounts.
func (f *Fold) RefundsMoved(rows RefundTallies, accounts []infra.RefundAccount) func(original ledger.TransactionID) bool {
	collected := map[uint32]uint64{}
	for of, r := range rows {
		collected[bucketOf(of)] += weight(of, countPlace) * uint64(r.Count)
		for place, sum := range r.Sums {
			collected[bucketOf(of)] += weight(of, place) * sum.low
		}
	}
	for _, a := range accounts {
		collected[bucketOf(a.Of)] -= f.refunds.ofAccount(a)
	}
	return func(original ledger.TransactionID) bool {
		at := bucketOf(original)
		return collected[at] != f.refunds.sums[at]
	}
}

// WaitingRefunds returns how many refunds [Fold.TakeRefunds] returns.
func (f *Fold) WaitingRefunds() int { return len(f.waitingRefunds) }

// TakeRefunds returns the posted refunds' first rows since the last call. The caller
// compares each with its original.
func (f *Fold) TakeRefunds() (refunds []ledger.Transaction) {
	refunds, f.waitingRefunds = f.waitingRefunds, nil
	return refunds
}

// Original is a transaction for refunds, and the time from which it can be refunded.
type Original struct {
	ledger.Original
	Since time.Time
}

// OriginalOf returns a transaction for refunds, from its existing rows. If it can't,
// problem is the reason, and absent the missing row's id, if one is missing.
func OriginalOf(id ledger.TransactionID, first, end *ledger.Transaction) (o Original, problem string, absent ledger.TransactionID) {
	if first == nil {
		return o, "the refunded transaction is not there", id
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

// CompareRefund returns why a refund's row does not reverse entries of its original or is older, or
// "". The clocks of two calls may differ by ClockAhead.
func CompareRefund(refund ledger.Transaction, o Original) string {
	if refund.CreatedAt.Add(ClockAhead).Before(o.Since) {
		return fmt.Sprintf("its time is %s, and the refunded transaction's is %s", ledger.FormatTime(refund.CreatedAt), ledger.FormatTime(o.Since))
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
		return "it is not the opposite of the refunded entries"
	}
	for _, p := range parts {
		if err := o.CheckAmount(p); err != nil {
			return fmt.Sprintf("entry %d: %s", p.Entry, ReasonOf(err))
		}
	}
	return ""
}

// CompareRefunded returns which entries were refunded beyond their amount, or "".
func CompareRefunded(a infra.RefundAccount, o Original) string {
	var wrong []string
	for _, place := range slices.Sorted(maps.Keys(a.Sums)) {
		switch sum := a.Sums[place]; {
		case !o.HasEntry(place):
			wrong = append(wrong, fmt.Sprintf("%s was refunded of entry %d, and there is none", sum, place))
		case sum.More(o.Entries[place].Amount):
			wrong = append(wrong, fmt.Sprintf("%s was refunded of entry %d, which moved %s", sum, place, o.Entries[place].Amount))
		}
	}
	return strings.Join(wrong, "; ")
}

// RefundTally is the sum over one transaction's refunds.
type RefundTally struct {
	Count  int
	Sums   map[int]Sum
	newest time.Time
	Users  map[ledger.UserID]bool // the refunds'
}

// RefundTallies have a tally for each refunded transaction.
type RefundTallies map[ledger.TransactionID]*RefundTally

// Add counts a row, if it is a posted refund's first row.
func (r RefundTallies) Add(t ledger.Transaction) {
	if !isPostedRefund(t) {
		return
	}
	one := r[t.RefundOf]
	if one == nil {
		one = &RefundTally{Sums: map[int]Sum{}, Users: map[ledger.UserID]bool{}}
		r[t.RefundOf] = one
	}
	one.Count++
	for i, e := range t.AllEntries() {
		one.Sums[t.RefundPlaces[i]] = one.Sums[t.RefundPlaces[i]].Plus(SumOf(e.Amount))
		one.Users[e.UserID] = true
	}
	if t.CreatedAt.After(one.newest) {
		one.newest = t.CreatedAt
	}
}

// Account returns the refund account that the rows make. It is not ok if a sum is more
// than any amount.
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

// MovedSince reports whether a refund may be younger than the moment.
func (r *RefundTally) MovedSince(moment time.Time) bool { return !r.newest.Before(moment) }

// String describes the refunds for a person.
func (r *RefundTally) String() string { return describeRefunds(r.Count, r.Sums) }

// DescribeRefunds describes a refund account in the same way. Equal texts are equal
// accounts.
func DescribeRefunds(a infra.RefundAccount) string {
	sums := map[int]Sum{}
	for place, sum := range a.Sums {
		sums[place] = SumOf(sum)
	}
	return describeRefunds(a.Count, sums)
}

func describeRefunds(count int, sums map[int]Sum) string {
	if count == 0 {
		return "no refunds"
	}
	var of []string
	for _, place := range slices.Sorted(maps.Keys(sums)) {
		of = append(of, fmt.Sprintf("%s of entry %d", sums[place], place))
	}
	return Count(count, "refund") + ": " + strings.Join(of, ", ")
}
