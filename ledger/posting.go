package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Posting is one write to a [Store], which does everything in it, or nothing.
type Posting struct {
	// Rows are the rows to record. The first one decides whether the posting is
	// recorded already: it is the transaction's own row, or a hold's end.
	Rows []Transaction

	// Moves change the balances of the rows' users, one for each user.
	Moves []Move

	// Refund is what the rows refund, or nil. The original's refund account counts it,
	// if that refunds no entry beyond its amount.
	Refund *Refund
}

// Items returns how many items the posting writes. A [Store] takes [MaxItems] at most.
func (p Posting) Items() int {
	items := len(p.Rows) + len(p.Moves)
	if p.Refund != nil {
		items++
	}
	return items
}

// Move changes a user's balance by what the user's rows add up to, if the balance
// before it is from MinBefore to MaxBefore. Then every debit is covered and no credit
// passes [MaxBalance], in the rows' order. A user without a row has the opening
// balance.
type Move struct {
	UserID               UserID
	Type                 Type // whether to add Sum or subtract it
	Sum                  Sum  // zero or more
	MinBefore, MaxBefore Balance
	Rows                 int // how many rows the user has

	// Ends are the holds to end. Each must be open.
	Ends []Hold

	// Opens is the hold to open, or nil. After the ends, fewer than [MaxHolds] may
	// be open.
	Opens *Hold

	// Held is how much Opens and Ends change the held sum. It may be negative.
	Held Sum

	// Debits and Credits report whether the rows have such entries. The account must
	// not block them.
	Debits, Credits bool

	// Rules changes the account's rules, or is nil. The account must have had one
	// change less than its Number. Sum is how much the limit changes.
	Rules *RuleChange

	net Sum // of the rows so far; Type and Sum have it in the end
}

// Allows reports whether balance b allows the move.
func (m Move) Allows(b Balance) bool {
	return b.d.Cmp(&m.MinBefore.d) >= 0 && b.d.Cmp(&m.MaxBefore.d) <= 0
}

// Sum is a sum of amounts. It may be negative.
type Sum struct{ d apd.Decimal }

// String returns the shortest decimal text, such as "100", "-110.5" or "0".
func (s Sum) String() string { return shortest(s.d) }

// IsNegative reports whether the sum is below zero.
func (s Sum) IsNegative() bool { return s.d.Sign() < 0 }

// IsZero reports whether the sum is zero.
func (s Sum) IsZero() bool { return s.d.IsZero() }

// Equal reports whether the sum equals the balance.
func (s Sum) Equal(b Balance) bool { return s.d.Cmp(&b.d) == 0 }

func (s *Sum) add(a Amount)      { s.d = plus(s.d, a.d) }
func (s *Sum) subtract(a Amount) { s.d = minus(s.d, a.d) }

// move adds a credit, and subtracts a debit.
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

// NewPosting returns a request's posting at that time. The error comes from
// [CheckEntries] or [CheckHold], or names a type that moves no balance.
func NewPosting(r Request, now time.Time) (Posting, error) {
	if err := r.check(); err != nil {
		return Posting{}, err
	}
	return newPosting(r, now, nil), nil
}

// newPosting returns a valid request's posting, created at that time. It releases the
// expired holds before the entries.
func newPosting(r Request, created time.Time, expired []expiredHolds) Posting {
	id, created := r.TransactionID(), created.UTC().Truncate(time.Millisecond)
	p := Posting{Rows: make([]Transaction, 0, len(r.Entries)), Refund: r.Refund}
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
			RefundOf:      r.refundOf(),
		})
	}
	first := &p.Rows[0]
	first.RefundPlaces = r.Refund.places()
	first.TransactionID = TransactionID{}
	first.IdempotencyKey, first.Metadata, first.PostedBy = r.IdempotencyKey, r.Metadata, r.PostedBy
	if len(r.Entries) > 1 {
		first.Entries = r.Entries
	}
	if r.ExpiresIn > 0 {
		first.Status, first.ExpiresAt = Pending, created.Add(r.ExpiresIn)
		p.Rows = p.Rows[:1] // the capture writes the credit
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

func (r Request) check() error {
	if err := CheckEntries(r.Entries); err != nil {
		return err
	}
	for _, e := range r.Entries {
		if _, err := ParseType(string(e.Type)); err != nil {
			return fmt.Errorf("post %s: type %q moves no balance", r.TransactionID(), e.Type)
		}
	}
	if r.Refund != nil {
		return r.Refund.check(r.Entries)
	}
	if r.ExpiresIn > 0 {
		return CheckHold(r.Entries)
	}
	return nil
}

// moveBuilder collects a posting's moves, one for each user.
type moveBuilder []Move

// of returns a user's move. The pointer is valid until the next call.
func (b *moveBuilder) of(user UserID) *Move {
	i := slices.IndexFunc(*b, func(m Move) bool { return m.UserID == user })
	if i < 0 {
		i = len(*b)
		*b = append(*b, Move{UserID: user, MaxBefore: highestBalance})
	}
	return &(*b)[i]
}

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

// add counts an entry's row.
func (m *Move) add(row Transaction) {
	m.net.move(row.Type, row.Amount)
	m.Rows++
	switch row.Type {
	case Debit:
		m.Debits = true
		if least := minus(apd.Decimal{}, m.net.d); least.Cmp(&m.MinBefore.d) > 0 {
			m.MinBefore.d = least
		}
	case Credit:
		m.Credits = true
		if most := minus(maxBalance, m.net.d); most.Cmp(&m.MaxBefore.d) < 0 {
			m.MaxBefore.d = most
		}
	}
	if row.Status == Pending {
		m.Opens = &Hold{TransactionID: row.ID, Amount: row.Amount, ExpiresAt: row.ExpiresAt}
		m.Held.add(row.Amount)
	}
}

// end counts a hold's end. It releases what was not captured: everything, if captured
// is the zero Amount.
func (m *Move) end(h Hold, captured Amount) {
	m.net.add(h.Amount)
	m.net.subtract(captured)
	m.Held.subtract(h.Amount)
	m.Ends = append(m.Ends, h)
	m.Rows++
}
