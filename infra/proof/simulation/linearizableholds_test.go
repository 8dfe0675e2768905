package simulation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

const (
	holdKey  = iota // 60 from user-0 for a second
	orderKey        // the same, to pay user-1
	restKey         // a debit of 100
)

// newHoldAnswers makes TestLinearizableHolds' calls and their answers.
func newHoldAnswers(t *testing.T) answers {
	is := answers{requests: [declinedKey + 1]ledger.Request{
		holdKey:  infratest.Entries(t, "hold", "user-0 debit 60"),
		orderKey: infratest.Entries(t, "order", "user-0 debit 60", "user-1 credit 60"),
		restKey:  infratest.Entries(t, "rest", "user-0 debit 100"),
	}}
	is.requests[holdKey].ExpiresIn, is.requests[orderKey].ExpiresIn = time.Second, time.Second
	return is
}

// ended returns the row with which a call ended a key's hold, with that captured sum.
func (is answers) ended(by, key int, end ledger.End, captured string) ledger.Transaction {
	first := is.posted(1, key)
	row := ledger.Transaction{
		ID: first.ID.End(), UserID: first.UserID, End: end, Amount: first.Amount, Status: end.Status(),
		CreatedAt: readingOf(by), TransactionID: first.ID,
	}
	if end == ledger.Capture {
		row.Amount, row.Held = amount(captured), first.Amount
	}
	return row
}

// ends returns a call that ends a key's hold, or receives the answer to an earlier call that did.
func (is answers) ends(number, began, ended, key int, asks question, end ledger.Transaction) *call {
	c := is.call(number, began, ended, asks, key)
	c.request = is.requests[key]
	c.result = ledger.Result{Transaction: is.stands(key, end), Replayed: !c.wrote(end)}
	if asks == toCapture {
		c.captures = end.Amount
	}
	return c
}

// endsOtherwise returns a capture whose answer is holdKey's other end.
func (is answers) endsOtherwise(number, began, ended int, end ledger.Transaction) *call {
	c := is.call(number, began, ended, toCapture, holdKey)
	c.request, c.err = is.requests[holdKey], &ledger.HoldEndedError{End: end}
	return c
}

// stands returns a key's transaction as its end leaves it.
func (is answers) stands(key int, end ledger.Transaction) ledger.Transaction {
	row := is.posted(1, key)
	row.Status = end.Status
	if end.End == ledger.Capture {
		row.Captured = end.Amount
	}
	return row
}

// looksUp returns a lookup for holdKey, which is pending since the call 1.
func (is answers) looksUp(number, began, ended int, status ledger.Status) *call {
	c := is.call(number, began, ended, toTransaction, holdKey)
	c.request, c.result.Transaction = is.requests[holdKey], is.posted(1, holdKey)
	c.result.Transaction.Status = status
	return c
}

// readsFunds returns a call that reads a balance and the held money.
func (is answers) readsFunds(number, began, ended int, balance string, held ...string) *call {
	c := is.reads(number, began, ended, 0, balance)
	var holds []ledger.Hold
	for _, text := range held {
		holds = append(holds, ledger.Hold{Amount: amount(text)})
	}
	c.funds.Held = ledger.Held(holds)
	return c
}

