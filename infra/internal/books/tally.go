package books

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"onewrite/infra"
	"onewrite/ledger"
)

// Tally adds up one user's rows. The zero Tally has none. It has few words and no
// pointer, because there is one for each user.
type Tally struct {
	Posted  uint32    // rows that are not declined
	Held    bool      // whether one of them was a hold
	Seen    bool      // for the caller: whether the user's balance was read
	Read    uint64    // for the caller: a hash of the balance's row
	Credits Sum       // a release is a credit
	Debits  Sum       // a hold is a debit
	OnHold  Sum       // holds without an end
	newest  int64     // the newest such row's time, in milliseconds since 1970
	movers  [2]uint64 // hashes of the ids that its write's first row can have
}

// Add counts a row.
func (t *Tally) Add(row ledger.Transaction) {
	if !counts(row) {
		return
	}
	if at := row.CreatedAt.UnixMilli(); at > t.newest || at == t.newest && row.End == "" {
		t.newest, t.movers = at, moversOf(row)
	}
	t.Posted++
	t.Held = t.Held || row.Status == ledger.Pending
	credit, debit, held := effect(row)
	t.Credits, t.Debits, t.OnHold = t.Credits.Plus(credit), t.Debits.Plus(debit), t.OnHold.Plus(held)
}

// Remove takes back a counted row, which is not declined.
func (t *Tally) Remove(row ledger.Transaction) {
	t.Posted--
	t.movers = [2]uint64{}
	credit, debit, held := effect(row)
	t.Credits, t.Debits, t.OnHold = t.Credits.Minus(credit), t.Debits.Minus(debit), t.OnHold.Minus(held)
}

// counts reports whether a row moved a balance.
func counts(row ledger.Transaction) bool { return row.Status != ledger.Declined && row.Status != "" }

// effect returns a row's credit, debit and change to the sum on hold.
func effect(row ledger.Transaction) (credit, debit, held Sum) {
	amount := SumOf(row.Amount)
	switch {
	case row.End == ledger.Capture:
		was := SumOf(row.Held)
		return was.Minus(amount), Sum{}, was.negated()
	case row.End != "":
		return amount, Sum{}, amount.negated()
	case row.Type == ledger.Credit:
		return amount, Sum{}, Sum{}
	case row.Status == ledger.Pending:
		return Sum{}, amount, amount
	default:
		return Sum{}, amount, Sum{}
	}
}

// MovedSince reports whether a row may be younger than the moment.
func (t *Tally) MovedSince(moment time.Time) bool { return t.newest >= moment.UnixMilli() }

// Moved reports whether the newest row is known to come from the write with that first
// row. False leaves it open: see [CanMove].
func (t *Tally) Moved(first ledger.TransactionID) bool {
	return slices.Contains(t.movers[:], hashID(first))
}

// moversOf returns hashes of the ids that the first row in this row's write may have. A
// further entry may be a capture's credit, which is written with the end. An expiry may
// be written with a posting, whose own row is as new.
func moversOf(row ledger.Transaction) [2]uint64 {
	if row.Kind() != ledger.EntryRow {
		return [2]uint64{hashID(row.ID)}
	}
	return [2]uint64{hashID(row.TransactionID), hashID(row.TransactionID.End())}
}

func hashID(id ledger.TransactionID) uint64 {
	return binary.BigEndian.Uint64(id[:8]) ^ binary.BigEndian.Uint64(id[8:])
}

// CanMove reports whether a write with that first row can have moved the user's
// balance. If the first row is an end, it needs the hold's row.
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
		return false // a further entry's row is first in no write
	}
	return slices.ContainsFunc(entries, func(e ledger.Entry) bool { return e.UserID == user })
}

// Balance returns the balance that the rows make, without a credit limit: the user's
// own money, less the held sum. With a limit it may be negative.
func (t *Tally) Balance(s ledger.Settings) Sum {
	return SumOf(s.Opening).Plus(t.Credits).Minus(t.Debits)
}

// Verdict is what comparing rows with a balance shows.
type Verdict int

// A comparison has one of these verdicts.
const (
	Open  Verdict = iota // not all rows were seen: read again
	Right                // the balance is what the rows add up to
	Wrong                // it is not, and no write in flight explains it
)

// judge compares rows with a balance that counts them and was read after them. The rows include, at
// least, the first floor ones. The audit's package comment proves each answer.
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

// Judge compares rows with a balance that was read after them. The rows include, at
// least, those up to version floor.
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
	return fmt.Sprintf("%s, and the history makes it %s", stored, made)
}

// WrongMover returns the finding that a balance names a write that can't have moved it.
func WrongMover(user ledger.UserID, first ledger.TransactionID) Finding {
	return Finding{UserID: user.String(), Kind: KindMover, Detail: fmt.Sprintf("transaction_id of the balance is %s, and no row of that write is the user's", first)}
}

// Tallies has a tally for each user.
type Tallies map[ledger.UserID]*Tally

// Of returns a user's tally, which may be new.
func (t Tallies) Of(user ledger.UserID) *Tally {
	if t[user] == nil {
		t[user] = &Tally{}
	}
	return t[user]
}
