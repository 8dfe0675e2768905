package ledger

import (
	"fmt"
	"slices"
	"time"
)

// Type is the direction of an entry. It is stored and sent as this string.
type Type string

// A Credit adds to the balance. A Debit subtracts from it.
const (
	Credit Type = "credit"
	Debit  Type = "debit"
)

// ParseType parses a type in lower case. Anything else is an [*InvalidError].
func ParseType(s string) (Type, error) {
	return oneOf("type", `must be "credit" or "debit"`, s, Credit, Debit)
}

// MaxItems is DynamoDB's limit for one write. It bounds a transaction's entries and
// different users together, because a [Store] writes a row for each entry and a move for
// each user.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const MaxItems = 100

// Entry is one change to one user's balance.
type Entry struct {
	UserID UserID
	Type   Type
	Amount Amount
}

// Equal reports whether e and f have the same user, type and amount.
func (e Entry) Equal(f Entry) bool {
	return e.UserID == f.UserID && e.Type == f.Type && e.Amount.Equal(f.Amount)
}

// CheckEntries checks that there is an entry, and that there are at most [MaxItems] entries
// and different users together. Otherwise the error is an [*InvalidError].
func CheckEntries(entries []Entry) error {
	if len(entries) == 0 {
		return &InvalidError{"entries", "must have at least one entry"}
	}
	if items(entries) > MaxItems {
		return &InvalidError{"entries", fmt.Sprintf("must have at most %d entries and different users together", MaxItems)}
	}
	return nil
}

// items returns the number of items in the write that posts the entries.
func items(entries []Entry) int { return len(entries) + len(usersOf(entries)) }

// usersOf returns the different users, in the order of their first entries.
func usersOf(entries []Entry) (users []UserID) {
	for _, e := range entries {
		if !slices.Contains(users, e.UserID) {
			users = append(users, e.UserID)
		}
	}
	return users
}

// Mints reports whether the entries credit more than they debit. Such a transaction brings
// in money from outside.
func Mints(entries []Entry) bool {
	sum := net(entries)
	return sum.d.Sign() > 0
}

// Balanced reports whether the entries credit as much as they debit.
func Balanced(entries []Entry) bool { return net(entries).IsZero() }

func net(entries []Entry) (sum Sum) {
	for _, e := range entries {
		sum.move(e.Type, e.Amount)
	}
	return sum
}

// End is the way in which a hold ended. It is stored and sent as a row's type.
type End string

// A Capture takes all or part of the held money. A Void or an Expiry releases it.
const (
	Capture End = "capture"
	Void    End = "void"
	Expiry  End = "expiry"
)

// ParseEnd parses an end in lower case. Anything else is an [*InvalidError].
func ParseEnd(s string) (End, error) {
	return oneOf("type", `must be "credit" or "debit", or of an end "capture", "void" or "expiry"`, s, Capture, Void, Expiry)
}

// Status returns the status of a transaction after this end, or "" for an unknown end.
func (e End) Status() Status {
	switch e {
	case Capture:
		return Posted
	case Void:
		return Voided
	case Expiry:
		return Expired
	}
	return ""
}

// Status is a transaction's state. It is stored and sent as this string.
type Status string

// A Posted transaction has changed the balance. A Declined one never will. A Pending one
// holds its money until a capture, a void or the expiry makes it Posted, Voided or Expired.
const (
	Posted   Status = "posted"
	Declined Status = "declined"
	Pending  Status = "pending"
	Voided   Status = "voided"
	Expired  Status = "expired"
)

// ParseStatus parses a status in lower case. Anything else is an [*InvalidError].
func ParseStatus(s string) (Status, error) {
	return oneOf("status", `must be "posted", "declined", "pending", "voided" or "expired"`, s, Posted, Declined, Pending, Voided, Expired)
}

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// timeOf returns now in UTC, truncated to the precision of a row.
func timeOf(now time.Time) time.Time { return now.UTC().Truncate(time.Millisecond) }

