package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// EndRequest is a request to end a hold.
type EndRequest struct {
	TransactionID TransactionID
	Allow         Allow  // decides whether the caller may end the hold
	PostedBy      Caller // the sender of this call, which may differ in a replay
}

// Capture takes the amount from a hold and releases the rest. If the amount is zero, it
// takes everything. The same write posts the pending transaction's credit, if it has one.
// The result is the transaction after the capture, with Replayed set if an earlier call
// captured the same amount. The error is
//   - [ErrNotFound] if no transaction has the id;
//   - the error from the request's Allow;
//   - [ErrNotPending] if the transaction was never pending;
//   - an [*InvalidError] if the amount exceeds the held amount;
//   - a *[HoldEndedError] if the hold was voided, expired or captured differently;
//   - a *[ReceiverError] if the receiver's account does not allow the credit;
//   - [ErrTryAgain] if the outcome is unknown or nothing was written;
//   - another error in case of a defect.
func (l *Ledger) Capture(ctx context.Context, r EndRequest, amount Amount) (Result, error) {
	t, end, err := l.pending(ctx, r, Capture)
	if err != nil {
		return Result{}, err
	}
	if !amount.Equal(Amount{}) {
		end.Amount = amount
	}
	if end.Amount.More(t.Amount) {
		return Result{}, &InvalidError{"amount", "must be at most what was held: " + t.Amount.String()}
	}
	end.Held = t.Amount
	return l.end(ctx, t, end)
}

// Void releases a hold. It returns results and errors like [Ledger.Capture].
func (l *Ledger) Void(ctx context.Context, r EndRequest) (Result, error) {
	t, end, err := l.pending(ctx, r, Void)
	if err != nil {
		return Result{}, err
	}
	return l.end(ctx, t, end)
}

// pending reads a pending transaction's first row, and checks that the caller may end its
// hold. It also returns the row of the requested end, with the hold's full amount.
func (l *Ledger) pending(ctx context.Context, r EndRequest, as End) (t, end Transaction, err error) {
	t, err = l.store.Transaction(ctx, r.TransactionID)
	switch {
	case err != nil:
		return t, end, err
	case t.Kind() != FirstRow:
		return t, end, ErrNotFound
	}
	if err := r.Allow.check(t); err != nil {
		return t, end, err
	}
	if t.Status != Pending {
		return t, end, ErrNotPending
	}
	end = t.hold().endRow(t.UserID, as)
	end.PostedBy = r.PostedBy
	return t, end, nil
}

// end ends a hold with the requested row, or with the expiry if the hold has expired. If an
// end is already stored, that end decides the result.
func (l *Ledger) end(ctx context.Context, t, asked Transaction) (Result, error) {
	end, err := l.writeEnd(ctx, t, asked)
	recorded, replayed := errors.AsType[*RecordedError](err)
	switch {
	case replayed:
		end = recorded.Recorded
	case err != nil:
		return Result{}, fmt.Errorf("%s of %s: %w", asked.End, t.ID, err)
	}
	if end.TransactionID != t.ID || end.End.Status() == "" {
		return Result{}, fmt.Errorf("%s of %s: the id of its end is another row's", asked.End, t.ID)
	}
	if end.End != asked.End || !end.Amount.Equal(asked.Amount) {
		return Result{}, &HoldEndedError{end}
	}
	return Result{t.ended(end), replayed}, nil
}

// storePause is how long before its context ends a [Store] may stop retrying.
const storePause = time.Second

// writeEnd writes a hold's end. After the expiry it sends only the expiry, because reads
// report the hold as expired once the grace period has passed. If a write of the requested
// end may still be in flight at the expiry, writeEnd then writes the expiry. If the
// requested end was stored first, the error is a [*RecordedError] with that end.
func (l *Ledger) writeEnd(ctx context.Context, t, asked Transaction) (end Transaction, err error) {
	expiry := t.hold().endRow(t.UserID, Expiry)
	expiry.PostedBy = asked.PostedBy
	now := l.now()
	left := t.ExpiresAt.Sub(now)
	if left <= 0 {
		return l.postEnd(ctx, ctx, t.ending(expiry, now))
	}
	inTime, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	end, err = l.postEnd(ctx, inTime, t.ending(asked, now))
	if !errors.Is(err, ErrTryAgain) || t.ExpiresAt.Sub(l.now()) > storePause || endsFirst(ctx, inTime) {
		return end, err
	}
	<-inTime.Done()
	if now = l.now(); ctx.Err() != nil || now.Before(t.ExpiresAt) {
		return end, err
	}
	return l.postEnd(ctx, ctx, t.ending(expiry, now))
}

// endsFirst reports whether the context of the whole call has a deadline that is no later
// than the deadline of part, a context derived from it.
func endsFirst(call, part context.Context) bool {
	callEnds, ok := call.Deadline()
	partEnds, _ := part.Deadline()
	return ok && !partEnds.Before(callEnds)
}

// postEnd writes a hold's end with the context inTime. If the store refuses the write, the
// reads that follow use ctx, which can last longer.
func (l *Ledger) postEnd(ctx, inTime context.Context, p Posting) (end Transaction, err error) {
	end = p.Rows[0]
	err = l.store.Post(inTime, p)
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok {
		return end, err
	}
	if err := receiverError(p, refused, l.now()); err != nil {
		return end, l.notStored(ctx, end.ID, err, refused.Unknown)
	}
	if refused.ReadLater {
		return end, l.unlessRecorded(ctx, end.ID, ErrTryAgain)
	}
	return end, l.unlessRecorded(ctx, end.ID, fmt.Errorf("the hold is not open and has no end: %w", refused))
}

// receiverError returns the error for a capture if the receiver's account does not allow
// the credit, and nil otherwise.
func receiverError(p Posting, refused *RefusedError, now time.Time) error {
	for _, m := range p.Moves[1:] {
		account, ok := refused.Accounts[m.UserID]
		switch {
		case ok && account.CreditsBlocked:
			return &ReceiverError{ErrAccountBlocked, m.UserID, account.Funds(now).Balance}
		case ok && !m.Allows(account.Balance):
			return &ReceiverError{ErrBalanceLimit, m.UserID, account.Funds(now).Balance}
		}
	}
	return nil
}

// ending returns the posting that writes a hold's end and, for a captured payment, the
// credit.
func (t Transaction) ending(end Transaction, now time.Time) (p Posting) {
	p.end(t.hold(), end, now)
	if end.End == Capture && len(t.Entries) > 1 {
		e := t.Entries[1]
		p.Rows = append(p.Rows, Transaction{
			ID:            t.ID.Entry(1),
			UserID:        e.UserID,
			Type:          e.Type,
			Amount:        end.Amount,
			Status:        Posted,
			CreatedAt:     timeOf(now),
			TransactionID: t.ID,
		})
		p.move(e.UserID).add(p.Rows[1])
	}
	return p
}
