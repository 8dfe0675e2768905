// Package script lets tests write ledger calls as text. Each line of a script is a step, and
// semicolons separate several steps on one line:
//
//	sale: a debit 10, b credit 10      posts the entries, with the idempotency key "sale"
//	h: hold a debit 10                 holds for a minute, "hold 1h a debit 10" for an hour
//	c: capture h 5                     captures 5, or the whole hold if there is no amount
//	v: void h
//	r: refund sale 0 4, 1 4            refunds 4 of entry 0 and 4 of entry 1; without a list, all
//	x: rules a debits blocked, limit 50
//	o: a debit 1 for order 7           adds the metadata {"note": "<用>", "order": "7"}
//	sale                               repeats the call
//	unknown sale                       requires that a lookup finds no such transaction
//	1m1s                               advances the clock
//	fill a                             gives a new user a balance 100 below the limit
//	a 90, b 110 held 10                requires these balances
//	history a = debit 10 posted, …     requires these rows in a's history in any order, or "none"
//	refunds sale = 0 4, 1 4            requires these refunded sums, or "none"
//
// A call must succeed and must not be a replay. If a string follows " = ", the call's outcome must
// end with it, as in "d: a debit 1000 = insufficient funds: entry 0 on 90". A repeated call must be a
// replay. On books that lost the call's rows, "sale = posted" requires that the call posts again. A
// script compares every stored outcome with a lookup.
package script

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// Noon is the time at which scripts from [New] start.
var Noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Script runs steps against books. It is safe for concurrent use.
type Script struct {
	*infratest.Books
	Ledger   *ledger.Ledger // makes the calls, in place of Books.Ledger
	PostedBy ledger.Caller  // recorded as the caller of all later calls

	wait  func(time.Duration) (now time.Time)
	calls *sync.Map // from name to *call
}

type call struct {
	id    ledger.TransactionID // of the transaction; for a capture or void, of the hold
	send  func(context.Context, *ledger.Ledger) (ledger.Result, error)
	first ledger.Transaction // the first stored outcome
}

// New returns a script whose clock starts at [Noon] and advances only by steps.
func New(b *infratest.Books) *Script { return At(b, Noon) }

// At is like [New], but the clock starts at the given time.
func At(b *infratest.Books, now time.Time) *Script {
	var mu sync.Mutex
	clock := func(step time.Duration) time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(step)
		return now
	}
	l := ledger.New(b.Store, func() time.Time { return clock(0) })
	return &Script{Books: b, Ledger: l, wait: clock, calls: &sync.Map{}}
}

// InTime returns a script that uses the books' own ledger and real time. A step like "1m" sleeps.
func InTime(b *infratest.Books) *Script {
	wait := func(step time.Duration) time.Time {
		time.Sleep(step)
		return time.Now()
	}
	return &Script{Books: b, Ledger: b.Ledger, wait: wait, calls: &sync.Map{}}
}

// By returns a script with the same calls, which it sends to the ledger l.
func (s *Script) By(l *ledger.Ledger) *Script {
	other := *s
	other.Ledger = l
	return &other
}

// On returns a script with the same calls, which it makes on the books b. It has its own clock,
// which starts at the current time of s.
func (s *Script) On(b *infratest.Books) *Script {
	other := At(b, s.wait(0))
	other.calls = s.calls
	return other
}

// Holds returns count steps, each of which is a hold with the given entry.
func Holds(count int, entry string) (steps string) {
	for i := range count {
		steps += fmt.Sprintf("hold-%d: hold %s\n", i, entry)
	}
	return steps
}

// Play runs the steps.
func (s *Script) Play(t testing.TB, steps string) {
	t.Helper()
	for step := range strings.FieldsFuncSeq(steps, func(r rune) bool { return r == '\n' || r == ';' }) {
		if step = strings.TrimSpace(step); step != "" {
			s.take(t, step)
		}
	}
}

func (s *Script) take(t testing.TB, step string) {
	t.Helper()
	text, want, _ := strings.Cut(step, " = ")
	wait, err := time.ParseDuration(text)
	kind, name, _ := strings.Cut(text, " ")
	switch {
	case err == nil:
		s.wait(wait)
	case kind == "fill":
		s.Fill(t, name)
	case kind == "history":
		s.history(t, name, want)
	case kind == "refunds":
		s.refunded(t, name, want)
	case kind == "unknown":
		_, err := s.Ledger.Transaction(t.Context(), s.ID(name))
		require.ErrorIs(t, err, ledger.ErrNotFound, step)
	case strings.Contains(text, ": "), s.named(text) != nil:
		s.call(t, text, want)
	default:
		s.funds(t, text)
	}
}