// FormatTime returns t in RFC 3339, in UTC, truncated to milliseconds. All results have the
// same width, so they sort in the order of their times.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime parses a string that [FormatTime] returned. Anything else is an
// [*InvalidError], even the same time in another notation.
func ParseTime(s string) (time.Time, error) {
	// time.Parse also accepts a one-digit hour, and a comma instead of the point.
	t, err := time.Parse(timeLayout, s)
	if err != nil || FormatTime(t) != s {
		return time.Time{}, &InvalidError{"time", "must be a time in UTC such as " + timeLayout}
	}
	return t, nil
}

// Transaction is one of the ledger's rows, which never change. A transaction with several
// entries has a row for each. The first row contains the data of the whole transaction, and
// the others contain the first row's id. A pending transaction has only its first row. Its
// end and a capture's credit are separate rows.
type Transaction struct {
	ID        TransactionID // from NewTransactionID in a first row; from TransactionID.Entry or .End in others
	UserID    UserID
	Type      Type // "" in an end and in a rule change
	End       End  // "" if the row is not an end
	Amount    Amount
	Status    Status
	CreatedAt time.Time // UTC, to the millisecond

	// These fields are set only in a first row, except as noted at Rules.
	IdempotencyKey  IdempotencyKey
	Entries         []Entry // all entries in order if there are several, else nil
	Metadata        Metadata
	ExpiresAt       time.Time // set if the request was to hold money
	DeclinedEntry   int       // if Declined: the place, from 0, of the first entry that did not fit
	BalanceSeen     Balance   // if Declined: the spendable balance of that entry's user
	DeclinedByBlock bool      // if Declined: that entry's account blocked it
	RefundPlaces    []int     // in a refund: the places of the refunded entries, ascending
	Captured        Amount    // the captured amount, if any; set by reads and never stored

	// PostedBy is the caller that wrote a first row, or whose capture or void wrote a
	// hold's end, even if that end is the expiry. It is empty in further entries, in
	// releases by a posting, and in old rows. A replay keeps the first caller.
	PostedBy Caller

	TransactionID TransactionID // in an EntryRow or EndRow: the id of the first row
	RefundOf      TransactionID // in all rows of a refund: the id of the refunded transaction
	Held          Amount        // in a Capture: the whole held amount; Amount is the captured part

	// Rules is set if the row changes the user's rules. Such a row has no Type and no
	// Amount, and is in no history. Like a first row it has an id, key, metadata and
	// PostedBy. A Declined one has BalanceSeen.
	Rules *RuleChange
}

// Kind distinguishes the ledger's rows by what they record.
type Kind int

// These are the four kinds of row.
const (
	FirstRow Kind = iota // the transaction's data and its first entry
	EntryRow             // an entry after the first
	EndRow               // a hold's end
	RulesRow             // a change to an account's rules
)

// Kind returns the row's kind.
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

// IsRefund reports whether the row belongs to a refund.
func (t Transaction) IsRefund() bool { return t.RefundOf != TransactionID{} }

// FirstID returns the id of the transaction's first row.
func (t Transaction) FirstID() TransactionID {
	if t.TransactionID == (TransactionID{}) {
		return t.ID
	}
	return t.TransactionID
}

// Entry returns the row's entry.
func (t Transaction) Entry() Entry { return Entry{t.UserID, t.Type, t.Amount} }

// AllEntries returns the entries of the transaction whose first row is t.
func (t Transaction) AllEntries() []Entry {
	if t.Entries == nil {
		return []Entry{t.Entry()}
	}
	return t.Entries
}

// Receiver returns the user that a capture credits, even after the hold has ended. It is
// the zero UserID for declined transactions and for those without a receiver.
func (t Transaction) Receiver() UserID {
	if t.ExpiresAt.IsZero() || t.Status == Declined || len(t.Entries) < 2 {
		return UserID{}
	}
	return t.Entries[1].UserID
}

// ExpiresIn returns the requested duration of the hold, or zero if there is none.
func (t Transaction) ExpiresIn() time.Duration {
	if t.ExpiresAt.IsZero() {
		return 0
	}
	return t.ExpiresAt.Sub(t.CreatedAt)
}

func (t Transaction) hold() Hold { return Hold{t.ID, t.Amount, t.ExpiresAt} }

// ended returns the pending transaction t in its state after the given end.
func (t Transaction) ended(end Transaction) Transaction {
	t.Status = end.Status
	if end.End == Capture {
		t.Captured = end.Amount
	}
	return t
}
