package simulation_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// run is one simulated run. Callers who share users and keys make calls over a network with
// faults. Then the answers and the books are checked.
type run struct {
	books   *infratest.Books
	connect func(caller int, chance *rand.Rand) (ledger.Store, *faults.Wire) // returns a caller's store and the wire that it uses

	seed uint64
	rich int // one user in this many begins near the ceiling

	// These set how long callers think, pause and wait, how long processes live before they are
	// killed, and how far the index lags.
	think, pause, patience, life, lag time.Duration

	reportsAll bool // DynamoDB reports all failed conditions

	rules    bool          // some calls change rules
	refunds  bool          // some transactions are refunded
	holds    bool          // some transactions are pending
	apart    time.Duration // the largest difference between two clocks
	punctual bool          // no request is late, and clocks differ by less than the grace period of one second

	users   []user
	keys    []key
	began   time.Time
	calls   []*call
	pages   []ledger.Page
	history history
}

const (
	mostCallers    = 5
	callsPerCaller = 5
)

// play makes the calls, then reads and checks the rows.
func (r *run) play(t *testing.T) {
	chance := rand.New(rand.NewPCG(r.seed, 0))
	r.plan(t, chance)
	callers := make([]*caller, 2+chance.IntN(mostCallers-1))
	var wires []*faults.Wire
	r.began = time.Now()
	var all sync.WaitGroup
	for i := range callers {
		own := rand.New(rand.NewPCG(r.seed, uint64(i)+1))
		store, wire := r.connect(i, own)
		callers[i] = newCaller(r, i, own, store)
		if r.apart > 0 {
			callers[i].ahead = callers[i].below(r.apart)
		}
		wires = append(wires, wire)
		all.Go(func() { callers[i].live(t.Context()) })
	}
	all.Wait()
	for _, wire := range wires {
		wire.Settle()
	}
	for _, c := range callers {
		r.calls = append(r.calls, c.calls...)
		r.pages = append(r.pages, c.pages...)
	}
	r.finish(t, 0)
	r.checkPages(t)
}

// finish makes one more caller repeat writes, with a clock that is ahead by this much, and then
// reads all rows. It keeps the answers and rows for [history.explain] and the check of the books.
func (r *run) finish(t *testing.T, ahead time.Duration) {
	last := newCaller(r, mostCallers, nil, r.books.Store)
	last.ahead = ahead
	last.again(t.Context(), r.calls)
	r.history = history{
		rows: map[int]ledger.Transaction{}, ends: map[int]ledger.Transaction{},
		reportsAll: r.reportsAll, punctual: r.punctual,
	}
	for i, k := range r.keys {
		id := k.id()
		r.history.ids = append(r.history.ids, id)
		if !slices.ContainsFunc(r.calls, func(c *call) bool { return c.usesKey() && c.key == i }) {
			continue
		}
		r.read(t, r.history.rows, i, id)
		if k.change == nil {
			last.call(t.Context(), ask{question: toTransaction, key: i})
		}
		if r.history.rows[i].Status == ledger.Pending {
			r.read(t, r.history.ends, i, id.End())
		}
	}
	for u := range r.users {
		last.call(t.Context(), ask{question: toBalance, user: u})
	}
	r.calls = append(r.calls, last.calls...)
	for _, c := range r.calls {
		result, ok := c.answer()
		lookup := c.question == toTransaction && !result.Transaction.ExpiresAt.IsZero()
		if ok && !c.ends() && !lookup { // captures, voids and lookups return a status that no row stores
			r.books.Answered = append(r.books.Answered, result.Transaction)
		}
	}
}

// read stores the row with this id in rows, under the key, if the row exists.
func (r *run) read(t *testing.T, rows map[int]ledger.Transaction, key int, id ledger.TransactionID) {
	row, err := r.books.Store.Transaction(t.Context(), id)
	if err == nil {
		rows[key] = row
	} else {
		require.ErrorIs(t, err, ledger.ErrNotFound)
	}
}

// checkPages waits until the index is up to date. The index must then contain the first row of
// every transaction and the end of every hold. Each page that a caller received must list each of
// its rows once, newest first, as stored.
func (r *run) checkPages(t *testing.T) {
	time.Sleep(r.lag)
	indexed := map[ledger.TransactionID]ledger.Transaction{}
	for _, user := range r.users {
		page, err := r.books.Ledger.History(t.Context(), user.id, ledger.Cursor{}, ledger.MaxPage)
		require.NoError(t, err)
		for _, row := range page.Transactions {
			indexed[row.ID] = row
		}
	}
	for _, stored := range []map[int]ledger.Transaction{r.history.rows, r.history.ends} {
		for _, row := range stored {
			if row.Rules == nil { // rule changes are in no index
				assert.Equal(t, row, indexed[row.ID], "the row in the index")
			}
		}
	}
	for _, page := range r.pages {
		seen := map[ledger.TransactionID]bool{}
		for i, row := range page.Transactions {
			assert.False(t, seen[row.ID], "twice in %v", page)
			seen[row.ID] = true
			assert.False(t, i > 0 && row.CreatedAt.After(page.Transactions[i-1].CreatedAt), "not newest first: %v", page)
			assert.Equal(t, indexed[row.ID], row, "the row of a page")
		}
	}
}

func (r *run) String() string {
	var text strings.Builder
	for _, c := range r.calls {
		fmt.Fprintln(&text, c)
	}
	return text.String()
}
