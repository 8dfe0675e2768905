package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Ledger posts transactions and reads them back. It decides what is a replay, a
// reused key and a decline. It is safe for concurrent use, and has no state but
// its [Store].
type Ledger struct {
	store Store
	now   func() time.Time
}

// New returns a ledger whose transactions are created at the time that now
// returns.
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

// Result is the outcome of a [Request]. It is Replayed if an earlier call with
// the same key had it.
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
	if out, ok := errors.AsType[*OutOfRangeError](err); ok {
		if _, ok := out.Balance.After(t.Type, t.Amount); ok {
			return Result{}, fmt.Errorf("post %s: store declined a %s of %s on a balance of %s", t.ID, t.Type, t.Amount, out.Balance)
		}
		t.Status, t.BalanceSeen = Declined, out.Balance
		err = l.store.Decline(ctx, t)
	}
	if recorded, ok := errors.AsType[*RecordedError](err); ok {
		return replay(t, recorded.Recorded)
	}
	if err != nil {
		return Result{}, fmt.Errorf("post %s: %w", t.ID, err)
	}
	return outcome(Result{Transaction: t})
}

// replay returns the outcome that the key of a request has already.
func replay(asked, recorded Transaction) (Result, error) {
	if recorded.UserID != asked.UserID || recorded.IdempotencyKey != asked.IdempotencyKey {
		return Result{}, fmt.Errorf("post %s: the id is stored for another user or key", asked.ID)
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

// outcome returns the result of a stored transaction, an error if that is
// declined.
func outcome(r Result) (Result, error) {
	switch r.Transaction.Status {
	case Posted:
		return r, nil
	case Declined:
		return Result{}, &DeclinedError{r}
	default:
		return Result{}, fmt.Errorf("post %s: stored with status %q", r.Transaction.ID, r.Transaction.Status)
	}
}

// Balance returns the user's balance, strongly consistent, or [ErrTryAgain].
// Reading writes nothing.
func (l *Ledger) Balance(ctx context.Context, user UserID) (Balance, error) {
	return l.store.Balance(ctx, user)
}

// Transaction returns the transaction with that id, posted or declined. The
// error is [ErrNotFound] if there is none, or [ErrTryAgain].
func (l *Ledger) Transaction(ctx context.Context, id TransactionID) (Transaction, error) {
	return l.store.Transaction(ctx, id)
}

// Page is a part of a user's history, newest first. Next is the cursor of the
// page that follows, and zero on the last one.
type Page struct {
	Transactions []Transaction
	Next         Cursor
}

// MaxPage is the largest number of transactions on a [Page].
const MaxPage = 100

// History returns at most limit of the user's transactions after the cursor,
// posted and declined, or [ErrTryAgain]; limit is from 1 to [MaxPage]. It may
// lag behind by a moment.
func (l *Ledger) History(ctx context.Context, user UserID, after Cursor, limit int) (Page, error) {
	if limit < 1 || limit > MaxPage {
		return Page{}, fmt.Errorf("read history of %s: a limit of %d is not from 1 to %d", user, limit, MaxPage)
	}
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
