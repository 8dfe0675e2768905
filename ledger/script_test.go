package ledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// script is a store with prepared answers to postings; the last one repeats. It
// records the postings. Its rows need not agree with its answers: DynamoDB may
// leave out failed conditions.
type script struct {
	ledger.Store
	answers []error
	rows    map[ledger.TransactionID]ledger.Transaction
	readErr error // for an absent row
	account ledger.Account

	posted   []ledger.Posting
	deadline []time.Time // of each posting; zero if it has none
	declined []ledger.Transaction
}

func (s *script) Post(ctx context.Context, p ledger.Posting) error {
	end, _ := ctx.Deadline()
	s.posted, s.deadline = append(s.posted, p), append(s.deadline, end)
	return s.answers[min(len(s.posted), len(s.answers))-1]
}

func (s *script) Decline(_ context.Context, t ledger.Transaction) error {
	s.declined = append(s.declined, t)
	return nil
}

func (s *script) Account(context.Context, ledger.UserID) (ledger.Account, error) {
	return s.account, nil
}

func (s *script) Transaction(_ context.Context, id ledger.TransactionID) (ledger.Transaction, error) {
	if row, ok := s.rows[id]; ok {
		return row, nil
	}
	if s.readErr != nil {
		return ledger.Transaction{}, s.readErr
	}
	return ledger.Transaction{}, ledger.ErrNotFound
}

func (s *script) holding(rows ...ledger.Transaction) *script {
	s.rows = map[ledger.TransactionID]ledger.Transaction{}
	for _, row := range rows {
		s.rows[row.ID] = row
	}
	return s
}

// at returns a ledger over the script whose clock does not advance.
func (s *script) at(now time.Time) *ledger.Ledger {
	return ledger.New(s, func() time.Time { return now })
}

// outOfRange returns a refusal by these accounts, by user name.
func outOfRange(t require.TestingT, accounts map[string]ledger.Account) error {
	out := &ledger.RefusedError{Accounts: map[ledger.UserID]ledger.Account{}}
	for user, a := range accounts {
		id, err := ledger.ParseUserID(user)
		require.NoError(t, err)
		out.Accounts[id] = a
	}
	return out
}

// requestOf returns a request with the key k, pending if expiresIn is not zero.
func requestOf(t require.TestingT, text string, expiresIn time.Duration) ledger.Request {
	return ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, text), ExpiresIn: expiresIn}
}

// pendingRow returns a transaction's row, pending for a minute from noon.
func pendingRow(t *testing.T, text string) ledger.Transaction {
	t.Helper()
	p, err := ledger.NewPosting(requestOf(t, text, time.Minute), noon)
	require.NoError(t, err)
	return p.Rows[0]
}

// holdText returns a move as moveText does, with its holds.
func holdText(m ledger.Move) string {
	text := fmt.Sprintf("%s; held %s", moveText(m), m.Held)
	for _, h := range m.Ends {
		text += "; ends " + h.Amount.String()
	}
	if m.Opens != nil {
		text += "; opens " + m.Opens.Amount.String()
	}
	return text
}

func holdTexts(p ledger.Posting) (texts []string) {
	for _, m := range p.Moves {
		texts = append(texts, holdText(m))
	}
	return texts
}
