package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Posting is what one write does to a [Store]: all of it, or nothing.
type Posting struct {
	// Rows are the rows to record, one for each entry of the transaction. The
	// first is the transaction's own: its id decides whether the transaction is
	// recorded already.
	Rows []Transaction

	// Moves change the balances, one for each user among the rows, in the order
	// of their first entries.
	Moves []Move
}

// Move changes a user's balance by what all of the user's entries come to, if
// the balance is from Least to Most before it: then it stays in its range after
// each of them. A user without a row has [OpeningBalance].
type Move struct {
	UserID      UserID
	Type        Type // whether Sum is added or taken
	Sum         Sum
	Least, Most Balance
	Rows        int // how many rows of the posting are the user's
}

// Allows reports whether the balance may be moved.
func (m Move) Allows(b Balance) bool {
	return b.d.Cmp(&m.Least.d) >= 0 && b.d.Cmp(&m.Most.d) <= 0
}

// Sum is what several entries come to: US dollars, zero or more.
type Sum struct{ d apd.Decimal }

// String returns the shortest decimal text, such as "100", "110.5" or "0".
func (s Sum) String() string { return shortest(s.d) }

// NewPosting returns the posting of a request at that time. The error is that of
// [CheckEntries], or names a type that moves no balance.
func NewPosting(r Request, now time.Time) (Posting, error) {
	if err := CheckEntries(r.Entries); err != nil {
		return Posting{}, err
	}
	p := Posting{Rows: make([]Transaction, len(r.Entries))}
	first := r.TransactionID()
	for i, e := range r.Entries {
		if _, err := ParseType(string(e.Type)); err != nil {
			return Posting{}, fmt.Errorf("post %s: type %q moves no balance", first, e.Type)
		}
		p.Rows[i] = Transaction{
			ID:            first.Entry(i),
			UserID:        e.UserID,
			Type:          e.Type,
			Amount:        e.Amount,
			Status:        Posted,
			CreatedAt:     now.UTC().Truncate(time.Millisecond),
			TransactionID: first,
		}
	}
	p.Rows[0].TransactionID = TransactionID{}
	p.Rows[0].IdempotencyKey, p.Rows[0].Metadata = r.IdempotencyKey, r.Metadata
	if len(r.Entries) > 1 {
		p.Rows[0].Entries = r.Entries
	}
	p.Moves = newMoves(r.Entries)
	return p, nil
}

// newMoves returns the moves of all users of the entries.
func newMoves(entries []Entry) []Move {
	totals := make([]total, 0, len(entries))
	for _, e := range entries {
		i := slices.IndexFunc(totals, func(t total) bool { return t.user == e.UserID })
		if i < 0 {
			i = len(totals)
			totals = append(totals, total{user: e.UserID})
		}
		totals[i].add(e)
	}
	moves := make([]Move, len(totals))
	for i := range totals {
		moves[i] = totals[i].move()
	}
	return moves
}

// total is what a user's entries come to, one after another.
type total struct {
	user      UserID
	net       sum
	low, high apd.Decimal // the least and the most that net has been, zero included
	entries   int
}

func (t *total) add(e Entry) {
	t.net.add(e)
	t.entries++
	if t.net.d.Cmp(&t.low) < 0 {
		t.low.Set(&t.net.d)
	}
	if t.net.d.Cmp(&t.high) > 0 {
		t.high.Set(&t.net.d)
	}
}

// move returns the move by all entries at once.
func (t *total) move() Move {
	m := Move{UserID: t.user, Type: Credit, Rows: t.entries}
	if t.net.d.Negative {
		m.Type = Debit
	}
	m.Sum.d.Abs(&t.net.d)
	m.Least.d.Neg(&t.low)
	mustExact(exact.Sub(&m.Most.d, &maxBalance, &t.high))
	return m
}

// sum is what entries come to: credits minus debits. Those of one transaction
// make less than 10^15.
type sum struct{ d apd.Decimal }

func (s *sum) add(e Entry) {
	switch e.Type {
	case Credit:
		mustExact(exact.Add(&s.d, &s.d, &e.Amount.d))
	case Debit:
		mustExact(exact.Sub(&s.d, &s.d, &e.Amount.d))
	default:
		panic(fmt.Sprintf("ledger: type %q moves no balance", e.Type))
	}
}
