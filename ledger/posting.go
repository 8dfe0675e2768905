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
// another, if the balance is from Least to Most before it: then every debit is
// covered, and no credit passes [MaxBalance]. A user without a row has
// [OpeningBalance].
type Move struct {
	UserID      UserID
	Type        Type // whether Sum is added or taken
	Sum         Sum  // zero or more
	Least, Most Balance
	Rows        int // how many rows of the posting are the user's

	// Ends are holds that end. Each must be open.
	Ends []Hold

	// Opens is the hold that opens, if one does. After the ends, fewer than
	// [MaxHolds] may be open.
	Opens *Hold

	// Held is what Opens and Ends add to what is held, below zero if they take.
	Held Sum
}

// Allows reports whether the balance may be moved.
func (m Move) Allows(b Balance) bool {
	return b.d.Cmp(&m.Least.d) >= 0 && b.d.Cmp(&m.Most.d) <= 0
}

// Sum is what amounts come to, in US dollars. It may be below zero.
type Sum struct{ d apd.Decimal }

// String returns the shortest decimal text, such as "100", "-110.5" or "0".
func (s Sum) String() string { return shortest(s.d) }

// IsZero reports whether the sum is zero.
func (s Sum) IsZero() bool { return s.d.IsZero() }

func (s *Sum) add(a Amount)      { mustExact(exact.Add(&s.d, &s.d, &a.d)) }
func (s *Sum) subtract(a Amount) { mustExact(exact.Sub(&s.d, &s.d, &a.d)) }

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
	return newPosting(r, now, releases{}), nil
}

// newPosting returns the posting of a request, which must be good, that was
// created at that time, and of the releases that go before it.
func newPosting(r Request, created time.Time, before releases) Posting {
	id, created := r.TransactionID(), created.UTC().Truncate(time.Millisecond)
	var p Posting
	moves := make(totals, 0, len(r.Entries))
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
	first.IdempotencyKey, first.Metadata = r.IdempotencyKey, r.Metadata
	if len(r.Entries) > 1 {
		first.Entries = r.Entries
	}
	if r.ExpiresIn > 0 {
		first.Status, first.ExpiresAt = Pending, created.Add(r.ExpiresIn)
		p.Rows = p.Rows[:1] // a credit comes with the capture
	}
	p.Rows = append(p.Rows, before.rows(&moves)...)
	for _, row := range p.Rows {
		if row.End == "" {
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

// totals are what the rows of a posting come to, for each user.
type totals []total

// of returns the total of a user, which is good until the next call.
func (t *totals) of(user UserID) *total {
	i := slices.IndexFunc(*t, func(one total) bool { return one.UserID == user })
	if i < 0 {
		i = len(*t)
		*t = append(*t, total{Move: Move{UserID: user, Most: unbounded}})
	}
	return &(*t)[i]
}

func (t totals) moves() []Move {
	moves := make([]Move, len(t))
	for i := range t {
		moves[i] = t[i].move()
	}
	return moves
}

// total is the move of a user as far as it is known.
type total struct {
	Move
	net Sum // of the rows so far
}

// add counts the row of an entry.
func (t *total) add(row Transaction) {
	t.net.move(row.Type, row.Amount)
	t.Rows++
	switch row.Type {
	case Debit:
		if least := new(apd.Decimal).Neg(&t.net.d); least.Cmp(&t.Least.d) > 0 {
			t.Least.d.Set(least)
		}
	case Credit:
		var most apd.Decimal
		mustExact(exact.Sub(&most, &maxBalance, &t.net.d))
		if most.Cmp(&t.Most.d) < 0 {
			t.Most.d.Set(&most)
		}
	}
	if row.Status == Pending {
		t.Opens = &Hold{TransactionID: row.ID, Amount: row.Amount, ExpiresAt: row.ExpiresAt}
		t.Held.add(row.Amount)
	}
}

// end counts the end of a hold, of which that much was captured, or nothing: the
// zero Amount. The rest may be spent again.
func (t *total) end(h Hold, captured Amount) {
	t.net.add(h.Amount)
	t.net.subtract(captured)
	t.Held.subtract(h.Amount)
	t.Ends = append(t.Ends, h)
	t.Rows++
}

// move returns the move of all the rows at once.
func (t *total) move() Move {
	m := t.Move
	m.Type = Credit
	if t.net.d.Negative {
		m.Type = Debit
	}
	m.Sum.d.Abs(&t.net.d)
	return m
}
