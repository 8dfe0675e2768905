package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// script makes named calls on books, at its own time, and repeats them on others. Its steps are
//
//	sale: a debit 10, b credit 10    the name, which is the key too, and the entries
//	h: hold a debit 10               for an hour
//	c: capture h 5, v: void h, r: refund sale 0 4, 1 4, x: rules a limit 50
//	d: a debit 1000: insufficient    with the error's text
//	2h                               time goes by
//	sale replayed                    a call is sent again, and is a replay; or "new"; or an error's text
//	sale unknown                     a lookup finds nothing
//	a 90                             the user's own money
type script struct {
	books *infratest.Books
	now   time.Time
	calls map[string]*namedCall
}

type namedCall struct {
	rows  []ledger.TransactionID // from its write, and a hold's end
	send  func(l *ledger.Ledger) (ledger.Result, error)
	first ledger.Result
}

func newScript(b *infratest.Books, now time.Time) *script {
	return &script{b, now, map[string]*namedCall{}}
}

// repeat returns the script for the same calls on other books.
func (r *script) repeat(b *infratest.Books, now time.Time) *script { return &script{b, now, r.calls} }

// play takes steps, each separated by a semicolon.
func (r *script) play(t *testing.T, steps string) {
	t.Helper()
	for step := range strings.SplitSeq(steps, "; ") {
		r.follow(t, step)
	}
}

func (r *script) ledger() *ledger.Ledger {
	return ledger.New(r.books.Store, func() time.Time { r.now = r.now.Add(time.Second); return r.now })
}

// call defines a call.
func (r *script) call(t *testing.T, name, text string) *namedCall {
	t.Helper()
	kind, rest, _ := strings.Cut(text, " ")
	of, list, _ := strings.Cut(rest, " ")
	parts := func(list string) []string {
		if list == "" {
			return nil
		}
		return strings.Split(list, ", ")
	}
	c := &namedCall{}
	switch kind {
	case "capture":
		amount := ledger.Amount{}
		if list != "" {
			amount = amountOf(t, list)
		}
		end := ledger.EndRequest{TransactionID: r.calls[of].rows[0]}
		c.send = func(l *ledger.Ledger) (ledger.Result, error) { return l.Capture(t.Context(), end, amount) }
	case "void":
		end := ledger.EndRequest{TransactionID: r.calls[of].rows[0]}
		c.send = func(l *ledger.Ledger) (ledger.Result, error) { return l.Void(t.Context(), end) }
	case "refund":
		c.send = func(l *ledger.Ledger) (ledger.Result, error) {
			o, err := l.Original(t.Context(), r.calls[of].rows[0])
			if err != nil {
				return ledger.Result{}, err
			}
			request := infratest.Refund(t, o, name, parts(list)...)
			if c.rows == nil {
				c.rows = rowsFor(request)
			}
			return l.Post(t.Context(), request)
		}
	case "rules":
		request := infratest.Rules(t, of, name, parts(list)...)
		c.rows = []ledger.TransactionID{request.TransactionID()}
		c.send = func(l *ledger.Ledger) (ledger.Result, error) { return l.ChangeRules(t.Context(), request) }
	default:
		request := infratest.Entries(t, name, strings.Split(strings.TrimPrefix(text, "hold "), ", ")...)
		if kind == "hold" {
			request.ExpiresIn = time.Hour
		}
		c.rows = rowsFor(request)
		c.send = func(l *ledger.Ledger) (ledger.Result, error) { return l.Post(t.Context(), request) }
	}
	r.calls[name] = c
	return c
}

// lost returns the key of a lost row.
func (r *script) lost(row string) string {
	name, part, _ := strings.Cut(row, "/")
	if r.calls[name] == nil {
		return name // a user, or none
	}
	switch part {
	case "account":
		return infra.RefundsKey(r.calls[name].rows[0])
	case "end":
		return r.calls[name].rows[0].End().String()
	case "1":
		return r.calls[name].rows[0].Entry(1).String()
	}
	return r.calls[name].rows[0].String()
}

// follow takes a step after the restore.
func (r *script) follow(t *testing.T, step string) {
	t.Helper()
	if hours, err := time.ParseDuration(step); err == nil {
		r.now = r.now.Add(hours)
		return
	}
	if name, text, ok := strings.Cut(step, ": "); ok {
		text, want, fails := strings.Cut(text, ": ")
		c := r.call(t, name, text)
		result, err := c.send(r.ledger())
		if fails {
			require.ErrorContains(t, err, want, step)
			c.first, _ = outcomeOf(result, err)
		} else {
			require.NoError(t, err, step)
			c.first = result
		}
		return
	}
	name, want, _ := strings.Cut(step, " ")
	c := r.calls[name]
	if c == nil {
		assert.Equal(t, want, fundsOf(t, r.books, name), step)
		return
	}
	if want == "unknown" {
		_, err := r.ledger().Transaction(t.Context(), c.rows[0])
		require.ErrorIs(t, err, ledger.ErrNotFound, step)
		return
	}
	again, err := c.send(r.ledger())
	switch want {
	case "": // a hold is declined if only the debit that released it came back
		_, err = outcomeOf(again, err)
		require.NoError(t, err, step)
	case "replayed":
		again, err = outcomeOf(again, err)
		require.NoError(t, err, step)
		assert.Equal(t, ledger.Result{Transaction: c.first.Transaction, Replayed: true}, again, step)
	case "new":
		require.NoError(t, err, step)
		assert.False(t, again.Replayed, step)
		if again.Transaction.Status == ledger.Pending {
			assert.NotEqual(t, c.first.Transaction.ExpiresAt, again.Transaction.ExpiresAt, step)
		}
	default:
		require.ErrorContains(t, err, want, step)
	}
}

// rowsFor returns the ids of a request's rows, and of a hold's end.
func rowsFor(r ledger.Request) (rows []ledger.TransactionID) {
	rows = append(rows, r.TransactionID())
	if r.ExpiresIn > 0 {
		rows = append(rows, r.TransactionID().End())
	}
	for place := range r.Entries[1:] {
		rows = append(rows, r.TransactionID().Entry(place+1))
	}
	return rows
}

// outcomeOf turns a decline into a result.
func outcomeOf(result ledger.Result, err error) (ledger.Result, error) {
	if declined, ok := errors.AsType[*ledger.DeclinedError](err); ok {
		return declined.Result, nil
	}
	return result, err
}

// fundsOf returns a user's own money, in the balance and on hold. The limits come from the last
// changes, which have another order after a restore.
func fundsOf(t *testing.T, b *infratest.Books, user string) string {
	t.Helper()
	id, err := ledger.ParseUserID(user)
	require.NoError(t, err)
	funds, err := b.Ledger.Balance(t.Context(), id)
	require.NoError(t, err)
	return books.SumOf(funds.Balance).Plus(books.SumOf(funds.Held)).Minus(books.SumOf(funds.CreditLimit)).String()
}
