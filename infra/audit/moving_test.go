package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/internal/books"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// auditor audits the books over its own network.
func auditor(b *infratest.Books) (*audit, *faults.Network) {
	network := &faults.Network{}
	client := infra.NewClient(b.Config, patient, faults.Under(network))
	return &audit{
		tables:     &reader{client: client, config: b.Config, pace: &pace{}, segments: 2},
		settle:     10 * time.Millisecond,
		progress:   &cli.Progress{},
		maxWaiting: maxWaiting,
	}, network
}

// on limits the fault to one operation's requests.
func on(operation string, fault faults.Fault) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if faults.Operation(r) != operation {
			return deliver()
		}
		return fault(r, deliver)
	}
}

// before calls do before a request is sent.
func before(do func()) faults.Fault {
	return func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		do()
		return deliver()
	}
}

// credits returns a function that posts one more credit to the user.
func credits(t *testing.T, b *infratest.Books, user string) func() {
	var n int
	var mu sync.Mutex
	return func() {
		mu.Lock()
		defer mu.Unlock()
		n++
		_, err := b.Ledger.Post(context.WithoutCancel(t.Context()), infratest.Request(t, user, fmt.Sprint("credit-", n), ledger.Credit, "10"))
		assert.NoError(t, err)
	}
}

// callerPause keeps callers that post meanwhile from writing faster than the audit reads.
const callerPause = 20 * time.Millisecond

// Callers post to few users, over a bad network, during an audit over another network. The audit
// finds nothing wrong, and decides all users once they rest.
func TestPostsMeanwhile(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	bad := func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if rand.N(10) == 0 {
			return faults.All[rand.N(len(faults.All))].Fault(r, deliver)
		}
		return deliver()
	}
	b.Network.Always(bad)
	audited := make(chan struct{})
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-audited:
					return
				default:
				}
				kind, amount := ledger.Credit, fmt.Sprint(1+rand.N(50))
				if rand.N(2) == 0 {
					kind = ledger.Debit
				}
				request := infratest.Request(t, fmt.Sprint("user-", rand.N(8)), fmt.Sprint(caller, "-", i), kind, amount)
				if _, err := b.Ledger.Post(context.WithoutCancel(t.Context()), request); err != nil {
					assert.ErrorIs(t, err, ledger.ErrInsufficientFunds)
				}
				time.Sleep(callerPause)
			}
		})
	}
	for range 6 {
		a, network := auditor(b)
		network.Always(bad)
		found := a.run(t.Context())
		assert.Empty(t, found.Unfinished)
		assert.Empty(t, found.Mismatches)
	}
	close(audited)
	callers.Wait()
	b.Network.Always(nil)
	a, _ := auditor(b)
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
	t.Logf("%d transactions of %d users", found.Transactions, found.Users)
}

// A posting between the two tables' readings, to an old user and to a new one, shows in one table
// alone.
func TestPostBetweenReadings(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, ledger.New(b.Store, at(lastYear)), "1", "+10")
	a, network := auditor(b)
	a.tables.segments = 1
	credit, creditNew := credits(t, b, "1"), credits(t, b, "2")
	network.Next(nil, before(func() { credit(); creditNew() })) // Scan, Scan
	found := a.run(t.Context())
	assert.Equal(t, report{Users: 2, Transactions: 1, Mismatches: []finding{}, Unsettled: []finding{},
		Totals: &trialBalance{2, "200", "30", "0", "", "230", "230", "0"}}, found, "what came after the scan is in the totals")
	assert.Contains(t, network.Requests(), "Query")
}

// A user with a history from last year moves during some readings, and then rests.
func TestPostsBetweenReadingsOfOneUser(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	old := ledger.New(b.Store, at(lastYear))
	post(t, old, "1", "+10", "-5", "-1000")
	hold(t, old, "hold", "1 debit 3")
	_, err := b.Ledger.Post(t.Context(), infratest.Request(t, "1", "recent", ledger.Debit, "1"))
	require.NoError(t, err)
	a, network := auditor(b)
	var moves int
	network.Always(on("TransactGetItems", before(func() {
		if moves++; moves <= 4 {
			kind := []ledger.Type{ledger.Credit, ledger.Debit}[moves%2]
			_, err := b.Ledger.Post(t.Context(), infratest.Request(t, "1", fmt.Sprint("move-", moves), kind, fmt.Sprint(moves)))
			assert.NoError(t, err)
		}
	})))
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
	assert.Equal(t, 5, moves, "readings")
}

// An index that lags the whole time is not damage: the scan of the table decides.
func TestIndexLags(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	a, network := auditor(b)
	credit := credits(t, b, "1")
	credit()
	posted := sync.OnceFunc(credit)
	network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		switch faults.Operation(r) {
		case "TransactGetItems":
			posted()
		case "Query":
			return faults.Rewrite(func(string) string {
				return `{"Items":[],"Count":0,"ScannedCount":0,"ConsumedCapacity":{"CapacityUnits":1}}`
			})(r, deliver)
		}
		return deliver()
	})
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
}

// A user who is posted to before each balance reading is unsettled, and not wrong.
func TestUnsettled(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	credit := credits(t, b, "1")
	credit()
	a, network := auditor(b)
	network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if operation := faults.Operation(r); operation == "TransactGetItems" || operation == "GetItem" {
			credit()
		}
		return deliver()
	})
	found := a.run(t.Context())
	assert.Empty(t, found.Mismatches)
	require.Len(t, found.Unsettled, 1)
	assert.Equal(t, "1", found.Unsettled[0].UserID)
	assert.Equal(t, exitUnsettled, found.status())
	var text strings.Builder
	require.NoError(t, found.writeText(&text))
	assert.Contains(t, text.String(), "nothing wrong, 1 unsettled: no reading of their rows fitted their balances; audit again")
}

// The audit still finds damage to such a user.
func TestDamageToMovingUser(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"missing":  "DELETE FROM ? WHERE id = '%s'",
		"tampered": "UPDATE ? SET ammount = 11 WHERE id = '%s'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			credit := credits(t, b, "1")
			credit()
			credit()
			b.Damage(t, b.Config.TransactionsTable, fmt.Sprintf(statement, idOf(t, "1", "credit-1")))
			a, network := auditor(b)
			network.Next(nil, before(credit))
			network.Always(on("TransactGetItems", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
				if rand.N(2) == 0 {
					credit()
				}
				return deliver()
			}))
			found := a.run(t.Context())
			assert.Empty(t, found.Unfinished)
			assert.Len(t, found.Mismatches, 1)
		})
	}
}

// One of two equal credits is missing. The balance scan sees the other before its move, so that
// rows and balance agree by chance.
func TestRowInFlightStandsInForMissingOne(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	credit := credits(t, b, "1")
	credit()
	credit()
	b.Damage(t, b.Config.TransactionsTable, fmt.Sprintf("DELETE FROM ? WHERE id = '%s'", idOf(t, "1", "credit-1")))
	a, network := auditor(b)
	a.tables.segments = 1
	moment := strings.NewReplacer(`"120"`, `"110"`, `"version":{"N":"2"}`, `"version":{"N":"1"}`)
	network.Next(nil, faults.Rewrite(moment.Replace)) // Scan, Scan
	found := a.run(t.Context())
	assert.Equal(t, []finding{{UserID: "1", Kind: books.KindBalance, Detail: "the balance is 120 at version 2, and the history makes it 110 at version 1"}}, found.Mismatches)
}