// The same holds for holds. Each call reads its clock at its number. So call 1's hold expires at
// 1001 and is free from 2001 on.
func TestLinearizableHolds(t *testing.T) {
	t.Parallel()
	is := newHoldAnswers(t)
	hold, order := is.posts(1, 10, 20, holdKey), is.posts(1, 10, 20, orderKey)
	capture, part := is.ended(2, holdKey, ledger.Capture, "60"), is.ended(2, holdKey, ledger.Capture, "25")
	void := is.ended(3, holdKey, ledger.Void, "")
	expiry, early := is.ended(2001, holdKey, ledger.Expiry, ""), is.ended(2000, holdKey, ledger.Expiry, "")
	atExpiry, late := is.ended(1001, holdKey, ledger.Expiry, ""), is.ended(1001, holdKey, ledger.Capture, "60")
	paid := is.ended(2, orderKey, ledger.Capture, "25")
	declined := is.declined(5, restKey, 0, "40")
	full := is.call(2, 30, 40, toCapture, orderKey)
	full.request, full.err = is.requests[orderKey], &ledger.ReceiverError{Err: ledger.ErrBalanceLimit, Balance: balanceOf("999999999999960")}
	reused := is.reused(2, 30, 40, holdKey, ledger.KeyReusedError{ExpiresInDiffers: true})
	reused.request = is.requests[holdKey]
	longer := *reused
	longer.request.ExpiresIn *= 2
	killed := is.ends(2, 30, 40, holdKey, toCapture, capture)
	killed.killed = true
	tooMuch := is.call(2, 30, 40, toCapture, holdKey)
	tooMuch.request, tooMuch.captures, tooMuch.err = is.requests[holdKey], amount("60.01"), ledger.ErrInvalid
	notMuch := *tooMuch
	notMuch.captures = amount("60")
	ends := func(end ledger.Transaction) map[int]ledger.Transaction {
		for key, r := range is.requests {
			if len(r.Entries) > 0 && r.TransactionID() == end.TransactionID {
				return map[int]ledger.Transaction{key: end}
			}
		}
		return nil
	}

	for _, c := range []struct {
		name  string
		ends  map[int]ledger.Transaction
		calls []*call
		want  bool
	}{
		{"held", nil, []*call{hold, is.readsFunds(2, 30, 40, "40", "60")}, true},
		{"not held", nil, []*call{hold, is.readsFunds(2, 30, 40, "40")}, false},
		{"held money can be spent", nil, []*call{hold, is.readsFunds(2, 30, 40, "100")}, false},
		{"held until the grace is over", nil, []*call{hold, is.readsFunds(2000, 30, 40, "40", "60")}, true},
		{"free when the grace is over", nil, []*call{hold, is.readsFunds(2001, 30, 40, "100")}, true},
		{"held when the grace is over", nil, []*call{hold, is.readsFunds(2001, 30, 40, "40", "60")}, false},
		{"another time to live", nil, []*call{hold, &longer}, true},
		{"the same time to live", nil, []*call{hold, reused}, false},

		{"captured", ends(capture), []*call{hold, is.ends(2, 30, 40, holdKey, toCapture, capture), is.readsFunds(4, 50, 60, "40")}, true},
		{"captured and free", ends(capture), []*call{hold, is.ends(2, 30, 40, holdKey, toCapture, capture), is.readsFunds(4, 50, 60, "100")}, false},
		{"captured in part", ends(part), []*call{hold, is.ends(2, 30, 40, holdKey, toCapture, part), is.readsFunds(4, 50, 60, "75")}, true},
		{"captured in part, the rest lost", ends(part), []*call{hold, is.ends(2, 30, 40, holdKey, toCapture, part), is.readsFunds(4, 50, 60, "40")}, false},
		{"voided", ends(void), []*call{hold, is.ends(3, 30, 40, holdKey, toVoid, void), is.readsFunds(4, 50, 60, "100")}, true},
		{"voided before it was held", ends(void), []*call{is.ends(3, 1, 5, holdKey, toVoid, void), hold}, false},
		{"captured twice is a replay", ends(capture), []*call{hold, is.ends(2, 30, 40, holdKey, toCapture, capture), is.ends(4, 50, 60, holdKey, toCapture, capture)}, true},
		{"two ends", ends(void), []*call{hold, is.ends(3, 30, 40, holdKey, toVoid, void), is.ends(4, 50, 60, holdKey, toCapture, capture)}, false},
		{"two sums", ends(capture), []*call{hold, is.ends(2, 30, 40, holdKey, toCapture, capture), is.ends(4, 50, 60, holdKey, toCapture, part)}, false},
		{"a capture before the end that it replays", ends(capture), []*call{hold, is.ends(4, 21, 25, holdKey, toCapture, capture), is.ends(2, 30, 40, holdKey, toCapture, capture)}, false},
		{"ended otherwise", ends(void), []*call{hold, is.ends(3, 30, 40, holdKey, toVoid, void), is.endsOtherwise(4, 50, 60, void)}, true},
		{"ended otherwise, but so did nobody", nil, []*call{hold, is.endsOtherwise(4, 50, 60, void)}, false},
		{"captured though ended otherwise", ends(capture), []*call{hold, is.ends(2, 30, 40, holdKey, toCapture, capture), is.endsOtherwise(4, 50, 60, void)}, false},
		{"captured by a process that was killed", ends(capture), []*call{hold, killed, is.readsFunds(4, 50, 60, "40", "60"), is.readsFunds(5, 70, 80, "40")}, true},
		{"more than was held", nil, []*call{hold, tooMuch}, true},
		{"rejected though it was held", nil, []*call{hold, &notMuch}, false},

		{"expired by a capture", ends(atExpiry), []*call{hold, is.endsOtherwise(1001, 30, 40, atExpiry), is.readsFunds(4, 50, 60, "100")}, true},
		{"captured at its expiry", ends(late), []*call{hold, is.ends(1001, 30, 40, holdKey, toCapture, late)}, false},
		{"pending", nil, []*call{hold, is.looksUp(2000, 30, 40, ledger.Pending)}, true},
		{"pending for too long", nil, []*call{hold, is.looksUp(2001, 30, 40, ledger.Pending)}, false},
		{"expired", nil, []*call{hold, is.looksUp(2001, 30, 40, ledger.Expired)}, true},
		{"expired too soon", nil, []*call{hold, is.looksUp(2000, 30, 40, ledger.Expired)}, false},
		{"pending after a void", ends(void), []*call{hold, is.ends(3, 30, 40, holdKey, toVoid, void), is.looksUp(4, 50, 60, ledger.Pending)}, false},
		{"expired, and then voided", ends(void), []*call{hold, is.looksUp(2001, 21, 25, ledger.Expired), is.ends(3, 30, 40, holdKey, toVoid, void)}, false},

		{"held money is spent", nil, []*call{hold, is.posts(4, 50, 60, restKey)}, false},
		{"declined by what is held", nil, []*call{hold, is.declines(5, 50, 60, restKey, declined)}, true},
		{"declined though it has expired", nil, []*call{hold, is.declines(2001, 50, 60, restKey, is.declined(2001, restKey, 0, "40"))}, false},
		{"released and spent", ends(expiry), []*call{hold, is.posts(2001, 50, 60, restKey), is.readsFunds(6, 70, 80, "0")}, true},
		{"released before its time", ends(early), []*call{hold, is.posts(2000, 50, 60, restKey)}, false},
		{"spent and not released", nil, []*call{hold, is.posts(2001, 50, 60, restKey)}, false},
		{"released and captured", ends(expiry), []*call{hold, is.posts(2001, 50, 60, restKey), is.ends(4, 70, 80, holdKey, toCapture, capture)}, false},

		{"a payment in part", ends(paid), []*call{order, is.ends(2, 30, 40, orderKey, toCapture, paid), is.reads(4, 50, 60, 0, "75"), is.reads(5, 50, 60, 1, "999999999999985")}, true},
		{"a payment that has not come", ends(paid), []*call{order, is.ends(2, 30, 40, orderKey, toCapture, paid), is.reads(5, 50, 60, 1, "999999999999960")}, false},
		{"paid before it is captured", nil, []*call{order, is.reads(5, 50, 60, 1, "1000000000000020")}, false},
		{"a receiver who has too much", nil, []*call{order, full}, true},
		{"a receiver who had too much for what is captured", ends(paid), []*call{order, full, is.ends(2, 21, 25, orderKey, toCapture, paid)}, false},
	} {
		h := history{ends: c.ends, reportsAll: true, punctual: true}
		users := []user{{opening: 100_00}, {opening: ceiling - 40_00}}
		assert.Equal(t, c.want, h.linearizable(t, users, c.calls), c.name)
	}
	delayed := history{ends: ends(void)}
	assert.True(t, delayed.linearizable(t, []user{{opening: 100_00}}, []*call{
		hold, is.looksUp(2001, 21, 25, ledger.Expired), is.ends(3, 30, 40, holdKey, toVoid, void),
	}), "expired, and then voided by a request that came late")
}

func balanceOf(text string) ledger.Balance {
	b, err := ledger.ParseBalance(text)
	if err != nil {
		panic(err)
	}
	return b
}
