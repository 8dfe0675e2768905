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

// Status is the outcome of a transaction. Its text is what is stored and sent.
type Status string

// A Posted transaction has moved the balance. A Declined one has not and never
// will.
const (
	Posted   Status = "posted"
	Declined Status = "declined"
)

// ParseStatus parses "posted" or "declined", in lower case. Anything else is an
// [*InvalidError] that unwraps to [ErrInvalidStatus].
func ParseStatus(s string) (Status, error) {
	switch status := Status(s); status {
	case Posted, Declined:
		return status, nil
	}
	return "", &InvalidError{ErrInvalidStatus, `must be "posted" or "declined"`}
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
// it.
type Transaction struct {
	ID        TransactionID // of the first row NewTransactionID(UserID, IdempotencyKey), of others TransactionID.Entry
	UserID    UserID
	Type      Type
	Amount    Amount
	Status    Status
	CreatedAt time.Time // UTC, to the millisecond; as text by FormatTime

	// Of a first row.
	IdempotencyKey IdempotencyKey
	Entries        []Entry // all, in their order, if there are several
	Metadata       Metadata
	DeclinedEntry  int     // of a Declined one: the place, from 0, of the first entry that did not fit
	BalanceSeen    Balance // of a Declined one: what that entry's user had then

	// Of the other rows: the id of the first.
	TransactionID TransactionID
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
