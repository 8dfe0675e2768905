// Package fuzz_test fuzzes the handler. It is separate from the handler's other tests,
// because fuzzing recompiles everything that a test imports.
package fuzz_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"slices"
	"time"

	"onewrite/handler"
	"onewrite/ledger"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// memory is a [ledger.Store] for fuzzing, which needs many new stores a second. It is not
// safe for concurrent use. Other tests run on DynamoDB Local or an in-memory DynamoDB.
type memory struct {
	settings     ledger.Settings
	transactions []ledger.Transaction
	accounts     map[ledger.UserID]ledger.Account
	refunds      map[ledger.TransactionID]ledger.Refunds
}

// newMemory returns a handler for a new ledger in memory, at noon. number selects the
// settings, with 0 for the defaults.
func newMemory(number uint8) (*handler.Handler, *memory) {
	s := others[int(number)%len(others)]
	m := &memory{
		settings: must(ledger.ParseSettings(s[0], s[1], s[2])),
		accounts: map[ledger.UserID]ledger.Account{}, refunds: map[ledger.TransactionID]ledger.Refunds{},
	}
	l := ledger.New(m, func() time.Time { return noon })
	return handler.New(l, slog.New(slog.DiscardHandler), handler.Access{Authorization: handler.None}), m
}

var others = [][3]string{{"USD", "2", "100"}, {"JPY", "0", "100"}, {"EUR", "2", "0"}, {"KWD", "3", "100.125"}, {"XBT", "8", "100.00000001"}}

func (m *memory) Post(_ context.Context, p ledger.Posting) error {
	if recorded, ok := m.row(p.Rows[0].ID); ok {
		return &ledger.RecordedError{Recorded: recorded}
	}
	refunds, allowed := m.refunded(p.Refund)
	if !allowed {
		return &ledger.RefusedError{Refunds: &refunds}
	}
	refused := map[ledger.UserID]ledger.Account{}
	for _, move := range p.Moves {
		if before := m.account(move.UserID); !allows(move, before) {
			refused[move.UserID] = before
		}
	}
	if len(refused) > 0 {
		return &ledger.RefusedError{Accounts: refused}
	}
	m.transactions = append(m.transactions, p.Rows...)
	for _, move := range p.Moves {
		m.accounts[move.UserID] = after(move, m.account(move.UserID))
	}
	if p.Refund != nil {
		m.refunds[p.Refund.Of.ID] = refunds
	}
	return nil
}

// refunded returns the refunds of r's original, including r if it is allowed.
func (m *memory) refunded(r *ledger.Refund) (after ledger.Refunds, allowed bool) {
	if r == nil {
		return after, true
	}
	before := m.refunds[r.Of.ID]
	after = ledger.Refunds{Count: before.Count + 1, Sums: map[int]ledger.Amount{}}
	maps.Copy(after.Sums, before.Sums)
	for _, p := range r.Parts {
		sum := rat(p.Amount)
		if already, ok := before.Sums[p.Entry]; ok {
			sum.Add(sum, rat(already))
		}
		if sum.Cmp(rat(r.Of.Entries[p.Entry].Amount)) > 0 {
			return before, false
		}
		after.Sums[p.Entry] = must(ledger.ParseAmount(sum.FloatString(ledger.MaxPlaces)))
	}
	return after, true
}

func allows(m ledger.Move, a ledger.Account) bool {
	open := slices.ContainsFunc(m.Ends, func(h ledger.Hold) bool { return !slices.ContainsFunc(a.Holds, same(h)) })
	blocked := m.Debits && a.DebitsBlocked || m.Credits && a.CreditsBlocked
	changed := m.Rules != nil && m.Rules.Number != a.Changes+1
	full := m.Opens != nil && len(a.Holds)-len(m.Ends) >= ledger.MaxHolds
	return m.Allows(a.Balance) && !open && !blocked && !changed && !full
}

func after(m ledger.Move, a ledger.Account) ledger.Account {
	sum := rat(m.Sum)
	a.Balance = must(ledger.ParseBalance(sum.Add(sum, rat(a.Balance)).FloatString(ledger.MaxPlaces)))
	a.Holds = slices.Clone(a.Holds)
	for _, h := range m.Ends {
		a.Holds = slices.DeleteFunc(a.Holds, same(h))
	}
	if m.Opens != nil {
		a.Holds = append(a.Holds, *m.Opens)
	}
	if m.Rules == nil {
		return a
	}
	a.Changes = m.Rules.Number
	if m.Rules.Debits != "" {
		a.DebitsBlocked = m.Rules.Debits == ledger.Blocked
	}
	if m.Rules.Credits != "" {
		a.CreditsBlocked = m.Rules.Credits == ledger.Blocked
	}
	if m.Rules.CreditLimit != nil {
		a.CreditLimit = *m.Rules.CreditLimit
	}
	return a
}

func same(h ledger.Hold) func(ledger.Hold) bool {
	return func(other ledger.Hold) bool { return other.TransactionID == h.TransactionID }
}

func must[T any](sum T, err error) T {
	if err != nil {
		panic(err)
	}
	return sum
}

func rat(money fmt.Stringer) *big.Rat {
	r, ok := new(big.Rat).SetString(money.String())
	if !ok {
		panic(money) // the ledger's amounts are always valid
	}
	return r
}

func (m *memory) Decline(_ context.Context, t ledger.Transaction) error {
	if recorded, ok := m.row(t.ID); ok {
		return &ledger.RecordedError{Recorded: recorded}
	}
	m.transactions = append(m.transactions, t)
	return nil
}

func (m *memory) Account(_ context.Context, user ledger.UserID) (ledger.Account, error) {
	return m.account(user), nil
}

func (m *memory) Transaction(_ context.Context, id ledger.TransactionID) (ledger.Transaction, error) {
	if t, ok := m.row(id); ok {
		return t, nil
	}
	return ledger.Transaction{}, ledger.ErrNotFound
}

func (m *memory) Refunds(_ context.Context, of ledger.TransactionID) (ledger.Refunds, error) {
	return m.refunds[of], nil
}

// History has no order and no paging: in tests that call it, no user has two transactions.
func (m *memory) History(_ context.Context, user ledger.UserID, after ledger.Cursor, _ int) (page ledger.Page, err error) {
	for _, t := range m.transactions {
		if t.UserID == user && t.Rules == nil && after == (ledger.Cursor{}) {
			page.Transactions = append(page.Transactions, t)
		}
	}
	return page, nil
}

func (m *memory) Settings() ledger.Settings { return m.settings }

func (m *memory) account(user ledger.UserID) ledger.Account {
	if account, ok := m.accounts[user]; ok {
		return account
	}
	return ledger.Account{Balance: m.settings.Opening}
}

func (m *memory) row(id ledger.TransactionID) (ledger.Transaction, bool) {
	i := slices.IndexFunc(m.transactions, func(t ledger.Transaction) bool { return t.ID == id })
	if i < 0 {
		return ledger.Transaction{}, false
	}
	return m.transactions[i], true
}
