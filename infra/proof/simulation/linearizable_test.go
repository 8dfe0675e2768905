package simulation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

const (
	debitKey = iota
	creditKey
	payKey
	declinedKey
)

// answers makes TestLinearizable's calls, and their answers.
type answers struct {
	requests [declinedKey + 1]ledger.Request
}

func newAnswers(t *testing.T) answers {
	return answers{[...]ledger.Request{
		debitKey:    infratest.Entries(t, "debit", "user-0 debit 150"),
		creditKey:   infratest.Entries(t, "credit", "user-0 credit 100"),
		payKey:      infratest.Entries(t, "pay", "user-0 debit 60", "user-1 credit 60"),
		declinedKey: infratest.Entries(t, "declined", "user-0 debit 60", "user-1 credit 60", "user-0 debit 60"),
	}}
}

// readingOf returns when a call reads its clock.
func readingOf(number int) time.Time { return epoch.Add(time.Duration(number) * time.Millisecond) }

func (answers) call(number, began, ended int, asks question, key int) *call {
	return &call{
		number: number, asks: asks, key: key, began: time.Duration(began), ended: time.Duration(ended),
		readings: []time.Time{readingOf(number)},
	}
}

// posted returns a key's row that a call has posted.
func (is answers) posted(by, key int) ledger.Transaction {
	r := is.requests[key]
	first := r.Entries[0]
	t := ledger.Transaction{
		ID: r.TransactionID(), UserID: first.UserID, IdempotencyKey: r.IdempotencyKey, Type: first.Type, Amount: first.Amount,
		Status: ledger.Posted, CreatedAt: readingOf(by),
	}
	if len(r.Entries) > 1 {
		t.Entries = r.Entries
	}
	if r.ExpiresIn > 0 {
		t.Status, t.ExpiresAt = ledger.Pending, t.CreatedAt.Add(r.ExpiresIn)
	}
	return t
}

// declined returns a key's row that a call has declined.
func (is answers) declined(by, key, place int, seen string) ledger.Transaction {
	t := is.posted(by, key)
	t.Status, t.DeclinedEntry = ledger.Declined, place
	t.BalanceSeen, _ = ledger.ParseBalance(seen)
	return t
}

// posts returns a call that posts.
func (is answers) posts(number, began, ended, key int) *call {
	c := is.call(number, began, ended, toPost, key)
	c.request, c.result.Transaction = is.requests[key], is.posted(number, key)
	return c
}

// declines returns a call whose answer is a declined row.
func (is answers) declines(number, began, ended, key int, row ledger.Transaction) *call {
	c := is.call(number, began, ended, toPost, key)
	c.request = is.requests[key]
	c.err = &ledger.DeclinedError{Result: ledger.Result{Transaction: row, Replayed: !c.wrote(row)}}
	c.readings = append(c.readings, readingOf(number)) // once more, as it is refused
	return c
}

func (is answers) killed(number, began, ended int) *call {
	c := is.call(number, began, ended, toPost, debitKey)
	c.request, c.killed = is.requests[debitKey], true
	return c
}

func (is answers) unused(number, began, ended, key int) *call {
	c := is.call(number, began, ended, toTransaction, key)
	c.request, c.err = is.requests[key], ledger.ErrNotFound
	return c
}

func (is answers) reads(number, began, ended, user int, balance string) *call {
	c := is.call(number, began, ended, toBalance, 0)
	c.user = user
	c.funds.Balance, _ = ledger.ParseBalance(balance)
	return c
}

// entry returns a lookup for the payment's second entry, which finds none if the call 0 wrote it.
func (is answers) entry(number, began, ended, by int) *call {
	c := is.call(number, began, ended, toEntry, payKey)
	c.request, c.place = is.requests[payKey], 1
	if by == 0 {
		c.err = ledger.ErrNotFound
		return c
	}
	e := c.request.Entries[1]
	c.result.Transaction = ledger.Transaction{UserID: e.UserID, Type: e.Type, Amount: e.Amount, Status: ledger.Posted, CreatedAt: readingOf(by)}
	return c
}

