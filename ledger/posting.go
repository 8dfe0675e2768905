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
	Sum                  Sum
	MinBefore, MaxBefore Balance
	Rows                 int // how many rows the user has

	// Ends are the holds to end. Each must be open.
	Ends []Hold

	// Opens is the hold to open, or nil. After the ends, fewer than [MaxHolds] may
	// be open.
	Opens *Hold

	// Held is how much Opens and Ends change the held sum.
	Held Sum

	// Debits and Credits report whether the rows have such entries. The account must
	// not block them.
	Debits, Credits bool

	// Rules changes the account's rules, or is nil. The account must have had one
	// change less than its Number. Sum is how much the limit changes.
	Rules *RuleChange
}

// Allows reports whether balance b allows the move.
func (m Move) Allows(b Balance) bool {
	return b.d.Cmp(&m.MinBefore.d) >= 0 && b.d.Cmp(&m.MaxBefore.d) <= 0
}

// NewPosting returns a request's posting at that time. The error comes from
// [CheckEntries] or [CheckHold], or names a type that moves no balance.
func NewPosting(r Request, now time.Time) (Posting, error) {
	if err := r.check(); err != nil {
		return Posting{}, err
	}
	return newPosting(r, now, nil), nil
}

// newPosting returns a valid request's posting. It releases the accounts' expired holds
// before the entries.
func newPosting(r Request, now time.Time, accounts map[UserID]Account) Posting {
	p := Posting{Rows: r.rows(now), Moves: make([]Move, 0, len(r.Entries)), Refund: r.Refund}
	entries := p.Rows
	for _, user := range usersOf(r.Entries) {
		p.release(user, accounts[user].expired(now), now)
	}
	for _, row := range entries {
		p.move(row.UserID).add(row)
	}
	return p
}

// rows returns the entries' rows. A pending transaction has only the first one, as its
// capture writes the credit.
func (r Request) rows(now time.Time) []Transaction {
	id, created := r.TransactionID(), timeOf(now)
	rows := make([]Transaction, 0, len(r.Entries))
	for i, e := range r.Entries {
		rows = append(rows, Transaction{
			ID:            id.Entry(i),
			UserID:        e.UserID,
			Type:          e.Type,
			Amount:        e.Amount,
			Status:        Posted,
			CreatedAt:     created,
			TransactionID: id,
		})
	}
	if r.Refund != nil {
		r.Refund.mark(rows)
	}
	first := &rows[0]
	first.TransactionID = TransactionID{}
	first.IdempotencyKey, first.Metadata, first.PostedBy = r.IdempotencyKey, r.Metadata, r.PostedBy
	if len(r.Entries) > 1 {
		first.Entries = r.Entries
	}
	if r.ExpiresIn > 0 {
		first.Status, first.ExpiresAt = Pending, created.Add(r.ExpiresIn)
		rows = rows[:1]
	}
	return rows
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

// move returns a user's move. The pointer is valid until the next call.
func (p *Posting) move(user UserID) *Move {
	i := slices.IndexFunc(p.Moves, func(m Move) bool { return m.UserID == user })
	if i < 0 {
		i = len(p.Moves)
		p.Moves = append(p.Moves, Move{UserID: user, MaxBefore: HighestBalance()})
	}
	return &p.Moves[i]
}

// add counts an entry's row.
func (m *Move) add(row Transaction) {
	m.Sum.move(row.Type, row.Amount)
	m.Rows++
	switch row.Type {
	case Debit:
		m.Debits = true
		if least := minus(apd.Decimal{}, m.Sum.d); least.Cmp(&m.MinBefore.d) > 0 {
			m.MinBefore.d = least
		}
	case Credit:
		m.Credits = true
		if most := minus(maxBalance, m.Sum.d); most.Cmp(&m.MaxBefore.d) < 0 {
			m.MaxBefore.d = most
		}
	}
	if row.Status == Pending {
		m.Opens = new(row.hold())
		m.Held.add(row.Amount)
	}
}

// release ends a user's expired holds.
func (p *Posting) release(user UserID, expired []Hold, now time.Time) {
	for _, h := range expired {
		p.end(h, h.endRow(user, Expiry), now)
	}
}

// end adds the row that ends a hold, and gives back what the row does not capture.
func (p *Posting) end(h Hold, row Transaction, now time.Time) {
	row.CreatedAt = timeOf(now)
	p.Rows = append(p.Rows, row)
	m := p.move(row.UserID)
	m.Sum.add(h.Amount)
	if row.End == Capture {
		m.Sum.subtract(row.Amount)
	}
	m.Held.subtract(h.Amount)
	m.Ends = append(m.Ends, h)
	m.Rows++
}
