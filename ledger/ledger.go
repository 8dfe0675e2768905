package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Ledger posts transactions and reads them back. It decides whether a request is a replay,
// reuses a key or is declined. It is safe for concurrent use and keeps no state outside its
// [Store].
type Ledger struct {
	store Store
	now   func() time.Time
}

// New returns a ledger that keeps its data in store and calls now for the time.
func New(store Store, now func() time.Time) *Ledger {
	return &Ledger{store, now}
}

// Settings returns the store's settings. Use them to parse the amounts in a request.
func (l *Ledger) Settings() Settings { return l.store.Settings() }

// Request describes a transaction to post. Either all its entries are posted or none. They
// count as if they were posted one after another, with no other write between them.
type Request struct {
	IdempotencyKey IdempotencyKey // belongs to the first entry's user
	Entries        []Entry        // must pass CheckEntries
	Metadata       Metadata
	ExpiresIn      time.Duration // how long to hold the money, in whole seconds; zero for no hold
	PostedBy       Caller        // the sender of this call, which may differ in a replay
	Refund         *Refund       // set by Original.Request for a refund, else nil
}

// UserID returns the user that owns the key.
func (r Request) UserID() UserID { return r.Entries[0].UserID }

// TransactionID returns the requested transaction's id.
func (r Request) TransactionID() TransactionID { return NewTransactionID(r.UserID(), r.IdempotencyKey) }

// Result is the outcome of a call that posts a transaction, ends a hold or changes rules.
// Replayed is true if an earlier call already had this outcome.
type Result struct {
	Transaction Transaction // the transaction's first row, or the row of a rule change
	Replayed    bool
}

// Post posts a transaction, or holds its money if the request has ExpiresIn. Posting the
// same request again changes nothing and returns the first result, with Replayed set. The
// error is
//   - a *[DeclinedError] if a balance or an account's rules did not allow the transaction,
//     in this call or in the first one with the key;
//   - a *[KeyReusedError] if an earlier call used the key for another transaction;
//   - [ErrTooManyHolds] if the user already has [MaxHolds] open holds;
//   - a *[RefundLimitError] if the refund exceeds the amount left to refund;
//   - an [*InvalidError] if [CheckEntries], [CheckHold] or the refund rejects the entries;
//   - [ErrTryAgain] if the outcome is unknown or nothing was written;
//   - another error in case of a defect.
func (l *Ledger) Post(ctx context.Context, r Request) (Result, error) {
	return l.result(l.write(ctx, r))
}

// result returns the outcome of the written row, or of the stored row if err contains one.
func (l *Ledger) result(written Transaction, err error) (Result, error) {
	if recorded, ok := errors.AsType[*RecordedError](err); ok {
		return replay(written, recorded.Recorded)
	}
	if err != nil {
		return Result{}, fmt.Errorf("post %s: %w", written.ID, err)
	}
	return outcome(Result{Transaction: written})
}

// maxAttempts bounds the attempts for one request. Even without other callers, each user's
// account may refuse one attempt because of holds that expired earlier, and one more for
// each hold that expires during the call. The other ten attempts allow for holds that other
// callers end during the call.
func (r Request) maxAttempts() int { return len(usersOf(r.Entries))*(1+MaxHolds) + 10 }

// write posts a request or declines it, and returns the first row as written.
func (l *Ledger) write(ctx context.Context, r Request) (first Transaction, err error) {
	if err := r.check(); err != nil {
		return Transaction{}, err
	}
	a := attempt{request: r, startedAt: l.now()}
	for range r.maxAttempts() {
		p := a.posting()
		if p.Items() > MaxItems {
			if err := l.releaseFirst(ctx, a); err != nil {
				return p.Rows[0], err
			}
			a = attempt{request: r, startedAt: l.now(), unknown: a.unknown}
			p = a.posting()
		}
		first = p.Rows[0]
		err := l.store.Post(ctx, p)
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok {
			return first, err
		}
		decided, misfit, next := a.decide(refused, l.now())
		switch decided {
		case readOwnRow:
			return first, l.unlessRecorded(ctx, first.ID, fmt.Errorf("the hold is open and has no row: %w", refused))
		case storeNothing:
			return first, l.notStored(ctx, first.ID, misfit.err, next.unknown)
		case decline:
			first.Status, first.DeclinedEntry, first.BalanceSeen = Declined, misfit.place, misfit.seen
			first.DeclinedByBlock = misfit.blocked
			return first, l.store.Decline(ctx, first)
		case contradiction:
			return first, fmt.Errorf("store declined what the accounts allow: %w", refused)
		case postAgain:
			a = next
		}
	}
	return first, ErrTryAgain
}

// notStored returns answer, an error that is not stored, or a [*RecordedError] if the
// call's row is stored after all. If unknown is true, an attempt may still be applied, so
// the error is [ErrTryAgain] instead of answer. A decline does not need this, because its
// own write fails if the row exists.
func (l *Ledger) notStored(ctx context.Context, id TransactionID, answer error, unknown bool) error {
	if unknown {
		answer = fmt.Errorf("%w: an attempt may still be applied after: %s", ErrTryAgain, answer.Error())
	}
	return l.unlessRecorded(ctx, id, answer)
}

// unlessRecorded returns a [*RecordedError] if the row with that id is stored, or else err.
func (l *Ledger) unlessRecorded(ctx context.Context, id TransactionID, err error) error {
	recorded, readErr := l.store.Transaction(ctx, id)
	switch {
	case readErr == nil:
		return &RecordedError{recorded}
	case !errors.Is(readErr, ErrNotFound):
		return readErr
	}
	return err
}