func (is answers) reused(number, began, ended, key int, differs ledger.KeyReusedError) *call {
	c := is.call(number, began, ended, toPost, key)
	c.request, c.err = is.requests[creditKey], &differs
	return c
}

// The linearizability check accepts and rejects these histories.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	is := newAnswers(t)
	old := is.declined(1, debitKey, 0, "100")
	declined := map[int]ledger.Transaction{debitKey: old}
	posted := map[int]ledger.Transaction{debitKey: is.posted(1, debitKey)}
	checkLinearizable(t, []user{{opening: 100_00}}, []explained{
		{"a balance after a credit", nil, []*call{is.posts(1, 10, 20, creditKey), is.reads(2, 30, 40, 0, "200")}, true},
		{"an old balance after a credit", nil, []*call{is.posts(1, 10, 20, creditKey), is.reads(2, 30, 40, 0, "100")}, false},
		{"either balance during a credit", nil, []*call{is.posts(1, 10, 40, creditKey), is.reads(2, 11, 12, 0, "100"), is.reads(3, 13, 14, 0, "200")}, true},
		{"back to the old balance", nil, []*call{is.posts(1, 10, 40, creditKey), is.reads(2, 11, 12, 0, "200"), is.reads(3, 13, 14, 0, "100")}, false},
		{"a key posted twice", nil, []*call{is.posts(1, 10, 20, creditKey), is.posts(2, 30, 40, creditKey)}, false},

		{"declined before a credit", nil, []*call{is.declines(1, 10, 20, debitKey, old), is.posts(2, 30, 40, creditKey)}, true},
		{"declined though a credit was before", nil, []*call{is.posts(2, 10, 20, creditKey), is.declines(1, 30, 40, debitKey, old)}, false},
		{"fell short before a credit, written after it", nil, []*call{is.declines(1, 10, 50, debitKey, old), is.posts(2, 20, 30, creditKey), is.unused(3, 35, 40, debitKey)}, true},
		{"unused after a decline was answered", nil, []*call{is.declines(1, 10, 20, debitKey, old), is.unused(3, 30, 40, debitKey)}, false},
		{"a decline that its call has not written", nil, []*call{is.declines(2, 10, 20, debitKey, old)}, false},

		{"killed without an effect", nil, []*call{is.killed(3, 10, 20), is.unused(2, 30, 40, debitKey)}, true},
		{"killed, and declined long after", declined, []*call{is.killed(1, 10, 20), is.posts(2, 30, 40, creditKey), is.unused(3, 50, 60, debitKey), is.declines(4, 70, 80, debitKey, old)}, true},
		{"killed before it was sent, and declined", declined, []*call{is.posts(2, 10, 20, creditKey), is.killed(1, 30, 40), is.declines(4, 70, 80, debitKey, old)}, false},
		{"killed, and posted when the credit was there", posted, []*call{is.killed(1, 10, 20), is.posts(2, 30, 40, creditKey), is.reads(3, 50, 60, 0, "50")}, true},
		{"killed, and posted without the credit", posted, []*call{is.killed(1, 10, 20), is.reads(3, 50, 60, 0, "100")}, false},

		{"reused for another sum", nil, []*call{is.posts(1, 10, 20, creditKey), is.reused(2, 30, 40, creditKey, ledger.KeyReusedError{AmountDiffers: true})}, false},
		{"reused for another type and sum", nil, []*call{is.declines(1, 10, 20, debitKey, old), is.reused(4, 30, 40, debitKey, ledger.KeyReusedError{TypeDiffers: true, AmountDiffers: true})}, true},
	})
}

