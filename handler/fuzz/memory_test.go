// Package fuzz_test fuzzes the edge. It stands apart from the handler's tests,
// because fuzzing compiles all that a test imports anew, and takes many new
// ledgers a second.
package fuzz_test

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"onewrite/handler"
	"onewrite/ledger"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// memory is a store for fuzzing, which wants many new ones a second. It keeps
// the promises of [ledger.Store]; all other tests run on DynamoDB Local.
type memory struct {
	mu           sync.Mutex
	transactions []ledger.Transaction
	balances     map[ledger.UserID]ledger.Balance
}

// newMemory is a handler over a new ledger in memory, at noon.
func newMemory() (*handler.Handler, *memory) {
	m := &memory{balances: map[ledger.UserID]ledger.Balance{}}
	l := ledger.New(m, func() time.Time { return noon })
	return handler.New(l, slog.New(slog.DiscardHandler), handler.Access{Authorization: handler.None}), m
}

func (m *memory) Post(_ context.Context, p ledger.Posting) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.recorded(p.Rows[0].ID); err != nil {
		return err
	}
	refused := map[ledger.UserID]ledger.Balance{}
	for _, move := range p.Moves {
		if before := m.balance(move.UserID); !move.Allows(before) {
			refused[move.UserID] = before
		}
	}
	if len(refused) > 0 {
		return &ledger.OutOfRangeError{Balances: refused}
	}
	for _, t := range p.Rows {
		m.transactions = append(m.transactions, t)
		m.balances[t.UserID], _ = m.balance(t.UserID).After(t.Type, t.Amount)
	}
	return nil
}

func (m *memory) Decline(_ context.Context, t ledger.Transaction) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.recorded(t.ID); err != nil {
		return err
	}
	m.transactions = append(m.transactions, t)
	return nil
}

func (m *memory) Balance(_ context.Context, user ledger.UserID) (ledger.Balance, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.balance(user), nil
}

func (m *memory) Transaction(_ context.Context, id ledger.TransactionID) (ledger.Transaction, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.transactions {
		if t.ID == id {
			return t, nil
		}
	}
	return ledger.Transaction{}, ledger.ErrNotFound
}

// History is without order and cursor: there is at most one transaction of a user.
func (m *memory) History(_ context.Context, user ledger.UserID, after ledger.Cursor, _ int) (page []ledger.Transaction, more bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.transactions {
		if t.UserID == user && after == (ledger.Cursor{}) {
			page = append(page, t)
		}
	}
	return page, false, nil
}

func (m *memory) balance(user ledger.UserID) ledger.Balance {
	if balance, there := m.balances[user]; there {
		return balance
	}
	return ledger.OpeningBalance()
}

func (m *memory) recorded(id ledger.TransactionID) error {
	for _, t := range m.transactions {
		if t.ID == id {
			return &ledger.RecordedError{Recorded: t}
		}
	}
	return nil
}