func (s *Script) call(t testing.TB, text, want string) {
	t.Helper()
	name, _, isNew := strings.Cut(text, ": ")
	before := s.named(name)
	result, err := s.Send(t.Context(), t, text)
	if got := outcome(result, err); want != "" {
		require.True(t, strings.HasSuffix(got, want), "%s\nis not %s, but: %s", text, want, got)
	} else if isNew {
		require.NoError(t, err, text)
	}
	stored, err := Stored(result, err)
	if err != nil {
		require.NotEmpty(t, want, "%s: %v", text, err)
		if before != nil {
			s.calls.Store(name, before)
		}
		return
	}
	isReplay := want == "replayed" || !isNew && (want == "" || stored.Transaction.Status == ledger.Declined)
	assert.Equal(t, isReplay, stored.Replayed, text)
	c := s.named(name)
	if stored.Replayed && before != nil {
		c.first = before.first
		assert.Equal(t, c.first, stored.Transaction, text)
		return
	}
	c.first = stored.Transaction
	read, err := s.Ledger.Transaction(t.Context(), c.id)
	require.NoError(t, err, text)
	assert.Equal(t, read, c.first, text)
}

// Send makes the call in a step and returns the outcome without checking it.
func (s *Script) Send(ctx context.Context, t testing.TB, step string) (ledger.Result, error) {
	t.Helper()
	name, text, isNew := strings.Cut(step, ": ")
	if isNew {
		s.calls.Store(name, s.parse(t, name, text))
	}
	c := s.named(name)
	require.NotNil(t, c, "%s is no call", name)
	return c.send(ctx, s.Ledger)
}

func (s *Script) named(name string) *call {
	value, _ := s.calls.Load(name)
	c, _ := value.(*call)
	return c
}

// ID returns the transaction id of the call with that name. "sale/1" is the row for entry 1 of the
// call "sale", and "h/end" is the row that ends the hold "h".
func (s *Script) ID(name string) ledger.TransactionID {
	name, row, _ := strings.Cut(name, "/")
	id := s.named(name).id
	if row == "end" {
		return id.End()
	}
	place, _ := strconv.Atoi(row) // 0 if row is empty
	if place > 0 {
		return id.Entry(place)
	}
	return id
}

// parse parses a call. The call's name is also its idempotency key.
func (s *Script) parse(t testing.TB, name, text string) *call {
	t.Helper()
	kind, rest, _ := strings.Cut(text, " ")
	of, list, _ := strings.Cut(rest, " ")
	switch kind {
	case "capture", "void":
		return s.parseEnd(t, kind, s.ID(of), list)
	case "refund":
		return s.parseRefund(t, name, s.ID(of), list)
	case "rules":
		list, metadata := cutMetadata(t, list)
		r := infratest.Rules(t, of, name, elements(list)...)
		r.Metadata, r.PostedBy = metadata, s.PostedBy
		return &call{id: r.TransactionID(), send: func(ctx context.Context, l *ledger.Ledger) (ledger.Result, error) {
			return l.ChangeRules(ctx, r)
		}}
	}
	r := request(t, name, text)
	r.PostedBy = s.PostedBy
	return &call{id: r.TransactionID(), send: func(ctx context.Context, l *ledger.Ledger) (ledger.Result, error) {
		return l.Post(ctx, r)
	}}
}

// request parses the entries in a step, such as "hold 1h a debit 10".
func request(t testing.TB, key, text string) ledger.Request {
	t.Helper()
	text, isHold := strings.CutPrefix(text, "hold ")
	var expiresIn time.Duration
	if isHold {
		expiresIn, text = cutLength(text)
	}
	text, metadata := cutMetadata(t, text)
	r := infratest.Entries(t, key, elements(text)...)
	r.Metadata, r.ExpiresIn = metadata, expiresIn
	return r
}

// cutLength cuts a hold's length, such as "1h", from the start of text. The default is a minute.
func cutLength(text string) (time.Duration, string) {
	first, entries, _ := strings.Cut(text, " ")
	if length, err := time.ParseDuration(first); err == nil {
		return length, entries
	}
	return time.Minute, text
}

func (s *Script) parseEnd(t testing.TB, kind string, hold ledger.TransactionID, part string) *call {
	t.Helper()
	var amount ledger.Amount
	if part != "" {
		var err error
		amount, err = ledger.ParseAmount(part)
		require.NoError(t, err)
	}
	return &call{id: hold, send: func(ctx context.Context, l *ledger.Ledger) (ledger.Result, error) {
		r := ledger.EndRequest{TransactionID: hold, PostedBy: s.PostedBy}
		if kind == "void" {
			return l.Void(ctx, r)
		}
		return l.Capture(ctx, r, amount)
	}}
}