// The same holds for transactions that move several users' money.
func TestLinearizableTransfers(t *testing.T) {
	t.Parallel()
	is := newAnswers(t)
	pays := is.posts(1, 10, 40, payKey)
	full := is.declined(1, payKey, 1, "999999999999960")
	prefix := is.declined(1, declinedKey, 2, "40")
	first := is.declined(1, declinedKey, 1, "999999999999960")
	checkLinearizable(t, []user{{opening: 100_00}, {opening: 100_00}}, []explained{
		{"a whole transfer", nil, []*call{pays, is.reads(2, 50, 60, 0, "40"), is.reads(3, 50, 60, 1, "160")}, true},
		{"half a transfer", nil, []*call{pays, is.reads(2, 50, 60, 0, "40"), is.reads(3, 50, 60, 1, "100")}, false},
		{"received before it was paid", nil, []*call{pays, is.reads(2, 11, 12, 1, "160"), is.reads(3, 13, 14, 0, "100")}, false},
		{"paid between two reads", nil, []*call{pays, is.reads(2, 11, 12, 1, "100"), is.reads(3, 13, 14, 0, "40")}, true},
		{"a transfer of which nobody has the money", nil, []*call{pays, is.reads(2, 11, 12, 0, "40"), is.reads(3, 13, 14, 1, "100")}, false},

		{"an entry of a transfer", nil, []*call{pays, is.entry(2, 50, 60, 1)}, true},
		{"no entry of a transfer", nil, []*call{pays, is.entry(2, 50, 60, 0)}, false},
		{"an entry of another call's transfer", nil, []*call{pays, is.entry(4, 50, 60, 3)}, false},
		{"an entry before its transfer", nil, []*call{pays, is.entry(2, 11, 12, 1), is.unused(3, 13, 14, payKey)}, false},

		{"reused for one entry", nil, []*call{pays, is.reused(2, 50, 60, payKey, ledger.KeyReusedError{EntriesDiffer: true})}, true},
		{"reused, and the metadata too", nil, []*call{pays, is.reused(2, 50, 60, payKey, ledger.KeyReusedError{EntriesDiffer: true, MetadataDiffers: true})}, false},
		{"declined by what the entries before left", nil, []*call{is.declines(1, 10, 20, declinedKey, prefix)}, true},
		{"declined by the second, who could have it", nil, []*call{is.declines(1, 10, 20, payKey, full)}, false},
	})
	checkLinearizable(t, []user{{opening: 100_00}, {opening: ceiling - 40_00}}, []explained{
		{"declined by the second's ceiling", nil, []*call{is.declines(1, 10, 20, payKey, full), is.entry(2, 30, 40, 0)}, true},
		{"posted over the second's ceiling", nil, []*call{pays}, false},
		{"an entry of a declined one", nil, []*call{is.declines(1, 10, 20, payKey, full), is.entry(2, 30, 40, 1)}, false},
		{"declined by the first that does not fit", nil, []*call{is.declines(1, 10, 20, declinedKey, first)}, true},
		{"declined by another than the first that does not fit", nil, []*call{is.declines(1, 10, 20, declinedKey, prefix)}, false},
	})
	partly := history{reportsAll: false}
	assert.True(t, partly.linearizable(t, []user{{opening: 100_00}, {opening: ceiling - 40_00}}, []*call{is.declines(1, 10, 20, declinedKey, prefix)}),
		"declined by the one that DynamoDB has reported")
	partly = history{reportsAll: false}
	assert.False(t, partly.linearizable(t, []user{{opening: 100_00}, {opening: 100_00}}, []*call{is.declines(1, 10, 20, payKey, full)}),
		"declined by one that could have it")
}

// explained is a history, and whether some order explains it.
type explained struct {
	name  string
	rows  map[int]ledger.Transaction
	calls []*call
	want  bool
}

func checkLinearizable(t *testing.T, users []user, histories []explained) {
	for _, c := range histories {
		h := history{rows: c.rows, reportsAll: true}
		assert.Equal(t, c.want, h.linearizable(t, users, c.calls), c.name)
	}
}