// releaseFirst writes the attempt's releases, one write for each user, before its entries.
func (l *Ledger) releaseFirst(ctx context.Context, a attempt) error {
	for _, user := range usersOf(a.request.Entries) {
		if err := l.release(ctx, user, a.accounts[user].expired(a.startedAt), a.startedAt); err != nil {
			return err
		}
	}
	return nil
}

// release writes the ends of a user's expired holds. If another caller ended one of them
// first, it writes nothing and returns nil.
func (l *Ledger) release(ctx context.Context, user UserID, expired []Hold, now time.Time) error {
	if expired == nil {
		return nil
	}
	var p Posting
	p.release(user, expired, now)
	err := l.store.Post(ctx, p)
	_, recorded := errors.AsType[*RecordedError](err)
	_, refused := errors.AsType[*RefusedError](err)
	if recorded || refused {
		return nil
	}
	return err
}

// replay returns the outcome in the recorded row, or a [*KeyReusedError] if the row that
// was asked for differs from it.
func replay(asked, recorded Transaction) (Result, error) {
	if recorded.UserID != asked.UserID || recorded.IdempotencyKey != asked.IdempotencyKey {
		return Result{}, fmt.Errorf("post %s: the id is stored for another user or key", asked.ID)
	}
	reused := KeyReusedError{
		MetadataDiffers:  recorded.Metadata != asked.Metadata,
		ExpiresInDiffers: recorded.ExpiresIn() != asked.ExpiresIn(),
		RefundOfDiffers:  recorded.RefundOf != asked.RefundOf,
		EntriesDiffer:    recorded.RefundOf == asked.RefundOf && !slices.Equal(recorded.RefundPlaces, asked.RefundPlaces),
	}
	switch {
	case recorded.Kind() != asked.Kind():
		reused.TypeDiffers = true
	case asked.Rules != nil:
		asked.Rules.addDifferences(*recorded.Rules, &reused)
	case recorded.Entries == nil && asked.Entries == nil:
		reused.TypeDiffers = recorded.Type != asked.Type
		reused.AmountDiffers = !recorded.Amount.Equal(asked.Amount)
	default:
		reused.EntriesDiffer = reused.EntriesDiffer || !slices.EqualFunc(recorded.Entries, asked.Entries, Entry.Equal)
	}
	if reused != (KeyReusedError{}) {
		return Result{}, &reused
	}
	return outcome(Result{Transaction: recorded, Replayed: true})
}

// outcome returns the result for a stored transaction, or a [*DeclinedError].
func outcome(r Result) (Result, error) {
	switch r.Transaction.Status {
	case Posted, Pending:
		return r, nil
	case Declined:
		return Result{}, &DeclinedError{r}
	case Voided, Expired:
	}
	return Result{}, fmt.Errorf("post %s: stored with status %q", r.Transaction.ID, r.Transaction.Status)
}

// Balance returns the user's funds, strongly consistent, or [ErrTryAgain]. It counts
// expired holds as spendable without writing their release.
func (l *Ledger) Balance(ctx context.Context, user UserID) (Funds, error) {
	for asked := l.now(); ; {
		account, err := l.store.Account(ctx, user)
		if err != nil {
			return Funds{}, err
		}
		now := l.now()
		if !account.expires(asked, now) {
			return account.Funds(now), nil
		}
		asked = now // read the account again: the hold may have been captured
	}
}

// Allow decides whether a call may read a stored row or end its hold. If it returns an
// error, the call fails with that error. A nil Allow allows everything.
type Allow func(Transaction) error

func (a Allow) check(t Transaction) error {
	if a == nil {
		return nil
	}
	return a(t)
}

// Transaction returns the row with that id: a transaction in its current state, a further
// entry, a hold's end, or a rule change. The error is [ErrNotFound] or [ErrTryAgain].
func (l *Ledger) Transaction(ctx context.Context, id TransactionID) (Transaction, error) {
	return l.TransactionIf(ctx, id, nil)
}

// TransactionIf is like [Ledger.Transaction] but fails with allow's error for a row that
// the caller may not read. It then sends the store no more requests than for a missing row.
func (l *Ledger) TransactionIf(ctx context.Context, id TransactionID, allow Allow) (Transaction, error) {
	t, err := l.store.Transaction(ctx, id)
	if err != nil {
		return Transaction{}, err
	}
	if err := allow.check(t); err != nil {
		return Transaction{}, err
	}
	if t.Status != Pending {
		return t, nil
	}
	now := l.now() // taken before the read, because an end may be written right after the read
	end, err := l.store.Transaction(ctx, id.End())
	switch {
	case err == nil:
		return t.ended(end), nil
	case !errors.Is(err, ErrNotFound):
		return Transaction{}, err
	case t.hold().spendable(now):
		t.Status = Expired
	}
	return t, nil
}

// Page is one page of a user's history: the user's entries, hold ends and declined
// transactions.
type Page struct {
	Transactions []Transaction // newest first, the reverse of SortRows
	Next         Cursor        // the start of the next page, or zero on the last page
}

// MaxPage is the maximum number of rows on a [Page].
const MaxPage = 100

// History returns at most limit of the user's rows after the cursor, or [ErrTryAgain];
// limit is from 1 to [MaxPage]. Rows that were just written may be missing for a moment.
func (l *Ledger) History(ctx context.Context, user UserID, after Cursor, limit int) (Page, error) {
	return l.store.History(ctx, user, after, limit)
}
