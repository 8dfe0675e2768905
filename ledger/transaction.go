package ledger

import (
	"fmt"
	"slices"
	"time"
)

// Type is the direction in which an entry moves money. Its text is stored and sent.
type Type string

// A Credit adds to the balance, a Debit takes from it.
const (
	Credit Type = "credit"
	Debit  Type = "debit"
)

// ParseType parses a type in lower case. Anything else is an [*InvalidError].
func ParseType(s string) (Type, error) {
	return oneOf("type", `must be "credit" or "debit"`, s, Credit, Debit)
}

// MaxItems bounds a transaction's entries plus different users: a [Store] writes a row
// for each entry and a move for each user in one write.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const MaxItems = 100

// Entry is one movement of one user's balance.
type Entry struct {
	UserID UserID
	Type   Type
	Amount Amount
}

// Equal reports whether e and f have the same user, type and amount.
func (e Entry) Equal(f Entry) bool {
	return e.UserID == f.UserID && e.Type == f.Type && e.Amount.Equal(f.Amount)
}

// CheckEntries checks the number of entries. None, or more than [MaxItems] together
// with their different users, is an [*InvalidError].
func CheckEntries(entries []Entry) error {
	if len(entries) == 0 {
		return &InvalidError{"entries", "must have at least one entry"}
	}
	if items(entries) > MaxItems {
		return &InvalidError{"entries", fmt.Sprintf("must have at most %d entries and different users together", MaxItems)}
	}
	return nil
}

// items returns the number of items in a write of the entries.
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

// Mints reports whether the entries credit more than they debit: such a
// transaction brings in money from outside.
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

// End is the way in which a hold ended. Its text is stored and sent as a row's
// type.
type End string

// A Capture takes all or part of the held money; a Void and an Expiry release it.
const (
	Capture End = "capture"
	Void    End = "void"
	Expiry  End = "expiry"
)

// ParseEnd parses an end in lower case. Anything else is an [*InvalidError].
func ParseEnd(s string) (End, error) {
	return oneOf("type", `must be "credit" or "debit", or of an end "capture", "void" or "expiry"`, s, Capture, Void, Expiry)
}

// Status returns the status that this end gives a transaction, or "" for no end.
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

// Status is a transaction's outcome. Its text is stored and sent.
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

// ParseStatus parses a status in lower case. Anything else is an [*InvalidError].
func ParseStatus(s string) (Status, error) {
	return oneOf("status", `must be "posted", "declined", "pending", "voided" or "expired"`, s, Posted, Declined, Pending, Voided, Expired)
}

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// timeOf returns a row's time.
func timeOf(now time.Time) time.Time { return now.UTC().Truncate(time.Millisecond) }

// FormatTime returns t in RFC 3339, in UTC with milliseconds, truncated. All texts
// have the same width, so they sort like their times.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime parses a text that [FormatTime] returned. Anything else, such as the same
// time in another notation, is an [*InvalidError].
func ParseTime(s string) (time.Time, error) {
	// time.Parse also accepts a one-digit hour, and a comma for the point.
	t, err := time.Parse(timeLayout, s)
	if err != nil || FormatTime(t) != s {
		return time.Time{}, &InvalidError{"time", "must be a time in UTC such as " + timeLayout}
	}
	return t, nil
}

// Transaction is one of the ledger's rows, which never change. A transaction with
// several entries has a row for each: the first row holds the whole transaction's data,
// and the others name it. A pending transaction has only its first row; its end, and a
// capture's credit, are separate rows.
type Transaction struct {
	ID        TransactionID // NewTransactionID(UserID, IdempotencyKey) in a first row; TransactionID.Entry or .End in others
	UserID    UserID
	Type      Type // "" in an end
	End       End  // if the row ends a hold; else ""
	Amount    Amount
	Status    Status
	CreatedAt time.Time // UTC, to the millisecond

	// In a first row only.
	IdempotencyKey  IdempotencyKey
	Entries         []Entry // all in their order if there are several, else nil
	Metadata        Metadata
	ExpiresAt       time.Time // if the transaction was asked to be pending
	DeclinedEntry   int       // if Declined: the place, from 0, of the first entry that did not fit
	BalanceSeen     Balance   // if Declined: that entry's user could spend this
	DeclinedByBlock bool      // if Declined: that entry's account blocked it
	RefundPlaces    []int     // in a refund: the refunded entries' places, ascending
	Captured        Amount    // if it stands as captured; never stored here

	// PostedBy is the caller that wrote a first row, or that ended a hold by a
	// capture or void, even if the end is the expiry. Further entries, releases by
	// a posting and old rows have none. A replay keeps the first caller.
	PostedBy Caller

	TransactionID TransactionID // in the other rows: the first row's
	RefundOf      TransactionID // in all rows of a refund: the refunded transaction's
	Held          Amount        // in a Capture: the held amount; Amount is the captured one

	// Rules makes the row a change to the UserID's rules. It has no Type and no Amount,
	// is in no history, and is a first row in all else: in its id, key, metadata and
	// PostedBy. A Declined one has BalanceSeen.
	Rules *RuleChange
}

// Kind is a row's kind, one of four.
type Kind int

// The kinds of rows.
const (
	FirstRow Kind = iota // the transaction itself, with its first entry
	EntryRow             // a further entry
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

// AllEntries returns the transaction's entries; t is its first row.
func (t Transaction) AllEntries() []Entry {
	if t.Entries == nil {
		return []Entry{t.Entry()}
	}
	return t.Entries
}

// Receiver returns the user that a capture credits, also after the hold's end. It is
// the zero UserID for other transactions and for declined ones.
func (t Transaction) Receiver() UserID {
	if t.ExpiresAt.IsZero() || t.Status == Declined || len(t.Entries) < 2 {
		return UserID{}
	}
	return t.Entries[1].UserID
}

// ExpiresIn returns how long the hold was requested to last, or zero.
func (t Transaction) ExpiresIn() time.Duration {
	if t.ExpiresAt.IsZero() {
		return 0
	}
	return t.ExpiresAt.Sub(t.CreatedAt)
}

func (t Transaction) hold() Hold { return Hold{t.ID, t.Amount, t.ExpiresAt} }

// ended returns a pending transaction after its end.
func (t Transaction) ended(end Transaction) Transaction {
	t.Status = end.Status
	if end.End == Capture {
		t.Captured = end.Amount
	}
	return t
}
