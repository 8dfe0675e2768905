package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Ledger posts transactions and reads them back. It owns the protocol of
// replay, reuse and decline. It is safe for concurrent use, and holds no state
// besides its [Store].
type Ledger struct {
	store Store
	now   func() time.Time
}

// New makes a ledger that stamps its transactions with the time of now.
func New(store Store, now func() time.Time) *Ledger {
	return &Ledger{store, now}
}

// Request asks for one transaction.
type Request struct {
	UserID         UserID
	IdempotencyKey IdempotencyKey
	Type           Type
	Amount         Amount
}

// Result is the outcome of a [Request]. Replayed says that an earlier call
// with the same key had it.
type Result struct {
	Transaction Transaction
	Replayed    bool
}

// Post makes a transaction count. The same request again moves nothing and has
// the first one's result, with Replayed set. The error is
//   - a *[DeclinedError], which unwraps to [ErrInsufficientFunds] or
//     [ErrBalanceLimit], if the balance did not allow it, now or the first time;
//   - a *[KeyReusedError], which unwraps to [ErrKeyReused], if the user's key
//     came with another type or amount before;
//   - [ErrTryAgain] if the outcome is not known or nothing was written;
//   - anything else for a defect.
func (l *Ledger) Post(ctx context.Context, r Request) (Result, error) {
	t := Transaction{
		ID:             NewTransactionID(r.UserID, r.IdempotencyKey),
		UserID:         r.UserID,
		IdempotencyKey: r.IdempotencyKey,
		Type:           r.Type,
		Amount:         r.Amount,
		Status:         Posted,
		CreatedAt:      l.now().UTC().Truncate(time.Millisecond),
	}
	err := l.store.Post(ctx, t)
	if out, is := errors.AsType[*OutOfRangeError](err); is {
		if _, fits := out.Balance.After(t.Type, t.Amount); fits {
			return Result{}, fmt.Errorf("post %s: store declined a %s of %s on a balance of %s", t.ID, t.Type, t.Amount, out.Balance)
		}
		t.Status, t.BalanceSeen = Declined, out.Balance
		err = l.store.Decline(ctx, t)
	}
	if recorded, is := errors.AsType[*RecordedError](err); is {
		return replay(t, recorded.Recorded)
	}
	if err != nil {
		return Result{}, fmt.Errorf("post %s: %w", t.ID, err)
	}
	return outcome(Result{Transaction: t})
}

// replay answers a request whose key has its outcome already.
func replay(asked, recorded Transaction) (Result, error) {
	if recorded.UserID != asked.UserID || recorded.IdempotencyKey != asked.IdempotencyKey {
		return Result{}, fmt.Errorf("post %s: that id is the row of another user or key", asked.ID)
	}
	reused := KeyReusedError{
		TypeDiffers:   recorded.Type != asked.Type,
		AmountDiffers: !recorded.Amount.Equal(asked.Amount),
	}
	if reused.TypeDiffers || reused.AmountDiffers {
		return Result{}, &reused
	}
	return outcome(Result{Transaction: recorded, Replayed: true})
}

// outcome tells a stored decline as an error.
func outcome(r Result) (Result, error) {
	if r.Transaction.Status == Declined {
		return Result{}, &DeclinedError{r}
	}
	return r, nil
}

// Balance is the user's balance, strongly consistent. Reading writes nothing.
func (l *Ledger) Balance(ctx context.Context, user UserID) (Balance, error) {
	return l.store.Balance(ctx, user)
}

// Transaction is the transaction with that id, posted or declined, or
// [ErrNotFound].
func (l *Ledger) Transaction(ctx context.Context, id TransactionID) (Transaction, error) {
	return l.store.Transaction(ctx, id)
}

// Page is a part of a user's history, newest first. Next is the cursor of the
// page that follows, and zero on the last one.
type Page struct {
	Transactions []Transaction
	Next         Cursor
}

// History is at most limit of the user's transactions after the cursor, posted
// and declined. It may lag behind by a moment.
func (l *Ledger) History(ctx context.Context, user UserID, after Cursor, limit int) (Page, error) {
	transactions, more, err := l.store.History(ctx, user, after, limit)
	if err != nil {
		return Page{}, err
	}
	page := Page{Transactions: transactions}
	if more {
		last := transactions[len(transactions)-1]
		page.Next = Cursor{last.CreatedAt, last.ID}
	}
	return page, nil
}
