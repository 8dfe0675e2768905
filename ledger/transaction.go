package ledger

import "time"

// Type is the direction in which an entry moves money. Its text is stored and sent.
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

// End is the way in which a hold ended. Its text is stored and sent as a row's
// type.
type End string

// A Capture takes all or part of the held money; a Void and an Expiry release it.
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

// Status returns the status of a transaction with this end.
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

// Status is the outcome of a transaction. Its text is stored and sent.
type Status string

// A Posted transaction has moved the balance. A Declined one never will. A Pending
// one holds its money until a capture makes it Posted, or it is Voided or Expired.
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

// FormatTime returns t in RFC 3339, in UTC with milliseconds, truncated. All texts
// have the same width, so they sort like their times.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime parses a text that [FormatTime] returned. Anything else, such as
// another notation of the same time, is an [*InvalidError] that unwraps to
// [ErrInvalidTime].
func ParseTime(s string) (time.Time, error) {
	// time.Parse also accepts a one-digit hour, and a comma for the point.
	t, err := time.Parse(timeLayout, s)
	if err != nil || FormatTime(t) != s {
		return time.Time{}, &InvalidError{ErrInvalidTime, "must be a time in UTC such as " + timeLayout}
	}
	return t, nil
}

// Transaction is one row of the ledger, which never changes. A transaction of
// several entries has a row for each: the first row holds the data of the whole,
// and the others name it. A pending transaction has only its first row; its end,
// and the credit of a capture, are rows of their own.
type Transaction struct {
	ID        TransactionID // NewTransactionID(UserID, IdempotencyKey) of a first row; TransactionID.Entry or .End of others
	UserID    UserID
	Type      Type // "" in an end
	End       End  // of the end of a hold; else ""
	Amount    Amount
	Status    Status
	CreatedAt time.Time // UTC, to the millisecond; as text by FormatTime

	// In a first row only.
	IdempotencyKey IdempotencyKey
	Entries        []Entry // all in their order if there are several, else nil
	Metadata       Metadata
	ExpiresAt      time.Time // of a transaction that was asked to be pending
	DeclinedEntry  int       // of a Declined transaction: the place, from 0, of the first entry that did not fit
	BalanceSeen    Balance   // of a Declined transaction: that entry's user could spend this

	// DeclinedByBlock means that the account of the DeclinedEntry blocked it.
	DeclinedByBlock bool

	// PostedBy is the caller that wrote a first row, or that ended a hold by a
	// capture or void, even if the end is the expiry. Further entries, releases by
	// a posting and old rows have none. A replay keeps the first caller.
	PostedBy Caller

	// In the other rows: the id of the first row.
	TransactionID TransactionID

	// In all rows of a refund: the id of the refunded transaction.
	RefundOf TransactionID

	// In the first row of a refund: the places there of the entries that its own
	// entries refund, ascending.
	RefundPlaces []int

	// In a Capture: the held amount. Amount is the captured one.
	Held Amount

	// Rules makes the row a change of the UserID's rules. It has no Type and no
	// Amount, is in no history, and is a first row in all else: in its id, key,
	// metadata and PostedBy. A Declined one has BalanceSeen.
	Rules *RuleChange

	// In a first row as it stands now, never as it is stored: the captured amount.
	Captured Amount
}

// Kind is one of the four kinds of rows.
type Kind int

// The kinds of rows.
const (
	FirstRow Kind = iota // the transaction itself, with its first entry
	EntryRow             // a further entry
	EndRow               // the end of a hold
	RulesRow             // a change of an account's rules
)

// Kind returns the kind of the row.
func (t Transaction) Kind() Kind {
	switch {
	case t.End != "":
		return EndRow
	case t.Rules != nil:
		return RulesRow
	case t.TransactionID != (TransactionID{}):
		return EntryRow
	}
	return FirstRow
}

// IsRefund reports whether the row is one of a refund.
func (t Transaction) IsRefund() bool { return t.RefundOf != TransactionID{} }

// FirstID returns the id of the first row of the row's transaction.
func (t Transaction) FirstID() TransactionID {
	if t.TransactionID == (TransactionID{}) {
		return t.ID
	}
	return t.TransactionID
}

// Entry returns the row's entry.
func (t Transaction) Entry() Entry { return Entry{t.UserID, t.Type, t.Amount} }

// AllEntries returns all entries of the transaction whose first row is t.
func (t Transaction) AllEntries() []Entry {
	if t.Entries == nil {
		return []Entry{t.Entry()}
	}
	return t.Entries
}

// Receiver returns the user that a capture credits, also after the end of the hold.
// It is the zero UserID for other transactions and for declined ones.
func (t Transaction) Receiver() UserID {
	if t.ExpiresAt.IsZero() || t.Status == Declined || len(t.Entries) < 2 {
		return UserID{}
	}
	return t.Entries[1].UserID
}

// ExpiresIn returns the requested time of the hold, or zero.
func (t Transaction) ExpiresIn() time.Duration {
	if t.ExpiresAt.IsZero() {
		return 0
	}
	return t.ExpiresAt.Sub(t.CreatedAt)
}

// hold returns the hold of a pending transaction.
func (t Transaction) hold() Hold { return Hold{t.ID, t.Amount, t.ExpiresAt} }

// ended returns a pending transaction as its end left it.
func (t Transaction) ended(end Transaction) Transaction {
	t.Status = end.Status
	if end.End == Capture {
		t.Captured = end.Amount
	}
	return t
}
