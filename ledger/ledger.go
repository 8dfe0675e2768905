package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Request asks for one transaction: all of its entries, or none. It counts as if
// they were posted one after another, with nobody in between.
type Request struct {
	IdempotencyKey IdempotencyKey // of the first entry's user
	Entries        []Entry        // as many as CheckEntries allows
	Metadata       Metadata
}

// UserID returns the user that the key belongs to.
func (r Request) UserID() UserID { return r.Entries[0].UserID }

// TransactionID returns the id of the transaction that is asked for.
func (r Request) TransactionID() TransactionID { return NewTransactionID(r.UserID(), r.IdempotencyKey) }

// Result is the outcome of a [Request]. It is Replayed if an earlier call with
// the same key had it.
type Result struct {
	Transaction Transaction // the first row
	Replayed    bool
}

// Post makes a transaction count. The same request again moves nothing and has
// the first one's result, with Replayed set. The error is
//   - a *[DeclinedError], which unwraps to [ErrInsufficientFunds] or
//     [ErrBalanceLimit], if a balance did not allow it, now or the first time;
//   - a *[KeyReusedError], which unwraps to [ErrKeyReused], if the user's key
//     came with another transaction before;
//   - [ErrTryAgain] if the outcome is not known or nothing was written;
//   - anything else for a defect.
func (l *Ledger) Post(ctx context.Context, r Request) (Result, error) {
	p, err := NewPosting(r, l.now())
	if err != nil {
		return Result{}, err
	}
	first := p.Rows[0]
	err = l.store.Post(ctx, p)
	if out, ok := errors.AsType[*OutOfRangeError](err); ok {
		place, seen, ok := declinedAt(r.Entries, out.Balances)
		if !ok {
			return Result{}, fmt.Errorf("post %s: store declined what these balances allow: %w", first.ID, err)
		}
		first.Status, first.DeclinedEntry, first.BalanceSeen = Declined, place, seen
		err = l.store.Decline(ctx, first)
	}
	if recorded, ok := errors.AsType[*RecordedError](err); ok {
		return replay(first, recorded.Recorded)
	}
	if err != nil {
		return Result{}, fmt.Errorf("post %s: %w", first.ID, err)
	}
	return outcome(Result{Transaction: first})
}

// replay returns the outcome that the key of a request has already.
func replay(asked, recorded Transaction) (Result, error) {
	if recorded.UserID != asked.UserID || recorded.IdempotencyKey != asked.IdempotencyKey {
		return Result{}, fmt.Errorf("post %s: the id is stored for another user or key", asked.ID)
	}
	reused := KeyReusedError{MetadataDiffers: recorded.Metadata != asked.Metadata}
	if recorded.Entries == nil && asked.Entries == nil {
		reused.TypeDiffers = recorded.Type != asked.Type
		reused.AmountDiffers = !recorded.Amount.Equal(asked.Amount)
	} else {
		reused.EntriesDiffer = !slices.EqualFunc(recorded.Entries, asked.Entries, Entry.Equal)
	}
	if reused != (KeyReusedError{}) {
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

// Transaction returns the row with that id: a transaction, posted or declined,
// or one of its further entries. The error is [ErrNotFound] if there is none, or
// [ErrTryAgain].
func (l *Ledger) Transaction(ctx context.Context, id TransactionID) (Transaction, error) {
	return l.store.Transaction(ctx, id)
}

// Page is a part of a user's history, newest first: the rows of the user's
// entries, and the transactions that were declined. Next is the cursor of the
// page that follows, and zero on the last one.
type Page struct {
	Transactions []Transaction
	Next         Cursor
}

// MaxPage is the largest number of rows on a [Page].
const MaxPage = 100

// History returns at most limit of the user's rows after the cursor, or
// [ErrTryAgain]; limit is from 1 to [MaxPage]. It may lag behind by a moment.
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
