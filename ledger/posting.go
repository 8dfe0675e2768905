package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Posting is what one write does to a [Store]: all of it, or nothing.
type Posting struct {
	// Rows are the rows to record. The first decides whether all of this is
	// recorded already: it is the transaction's own, or the end of a hold.
	Rows []Transaction

	// Moves change the balances of the users of the rows, one for each user.
	Moves []Move
}

// items returns how many items the posting writes, of at most [MaxItems].
func (p Posting) items() int { return len(p.Rows) + len(p.Moves) }

// Move changes a user's balance by what the user's rows come to, one after
// another, if the balance is from MinBefore to MaxBefore before it: then every debit is
// covered, and no credit passes [MaxBalance]. A user without a row has the opening
// balance.
type Move struct {
	UserID               UserID
	Type                 Type // whether Sum is added or taken
	Sum                  Sum  // zero or more
	MinBefore, MaxBefore Balance
	Rows                 int // how many rows of the posting are the user's

	// Ends are holds that end. Each must be open.
	Ends []Hold

	// Opens is the hold that opens, if one does. After the ends, fewer than
	// [MaxHolds] may be open.
	Opens *Hold

	// Held is what Opens and Ends add to what is held, below zero if they take.
	Held Sum

	net Sum // of the rows so far: Type and Sum, when all are counted
}

// Allows reports whether the balance may be moved.
func (m Move) Allows(b Balance) bool {
	return b.d.Cmp(&m.MinBefore.d) >= 0 && b.d.Cmp(&m.MaxBefore.d) <= 0
}

// Sum is what amounts come to. It may be below zero.
type Sum struct{ d apd.Decimal }

// String returns the shortest decimal text, such as "100", "-110.5" or "0".
func (s Sum) String() string { return shortest(s.d) }

// IsZero reports whether the sum is zero.
func (s Sum) IsZero() bool { return s.d.IsZero() }

// Equal reports whether the sum is as much as the balance.
func (s Sum) Equal(b Balance) bool { return s.d.Cmp(&b.d) == 0 }

func (s *Sum) add(a Amount)      { s.d = plus(s.d, a.d) }
func (s *Sum) subtract(a Amount) { s.d = minus(s.d, a.d) }

// move adds the amount of a credit, and subtracts that of a debit.
func (s *Sum) move(t Type, a Amount) {
	switch t {
	case Credit:
		s.add(a)
	case Debit:
		s.subtract(a)
	default:
		panic(fmt.Sprintf("ledger: type %q moves no balance", t))
	}
}

// NewPosting returns the posting of a request at that time. The error is that of
// [CheckEntries] or [CheckHold], or names a type that moves no balance.
func NewPosting(r Request, now time.Time) (Posting, error) {
	if err := r.check(); err != nil {
		return Posting{}, err
	}
	return newPosting(r, now, nil), nil
}

// newPosting returns the posting of a request, which must be good, that was
// created at that time, and releases expired holds before its entries count.
func newPosting(r Request, created time.Time, expired []expiredHolds) Posting {
	id, created := r.TransactionID(), created.UTC().Truncate(time.Millisecond)
	p := Posting{Rows: make([]Transaction, 0, len(r.Entries))}
	moves := make(moveBuilder, 0, len(r.Entries))
	for i, e := range r.Entries {
		p.Rows = append(p.Rows, Transaction{
			ID:            id.Entry(i),
			UserID:        e.UserID,
			Type:          e.Type,
			Amount:        e.Amount,
			Status:        Posted,
			CreatedAt:     created,
			TransactionID: id,
		})
	}
	first := &p.Rows[0]
	first.TransactionID = TransactionID{}
	first.IdempotencyKey, first.Metadata, first.PostedBy = r.IdempotencyKey, r.Metadata, r.PostedBy
	if len(r.Entries) > 1 {
		first.Entries = r.Entries
	}
	if r.ExpiresIn > 0 {
		first.Status, first.ExpiresAt = Pending, created.Add(r.ExpiresIn)
		p.Rows = p.Rows[:1] // a credit comes with the capture
	}
	for _, one := range expired {
		p.Rows = append(p.Rows, one.expiries(created, &moves)...)
	}
	for _, row := range p.Rows {
		if row.Kind() != EndRow {
			moves.of(row.UserID).add(row)
		}
	}
	p.Moves = moves.moves()
	return p
}

// check returns what is wrong with a request.
func (r Request) check() error {
	if err := CheckEntries(r.Entries); err != nil {
		return err
	}
	for _, e := range r.Entries {
		if _, err := ParseType(string(e.Type)); err != nil {
			return fmt.Errorf("post %s: type %q moves no balance", r.TransactionID(), e.Type)
		}
	}
	if r.ExpiresIn > 0 {
		return CheckHold(r.Entries)
	}
	return nil
}

// moveBuilder has the moves of a posting as far as they are known, one for each
// user.
type moveBuilder []Move

// of returns the move of a user, which is good until the next call.
func (b *moveBuilder) of(user UserID) *Move {
	i := slices.IndexFunc(*b, func(m Move) bool { return m.UserID == user })
	if i < 0 {
		i = len(*b)
		*b = append(*b, Move{UserID: user, MaxBefore: highestBalance})
	}
	return &(*b)[i]
}

// moves returns the moves of all the rows at once.
func (b moveBuilder) moves() []Move {
	for i := range b {
		m := &b[i]
		m.Type, m.Sum = Credit, m.net
		if m.net.d.Negative {
			m.Type, m.Sum.d = Debit, minus(apd.Decimal{}, m.net.d)
		}
	}
	return b
}

// add counts the row of an entry.
func (m *Move) add(row Transaction) {
	m.net.move(row.Type, row.Amount)
	m.Rows++
	switch row.Type {
	case Debit:
		if least := minus(apd.Decimal{}, m.net.d); least.Cmp(&m.MinBefore.d) > 0 {
			m.MinBefore.d = least
		}
	case Credit:
		if most := minus(maxBalance, m.net.d); most.Cmp(&m.MaxBefore.d) < 0 {
			m.MaxBefore.d = most
		}
	}
	if row.Status == Pending {
		m.Opens = &Hold{TransactionID: row.ID, Amount: row.Amount, ExpiresAt: row.ExpiresAt}
		m.Held.add(row.Amount)
	}
}

// end counts the end of a hold, of which that much was captured, or nothing: the
// zero Amount. The rest may be spent again.
func (m *Move) end(h Hold, captured Amount) {
	m.net.add(h.Amount)
	m.net.subtract(captured)
	m.Held.subtract(h.Amount)
	m.Ends = append(m.Ends, h)
	m.Rows++
}
