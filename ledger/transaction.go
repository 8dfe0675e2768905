package ledger

import "time"

// Type is the direction in which a transaction moves money. Its text is what is
// stored and sent.
type Type string

// A Credit adds to the balance, a Debit takes from it.
const (
	Credit Type = "credit"
	Debit  Type = "debit"
)

// ParseType parses "credit" or "debit", in lower case. Anything else is an
// [*InvalidError] that unwraps to [ErrInvalidType].
func ParseType(s string) (Type, error) {
	switch t := Type(s); t {
	case Credit, Debit:
		return t, nil
	}
	return "", &InvalidError{ErrInvalidType, `must be "credit" or "debit"`}
}

// End is how a hold ended. Its text is what is stored and sent as a row's type.
type End string

// A Capture takes the money that was held, or a part of it; a Void gives it back,
// and so does an Expiry.
const (
	Capture End = "capture"
	Void    End = "void"
	Expiry  End = "expiry"
)

// ParseEnd parses "capture", "void" or "expiry", in lower case. Anything else is
// an [*InvalidError] that unwraps to [ErrInvalidType].
func ParseEnd(s string) (End, error) {
	switch e := End(s); e {
	case Capture, Void, Expiry:
		return e, nil
	}
	return "", &InvalidError{ErrInvalidType, `must be "credit" or "debit", or of an end "capture", "void" or "expiry"`}
}

// Status returns the status of a transaction that ended so.
func (e End) Status() Status {
	switch e {
	case Capture:
		return Posted
	case Void:
		return Voided
	case Expiry:
		return Expired
	default:
		return ""
	}
}

// Status is the outcome of a transaction. Its text is what is stored and sent.
type Status string

// A Posted transaction has moved the balance. A Declined one has not and never
// will. A Pending one keeps its money aside, until it is posted by a capture, is
// Voided or has Expired.
const (
	Posted   Status = "posted"
	Declined Status = "declined"
	Pending  Status = "pending"
	Voided   Status = "voided"
	Expired  Status = "expired"
)

// ParseStatus parses one of the statuses, in lower case. Anything else is an
// [*InvalidError] that unwraps to [ErrInvalidStatus].
func ParseStatus(s string) (Status, error) {
	switch status := Status(s); status {
	case Posted, Declined, Pending, Voided, Expired:
		return status, nil
	}
	return "", &InvalidError{ErrInvalidStatus, `must be "posted", "declined", "pending", "voided" or "expired"`}
}

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// FormatTime returns t in RFC 3339, in UTC with milliseconds. What is less than a
// millisecond is cut off. All texts have the same width, so they sort as their
// times do.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime parses a text that [FormatTime] returned. Anything else is an
// [*InvalidError] that unwraps to [ErrInvalidTime], such as another notation of
// the same time.
func ParseTime(s string) (time.Time, error) {
	// time.Parse also accepts an hour of one digit, and a comma for the point.
	t, err := time.Parse(timeLayout, s)
	if err != nil || FormatTime(t) != s {
		return time.Time{}, &InvalidError{ErrInvalidTime, "must be a time in UTC such as " + timeLayout}
	}
	return t, nil
}

// Transaction is one row of the ledger, which is never changed once stored. A
// transaction of several entries has a row for each: the first is the
// transaction's own and holds what belongs to it as a whole, and the others name
// it. A pending one has its first row only; what comes with its capture, and its
// end, are rows of their own, too.
type Transaction struct {
	ID        TransactionID // of the first row NewTransactionID(UserID, IdempotencyKey), of others TransactionID.Entry or .End
	UserID    UserID
	Type      Type // "" of an end
	End       End  // of the end of a hold
	Amount    Amount
	Status    Status
	CreatedAt time.Time // UTC, to the millisecond; as text by FormatTime

	// Of a first row.
	IdempotencyKey IdempotencyKey
	Entries        []Entry // all, in their order, if there are several
	Metadata       Metadata
	ExpiresAt      time.Time // of one that was to be pending
	DeclinedEntry  int       // of a Declined one: the place, from 0, of the first entry that did not fit
	BalanceSeen    Balance   // of a Declined one: what that entry's user could spend then

	// PostedBy is the caller that wrote a first row, or by a capture or void the
	// end of a hold, be it an expiry. Further entries, and releases that a posting
	// writes, have none, and neither have rows from before. A replay keeps the
	// first one's.
	PostedBy Caller

	// Of the other rows: the id of the first.
	TransactionID TransactionID

	// Of a Capture: what was held. Amount is what was captured.
	Held Amount

	// Of a first row as it stands now, and not as it is stored: what was
	// captured.
	Captured Amount
}

// Kind is one of the three kinds of rows.
type Kind int

const (
	FirstRow Kind = iota // the transaction itself, with its first entry
	EntryRow             // a further entry
	EndRow               // the end of a hold
)

// Kind returns the kind of the row.
func (t Transaction) Kind() Kind {
	switch {
	case t.End != "":
		return EndRow
	case t.TransactionID != (TransactionID{}):
		return EntryRow
	}
	return FirstRow
}

// FirstID returns the id of the first row of the transaction that the row belongs
// to.
func (t Transaction) FirstID() TransactionID {
	if t.Kind() == FirstRow {
		return t.ID
	}
	return t.TransactionID
}

// Entry returns the entry that the row is of.
func (t Transaction) Entry() Entry { return Entry{t.UserID, t.Type, t.Amount} }

// AllEntries returns all entries of the transaction whose first row t is.
func (t Transaction) AllEntries() []Entry {
	if t.Entries == nil {
		return []Entry{t.Entry()}
	}
	return t.Entries
}

// ExpiresIn returns how long a transaction was to be pending, or zero.
func (t Transaction) ExpiresIn() time.Duration {
	if t.ExpiresAt.IsZero() {
		return 0
	}
	return t.ExpiresAt.Sub(t.CreatedAt)
}

// hold returns the hold of a pending transaction.
func (t Transaction) hold() Hold { return Hold{t.ID, t.Amount, t.ExpiresAt} }

// ended returns a pending transaction as its end leaves it.
func (t Transaction) ended(end Transaction) Transaction {
	t.Status = end.Status
	if end.End == Capture {
		t.Captured = end.Amount
	}
	return t
}
