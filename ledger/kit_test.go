package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

var (
	noon = time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC)

	// after is the time at which holds that expire at noon become spendable.
	after = noon.Add(time.Second)
)

func user(t require.TestingT, name string) ledger.UserID {
	u, err := ledger.ParseUserID(name)
	require.NoError(t, err)
	return u
}

func key(t require.TestingT, text string) ledger.IdempotencyKey {
	k, err := ledger.ParseIdempotencyKey(text)
	require.NoError(t, err)
	return k
}

func amount(t require.TestingT, text string) ledger.Amount {
	a, err := ledger.ParseAmount(text)
	require.NoError(t, err)
	return a
}

func metadata(t require.TestingT, members map[string]string) ledger.Metadata {
	m, err := ledger.NewMetadata(members)
	require.NoError(t, err)
	return m
}

func newID(t require.TestingT, name, k string) ledger.TransactionID {
	return ledger.NewTransactionID(user(t, name), key(t, k))
}

// entries parses a comma-separated list of entries such as "alice debit 12.50".
func entries(t require.TestingT, text string) (all []ledger.Entry) {
	for one := range strings.SplitSeq(text, ", ") {
		words := strings.Fields(one)
		require.Len(t, words, 3, one)
		all = append(all, ledger.Entry{UserID: user(t, words[0]), Type: ledger.Type(words[1]), Amount: amount(t, words[2])})
	}
	return all
}

// requestOf returns a request for entries such as "a debit 10, b credit 10". The suffix
// ", pending" makes it a hold of a minute. "refund of a debit 10" refunds the whole debit.
func requestOf(t require.TestingT, text string) ledger.Request {
	if text, ok := strings.CutPrefix(text, "refund of "); ok {
		o := originalOf(t, text)
		r := o.Request(o.Whole())
		r.IdempotencyKey = key(t, "r")
		return r
	}
	text, isPending := strings.CutSuffix(text, ", pending")
	r := ledger.Request{IdempotencyKey: key(t, "k"), Entries: entries(t, text)}
	if isPending {
		r.ExpiresIn = time.Minute
	}
	return r
}

// originalOf returns a posted transaction with these entries, for a refund.
func originalOf(t require.TestingT, text string) ledger.Original {
	r := requestOf(t, text)
	return ledger.Original{ID: r.TransactionID(), Entries: r.Entries}
}

// recordedAs returns the request's first row as if it had been written an hour before noon.
func recordedAs(t require.TestingT, r ledger.Request) ledger.Transaction {
	p, err := ledger.NewPosting(r, noon.Add(-time.Hour))
	require.NoError(t, err)
	return p.Rows[0]
}

// pendingRow returns the row of a transaction that is pending for a minute from noon.
func pendingRow(t require.TestingT, text string) ledger.Transaction {
	p, err := ledger.NewPosting(requestOf(t, text+", pending"), noon)
	require.NoError(t, err)
	return p.Rows[0]
}

// endRow returns the row that ends a pending transaction at noon, for the given sum.
func endRow(t require.TestingT, of ledger.Transaction, end ledger.End, sum string) ledger.Transaction {
	row := ledger.Transaction{
		ID: of.ID.End(), UserID: of.UserID, End: end, Amount: amount(t, sum), Status: end.Status(), CreatedAt: noon, TransactionID: of.ID,
	}
	if end == ledger.Capture {
		row.Held = of.Amount
	}
	return row
}

// holdsOf returns a user's holds with these amounts, sorted by id. All expire at the same
// time.
func holdsOf(t require.TestingT, name string, expires time.Time, amounts ...string) (holds []ledger.Hold) {
	for i, text := range amounts {
		holds = append(holds, ledger.Hold{TransactionID: newID(t, name, fmt.Sprint("hold ", i)), Amount: amount(t, text), ExpiresAt: expires})
	}
	slices.SortFunc(holds, func(a, b ledger.Hold) int { return slices.Compare(a.TransactionID[:], b.TransactionID[:]) })
	return holds
}

// account returns an account with these holds. The balance excludes their amounts.
func account(t require.TestingT, balance string, holds ...ledger.Hold) ledger.Account {
	b, err := ledger.ParseBalance(balance)
	require.NoError(t, err)
	return ledger.Account{Balance: b, Holds: holds}
}

type accounts = map[string]ledger.Account

func refusal(t require.TestingT, seen accounts) *ledger.RefusedError {
	refused := &ledger.RefusedError{Accounts: map[ledger.UserID]ledger.Account{}}
	for name, a := range seen {
		refused.Accounts[user(t, name)] = a
	}
	return refused
}

// script is a store that returns the prepared answers to postings in order and repeats the
// last one. It records the postings. The field rows need not match the answers, because
// DynamoDB does not always report every failed condition.
type script struct {
	ledger.Store
	answers []error
	rows    map[ledger.TransactionID]ledger.Transaction
	readErr error // returned for an absent row, instead of ErrNotFound
	account ledger.Account

	posted   []ledger.Posting
	deadline []time.Time // the deadline of each call to Post; zero if it had none
	declined []ledger.Transaction
	reads    int // the number of account reads
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
	s.reads++
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

// at returns a ledger on the script. The ledger's clock always returns now.
func (s *script) at(now time.Time) *ledger.Ledger {
	return ledger.New(s, func() time.Time { return now })
}

// ticking returns a clock that advances by step at each call.
func ticking(from time.Time, step time.Duration) func() time.Time {
	return func() time.Time { from = from.Add(step); return from }
}

// end ends a hold. Its last argument is "void", "all" to capture everything, or the amount
// to capture.
func end(t *testing.T, l *ledger.Ledger, r ledger.EndRequest, as string) (ledger.Result, error) {
	t.Helper()
	switch as {
	case "void":
		return l.Void(t.Context(), r)
	case "all":
		return l.Capture(t.Context(), r, ledger.Amount{})
	}
	return l.Capture(t.Context(), r, amount(t, as))
}

func endOf(row ledger.Transaction) ledger.EndRequest {
	return ledger.EndRequest{TransactionID: row.ID}
}

// moveText returns a move in the notation of the test tables, including its holds.
func moveText(m ledger.Move) string {
	text := fmt.Sprintf("%s %s from %s to %s in %d; held %s", m.UserID, m.Sum, m.MinBefore, m.MaxBefore, m.Rows, m.Held)
	for _, h := range m.Ends {
		text += "; ends " + h.Amount.String()
	}
	if m.Opens != nil {
		text += "; opens " + m.Opens.Amount.String()
	}
	return strings.TrimSuffix(text, "; held 0")
}

func moveTexts(p ledger.Posting) (texts []string) {
	for _, m := range p.Moves {
		texts = append(texts, moveText(m))
	}
	return texts
}
