package ledger

import (
	"context"
	"fmt"
	"slices"
)

// MaxRefundPlaces is the maximum number of entries in a partial refund. Each needs up to
// four of the 300 operators that DynamoDB allows in an expression.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const MaxRefundPlaces = 50

// Original is a transaction that can be refunded: it is posted or captured, and is not a
// refund itself. It never changes.
type Original struct {
	ID      TransactionID
	Entries []Entry // with the captured amount after a capture
}

// Refund describes a refund: the original transaction, and the amount to refund for each
// entry. All refunds of an entry together return at most its amount.
type Refund struct {
	Of    Original
	Parts []Part // one for each entry to refund
}

// Part is the amount to refund for one entry.
type Part struct {
	Entry  int // the entry's place in the original, from 0
	Amount Amount
}

// Refunds is a transaction's refund account: the running total of its posted refunds.
type Refunds struct {
	Count int            // number of posted refunds
	Sums  map[int]Amount // refunded amounts by the entry's place
}

// Original returns the transaction to refund. The error is [ErrNotFound] if no transaction
// has the id, a *[NotRefundableError], or [ErrTryAgain].
func (l *Ledger) Original(ctx context.Context, id TransactionID) (Original, error) {
	t, err := l.Transaction(ctx, id)
	if err != nil {
		return Original{}, err
	}
	return OriginalOf(t)
}

// OriginalOf returns t, a transaction in its current state, as the original of a refund.
// The error is [ErrNotFound] if t is not a first row, or a *[NotRefundableError].
func OriginalOf(t Transaction) (Original, error) {
	switch {
	case t.Kind() != FirstRow:
		return Original{}, ErrNotFound
	case t.Status != Posted || t.IsRefund():
		return Original{}, &NotRefundableError{t}
	}
	o := Original{t.ID, slices.Clone(t.AllEntries())}
	if !t.Captured.Equal(Amount{}) {
		for i := range o.Entries {
			o.Entries[i].Amount = t.Captured
		}
	}
	return o, nil
}

// Refunds returns a transaction and the running total of its refunds, strongly consistent.
// It returns the same errors as [Ledger.Original].
func (l *Ledger) Refunds(ctx context.Context, id TransactionID) (Original, Refunds, error) {
	o, err := l.Original(ctx, id)
	if err != nil {
		return o, Refunds{}, err
	}
	refunds, err := l.store.Refunds(ctx, id)
	return o, refunds, err
}

// Whole returns the parts that refund every entry in full.
func (o Original) Whole() (parts []Part) {
	for i, e := range o.Entries {
		parts = append(parts, Part{i, e.Amount})
	}
	return parts
}

// Sum returns the parts that refund the amount, if the original has one entry, or a debit
// and a credit of the same amount. Otherwise, or if the amount exceeds the entry's, the
// error is an [*InvalidError].
func (o Original) Sum(amount Amount) (parts []Part, err error) {
	isTransfer := len(o.Entries) == 2 && Balanced(o.Entries)
	if len(o.Entries) > 1 && !isTransfer {
		return nil, &InvalidError{"amount", "must be in entries, as the transaction is not one entry, nor a debit and a credit of the same sum"}
	}
	for i := range o.Entries {
		parts = append(parts, Part{i, amount})
	}
	return parts, o.CheckAmount(parts[0])
}

// HasEntry reports whether the original has an entry at that place.
func (o Original) HasEntry(place int) bool { return place >= 0 && place < len(o.Entries) }

// CheckAmount checks that the part is at most its entry's amount. Otherwise the error is an
// [*InvalidError].
func (o Original) CheckAmount(p Part) error {
	if moved := o.Entries[p.Entry].Amount; p.Amount.More(moved) {
		return &InvalidError{"amount", "must be at most what the entry moved: " + moved.String()}
	}
	return nil
}

// Request returns a request that refunds the parts, which must be in entry order. It has
// the opposite entry for each part. The caller must set the request's key.
func (o Original) Request(parts []Part) Request {
	r := Request{Refund: &Refund{o, parts}}
	for _, p := range parts {
		e := o.Entries[p.Entry]
		opposite := Credit
		if e.Type == Credit {
			opposite = Debit
		}
		r.Entries = append(r.Entries, Entry{e.UserID, opposite, p.Amount})
	}
	return r
}

func (r *Refund) isWhole() bool {
	return len(r.Parts) == len(r.Of.Entries) &&
		!slices.ContainsFunc(r.Parts, func(p Part) bool { return !p.Amount.Equal(r.Of.Entries[p.Entry].Amount) })
}

// MaxBefore returns the highest total that earlier refunds of the part's entry may have.
func (r *Refund) MaxBefore(p Part) Sum {
	return Sum{minus(r.Of.Entries[p.Entry].Amount.d, p.Amount.d)}
}

// limit returns the error for the first part that exceeds the amount left, or nil.
func (r *Refund) limit(account Refunds) *RefundLimitError {
	for _, p := range r.Parts {
		left := Sum{minus(r.Of.Entries[p.Entry].Amount.d, account.Sums[p.Entry].d)}
		if p.Amount.d.Cmp(&left.d) > 0 {
			return &RefundLimitError{r.Of, p.Entry, left}
		}
	}
	return nil
}

// mark sets RefundOf in all rows, and RefundPlaces in the first row.
func (r *Refund) mark(rows []Transaction) {
	for i := range rows {
		rows[i].RefundOf = r.Of.ID
	}
	for _, p := range r.Parts {
		rows[0].RefundPlaces = append(rows[0].RefundPlaces, p.Entry)
	}
}

// check returns an error if the parts do not match the original, or do not fit into one
// write.
func (r *Refund) check(entries []Entry) error {
	last := -1
	for i, p := range r.Parts {
		if p.Entry <= last || !r.Of.HasEntry(p.Entry) || i >= len(entries) {
			return fmt.Errorf("refund %s: the parts %v are not of its %d entries in their order", r.Of.ID, r.Parts, len(r.Of.Entries))
		}
		if err := r.Of.CheckAmount(p); err != nil {
			return err
		}
		last = p.Entry
	}
	if len(r.Parts) > MaxRefundPlaces && !r.isWhole() {
		return &InvalidError{"entries", fmt.Sprintf("must have at most %d places", MaxRefundPlaces)}
	}
	if items(entries)+1 > MaxItems {
		return &InvalidError{"entries", fmt.Sprintf("must name entries for several refunds: one may have at most %d entries, different users and one together", MaxItems)}
	}
	return nil
}