func (s *Script) parseRefund(t testing.TB, key string, of ledger.TransactionID, list string) *call {
	t.Helper()
	list, metadata := cutMetadata(t, list)
	c := &call{}
	c.send = func(ctx context.Context, l *ledger.Ledger) (ledger.Result, error) {
		o, err := l.Original(ctx, of)
		if err != nil {
			return ledger.Result{}, err
		}
		r := infratest.Refund(t, o, key, elements(list)...)
		r.Metadata, r.PostedBy = metadata, s.PostedBy
		if c.id != r.TransactionID() { // avoids a data race: scripts on other books share c
			c.id = r.TransactionID()
		}
		return l.Post(ctx, r)
	}
	return c
}

// elements returns a list's elements, or nil for "" and "none".
func elements(list string) []string {
	if list == "" || list == "none" {
		return nil
	}
	return strings.Split(list, ", ")
}

func cutMetadata(t testing.TB, text string) (rest string, m ledger.Metadata) {
	t.Helper()
	rest, order, ok := strings.Cut(text, " for order ")
	if ok {
		var err error
		m, err = ledger.NewMetadata(map[string]string{"order": order, "note": "<用>"})
		require.NoError(t, err)
	}
	return rest, m
}

// Stored returns a call's stored outcome. A decline is stored, so it is not an error here.
func Stored(result ledger.Result, err error) (ledger.Result, error) {
	if declined, ok := errors.AsType[*ledger.DeclinedError](err); ok {
		return declined.Result, nil
	}
	return result, err
}

// outcome returns a call's outcome as text: "replayed", a status, "captured 5", or an error such as
// "insufficient funds: entry 0 on 90" or "idempotency key reused: Type, Amount".
func outcome(result ledger.Result, err error) string {
	switch captured := result.Transaction.Captured; {
	case result.Replayed:
		return "replayed"
	case err == nil && captured != (ledger.Amount{}):
		return "captured " + captured.String()
	case err == nil:
		return string(result.Transaction.Status)
	}
	if declined, ok := errors.AsType[*ledger.DeclinedError](err); ok {
		d := declined.Result.Transaction
		return fmt.Sprintf("%v: entry %d on %s", declined.Unwrap(), d.DeclinedEntry, d.BalanceSeen)
	}
	if reused, ok := errors.AsType[*ledger.KeyReusedError](err); ok {
		var differs []string
		for field, value := range reflect.ValueOf(*reused).Fields() {
			if value.Bool() {
				differs = append(differs, strings.TrimSuffix(strings.TrimSuffix(field.Name, "Differs"), "Differ"))
			}
		}
		return fmt.Sprintf("%v: %s", err, strings.Join(differs, ", "))
	}
	return err.Error()
}

// Funds returns a user's funds, such as "60" or "60 held 40".
func (s *Script) Funds(t testing.TB, user string) string {
	t.Helper()
	id, err := ledger.ParseUserID(user)
	require.NoError(t, err)
	f, err := s.Ledger.Balance(t.Context(), id)
	require.NoError(t, err)
	if f.Held.IsZero() {
		return f.Balance.String()
	}
	return f.Balance.String() + " held " + f.Held.String()
}

func (s *Script) funds(t testing.TB, list string) {
	t.Helper()
	for _, text := range elements(list) {
		user, want, _ := strings.Cut(text, " ")
		assert.Equal(t, want, s.Funds(t, user), "the funds of %s", user)
	}
}

// history requires that a user's history has exactly these rows. It waits until the index has that
// many.
func (s *Script) history(t testing.TB, user, list string) {
	t.Helper()
	id, err := ledger.ParseUserID(user)
	require.NoError(t, err)
	want := elements(list)
	var page ledger.Page
	for t.Context().Err() == nil && (page.Transactions == nil || len(page.Transactions) < len(want)) {
		page, err = s.Ledger.History(t.Context(), id, ledger.Cursor{}, ledger.MaxPage)
		require.NoError(t, err)
	}
	var got []string
	for _, row := range page.Transactions {
		got = append(got, fmt.Sprintf("%s%s %s %s", row.Type, row.End, row.Amount, row.Status))
	}
	assert.ElementsMatch(t, want, got, "the history of %s", user)
}

func (s *Script) refunded(t testing.TB, name, list string) {
	t.Helper()
	_, account, err := s.Ledger.Refunds(t.Context(), s.ID(name))
	require.NoError(t, err)
	var got []string
	for place, sum := range account.Sums {
		got = append(got, fmt.Sprint(place, " ", sum))
	}
	assert.ElementsMatch(t, elements(list), got, "the refunds of %s", name)
}
