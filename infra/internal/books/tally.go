package books

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// Tally adds up one user's rows. The zero Tally is empty. It is small and contains no
// pointers, because there is one for each user.
type Tally struct {
	Posted  uint32    // number of rows that are not declined
	Held    bool      // whether any row counted in Posted is a hold
	Seen    bool      // set by callers that have read the user's balance row
	Read    uint64    // set by callers to a hash of the balance row
	Credits Sum       // including releases
	Debits  Sum       // including holds
	OnHold  Sum       // sum of the holds without an end
	newest  int64     // time of the newest counted row, in milliseconds since 1970
	movers  [2]uint64 // result of moversOf for the newest counted row
}

// Add counts a row. It ignores declined rows.
func (t *Tally) Add(row ledger.Transaction) {
	if !counts(row) {
		return
	}
	if at := row.CreatedAt.UnixMilli(); at > t.newest || at == t.newest && row.Kind() != ledger.EndRow {
		t.newest, t.movers = at, moversOf(row)
	}
	t.Posted++
	t.Held = t.Held || row.Status == ledger.Pending
	credit, debit, held := effect(row)
	t.Credits, t.Debits, t.OnHold = t.Credits.Plus(credit), t.Debits.Plus(debit), t.OnHold.Plus(held)
}

// Remove undoes Add for a row, which must not be declined.
func (t *Tally) Remove(row ledger.Transaction) {
	t.Posted--
	t.movers = [2]uint64{}
	credit, debit, held := effect(row)
	t.Credits, t.Debits, t.OnHold = t.Credits.Minus(credit), t.Debits.Minus(debit), t.OnHold.Minus(held)
}

// counts reports whether a row changed a balance.
func counts(row ledger.Transaction) bool { return row.Status != ledger.Declined && row.Status != "" }

// effect returns a row's credit and debit, and its change to the sum on hold.
func effect(row ledger.Transaction) (credit, debit, held Sum) {
	amount := SumOf(row.Amount)
	switch {
	case row.End == ledger.Capture:
		was := SumOf(row.Held)
		return was.Minus(amount), Sum{}, was.negated()
	case row.Kind() == ledger.EndRow:
		return amount, Sum{}, amount.negated()
	case row.Type == ledger.Credit:
		return amount, Sum{}, Sum{}
	case row.Status == ledger.Pending:
		return Sum{}, amount, amount
	default:
		return Sum{}, amount, Sum{}
	}
}

// MovedSince reports whether the newest row's time is at or after the moment.
func (t *Tally) MovedSince(moment time.Time) bool { return t.newest >= moment.UnixMilli() }

// Moved reports whether the newest row certainly comes from the write with this first row.
// If not, only [CanMove] can decide whether that write changed the balance.
func (t *Tally) Moved(first ledger.TransactionID) bool {
	return slices.Contains(t.movers[:], hashID(first))
}

// moversOf returns hashes of the ids that the first row in the row's write can have. A
// further entry has two, because it may be the credit of a capture, whose write begins with
// the hold's end. An expiry may be part of a posting's write, but then Add prefers the
// posting's row, which has the same time.
func moversOf(row ledger.Transaction) [2]uint64 {
	if row.Kind() != ledger.EntryRow {
		return [2]uint64{hashID(row.ID)}
	}
	return [2]uint64{hashID(row.TransactionID), hashID(row.TransactionID.End())}
}

func hashID(id ledger.TransactionID) uint64 {
	return binary.BigEndian.Uint64(id[:8]) ^ binary.BigEndian.Uint64(id[8:])
}

// CanMove reports whether the write with this first row can have changed the user's
// balance. For a capture, the parameter hold must be the captured hold's pending row.
func CanMove(user ledger.UserID, first, hold ledger.Transaction) bool {
	entries := first.AllEntries()
	switch {
	case !counts(first):
		return false
	case first.End == ledger.Capture:
		entries = hold.AllEntries()
	case first.Kind() == ledger.EndRow:
		return first.UserID == user
	case first.Kind() == ledger.EntryRow:
		return false // a further entry's row is never the first of its write
	}
	return slices.ContainsFunc(entries, func(e ledger.Entry) bool { return e.UserID == user })
}

// Balance returns the user's balance according to the rows, without a credit limit. It is
// negative if the user has spent borrowed money.
func (t *Tally) Balance(s ledger.Settings) Sum {
	return SumOf(s.Opening).Plus(t.Credits).Minus(t.Debits)
}

// Verdict is the result of comparing rows with a balance.
type Verdict int

// [Tally.Judge] and [RuleTally.Judge] return these verdicts.
const (
	Open  Verdict = iota // some rows were not read yet: read again
	Right                // the balance is the sum of the rows
	Wrong                // the balance is wrong: no write in progress explains the difference
)

// judge compares the number of rows seen with the number counted by a balance that was read
// after them. The parameter floor is the number that it counted before the rows were read,
// and same is true if the sums agree. The audit's package comment proves each verdict.
func judge(seen, floor, counted int, same bool) Verdict {
	switch {
	case seen > counted, seen < floor:
		return Wrong
	case seen < counted:
		return Open
	case same:
		return Right
	default:
		return Wrong
	}
}

// Judge compares the rows with the balance after, which was read after them. The parameter
// floor is a version that the balance had before the rows were read; 0 is always valid.
func (t *Tally) Judge(s ledger.Settings, floor int, after infra.Aggregate) Verdict {
	same := t.Balance(s).Plus(SumOf(after.CreditLimit)) == SumOf(after.Balance) && t.OnHold == SumOf(ledger.Held(after.Holds))
	return judge(int(t.Posted), floor, after.Version, same)
}

// Differs returns the finding that a user's balance differs from the rows.
func (t *Tally) Differs(s ledger.Settings, user ledger.UserID, balance infra.Aggregate) Finding {
	return Finding{UserID: user.String(), Kind: KindBalance, Detail: t.Compare(s, balance)}
}

// Compare describes how a user's rows and balance differ.
func (t *Tally) Compare(s ledger.Settings, balance infra.Aggregate) string {
	stored := fmt.Sprintf("the balance is %s at version %d", balance.Balance, balance.Version)
	if balance.IsNone() {
		stored = "there is no balance"
	}
	made := fmt.Sprintf("%s at version %d", t.Balance(s).Plus(SumOf(balance.CreditLimit)), t.Posted)
	if held := ledger.Held(balance.Holds); balance.Holds != nil || t.OnHold != (Sum{}) {
		stored, made = fmt.Sprintf("%s, with %s held", stored, held), fmt.Sprintf("%s, with %s held", made, t.OnHold)
	}
	return fmt.Sprintf("%s, but the history adds up to %s", stored, made)
}

// WrongMover returns the finding that a balance names a write that can't have changed it.
func WrongMover(user ledger.UserID, first ledger.TransactionID) Finding {
	return Finding{UserID: user.String(), Kind: KindMover, Detail: fmt.Sprintf("the balance's transaction_id is %s, but no row of that write belongs to the user", first)}
}

// Tallies holds a tally for each user.
type Tallies map[ledger.UserID]*Tally

// Of returns a user's tally. If there is none, it adds an empty one.
func (t Tallies) Of(user ledger.UserID) *Tally {
	if t[user] == nil {
		t[user] = &Tally{}
	}
	return t[user]
}
