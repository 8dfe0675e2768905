package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Posting is one write to a [Store], which applies all of it or nothing.
type Posting struct {
	// Rows are the rows to store. The first is a transaction's first row, a hold's end or a
	// rule change. If that row's id is taken, the posting is already recorded.
	Rows []Transaction

	// Moves change the balances. There is one move for each user in the rows.
	Moves []Move

	// Refund is set if the rows refund a transaction. The write adds the refund to the
	// original's [Refunds], and succeeds only if no entry is refunded beyond its amount.
	Refund *Refund
}

// Items returns the number of items in the write. A [Store] accepts at most [MaxItems].
func (p Posting) Items() int {
	items := len(p.Rows) + len(p.Moves)
	if p.Refund != nil {
		items++
	}
	return items
}

// Move changes a user's balance by the total of the user's rows, if the balance is from
// MinBefore to MaxBefore. Within this range the rows can apply one after another: the
// balance covers every debit, and no credit raises it above [MaxBalance]. A user without a
// stored balance has the opening balance.
type Move struct {
	UserID               UserID
	Sum                  Sum
	MinBefore, MaxBefore Balance
	Rows                 int // the number of rows for this user

	// Ends are the holds to end. All must be open.
	Ends []Hold

	// Opens is the hold to open, or nil. If it is set, fewer than [MaxHolds] holds may be
	// open before, not counting Ends.
	Opens *Hold

	// Held is the amount by which Opens and Ends change the held sum.
	Held Sum

	// Debits and Credits report whether the rows contain debits and credits for this user.
	// The account must not block them.
	Debits, Credits bool

	// Rules is the change to the account's rules, or nil. Before it, the account must have
	// had Rules.Number - 1 changes. Sum is then the change to the credit limit.
	Rules *RuleChange
}

// Allows reports whether balance b allows the move.
func (m Move) Allows(b Balance) bool {
	return b.d.Cmp(&m.MinBefore.d) >= 0 && b.d.Cmp(&m.MaxBefore.d) <= 0
}

// NewPosting returns the posting for a request at the given time. It returns an error if
// [CheckEntries], [CheckHold] or the refund rejects the entries, or if a type is unknown.
func NewPosting(r Request, now time.Time) (Posting, error) {
	if err := r.check(); err != nil {
		return Posting{}, err
	}
	return newPosting(r, now, nil), nil
}

// newPosting returns the posting for a valid request. The posting also releases the expired
// holds in the accounts, so that the entries can use the money.
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

// rows returns the rows for the entries. A pending transaction has only the first row,
// because its capture writes the credit.
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

// move returns the user's move, and adds one if there is none. The pointer is valid until
// the next call.
func (p *Posting) move(user UserID) *Move {
	i := slices.IndexFunc(p.Moves, func(m Move) bool { return m.UserID == user })
	if i < 0 {
		i = len(p.Moves)
		p.Moves = append(p.Moves, Move{UserID: user, MaxBefore: HighestBalance()})
	}
	return &p.Moves[i]
}

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

// release adds the rows that end a user's expired holds.
func (p *Posting) release(user UserID, expired []Hold, now time.Time) {
	for _, h := range expired {
		p.end(h, h.endRow(user, Expiry), now)
	}
}

// end adds row, the end of hold h, and adds the uncaptured money to the user's move.
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
