package events_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
	"onewrite/infra/internal/tables"
	"onewrite/ledger"
)

// users are user ids in many forms. Only the first third of a plan uses the last one.
var users = []string{"1", `"quoted"`, `é\u00e9`, "用户", "😀", "shop", "a/b:c", "{}", "x'y", "order.7"}

// plan returns count calls of every kind, the same on each run, each as a list of steps.
func plan(count int) (calls [][]string) {
	for i := range count {
		chance := rand.New(rand.NewPCG(7, uint64(i)))
		active := len(users)
		if i > count/3 {
			active--
		}
		chosen := chance.Perm(active)
		u, v, w := users[chosen[0]], users[chosen[1]], users[chosen[2]]
		k, amount := fmt.Sprint("k", i), fmt.Sprintf("%d.%02d", chance.IntN(30), 1+chance.IntN(99))
		var steps []string
		switch i % 8 {
		case 0, 1:
			steps = []string{k + ": " + u + " credit " + amount}
		case 2: // the last change is declined if the limit is in use
			steps = []string{k + ": " + u + " debit " + amount}
			for n, change := range []string{"limit " + amount, "credits allowed", "limit 0"} {
				steps = append(steps, fmt.Sprintf("%s rules %d: rules %s %s", k, n, u, change))
			}
		case 3:
			steps = []string{k + ": " + u + " debit 5000"}
		case 4:
			entries := fmt.Sprintf("%s debit %s, %s credit %s, %s debit 0.01, %s credit 0.01", u, amount, v, amount, v, w)
			steps = []string{fmt.Sprintf("%s: %s for order %d", k, entries, i)}
			if i%16 == 4 { // refund a part, and then more than is left
				steps = append(steps, k+" part: refund "+k+" 2 0.01", k+" all: refund "+k)
			}
		case 5:
			steps = []string{k + ": hold " + u + " debit " + amount}
		case 6, 7:
			steps = []string{fmt.Sprintf("%s: hold %s debit %s, %s credit %s", k, u, amount, v, amount)}
			if end := []string{"capture %s", "capture %s 0.01", "void %s", ""}[chance.IntN(4)]; end != "" {
				steps = append(steps, k+" end: "+fmt.Sprintf(end, k))
			}
		}
		if i%5 == 0 {
			steps = append(steps, k)
		}
		calls = append(calls, steps)
	}
	return calls
}

// The holds in this script expire before the steps in releases. There, "late" releases its
// user's one hold. "crowd" has 98 entries and no room for releases, so the ledger first
// releases the holds in a separate write. Both users' last balance event is from a rule
// change.
const holds = `
	hold: hold late debit 60
	hold1: hold crowd debit 30
	hold2: hold crowd debit 30
	hold3: hold crowd debit 30`

var releases = `
	late: late debit 80, shop credit 80
	block: rules late debits blocked
	blocked: late debit 1 = account blocked: entry 0 on 20
	crowd: crowd debit 0.5` + strings.Repeat(", crowd debit 0.5", 97) + `
	50: rules crowd limit 50
	20: rules crowd limit 20`

// largest returns a request whose first row is about as large as possible: 99 entries with
// the longest user ids, and full metadata.
func largest(t *testing.T) ledger.Request {
	t.Helper()
	entry := strings.Repeat("😀", 128) + " credit 1000000000.01"
	r := infratest.Entries(t, "largest", slices.Repeat([]string{entry}, 99)...)
	var err error
	r.Metadata, err = ledger.NewMetadata(map[string]string{"m": strings.Repeat("😀", 125)})
	require.NoError(t, err)
	return r
}

// ledgerOver returns a ledger whose requests pass through fault. Its client does not give
// up on an answer early, so a fault that records applied writes misses none.
func ledgerOver(books *infratest.Books, now func() time.Time, fault faults.Fault) *ledger.Ledger {
	network := &faults.Network{}
	store := infra.NewStore(infra.NewClient(books.Config, tables.Patient, faults.Under(network)), books.Config)
	network.Always(fault)
	return ledger.New(store, now)
}

// makeCalls makes the calls from 16 concurrent callers, and ignores the outcomes, which the
// streams show. Each caller's requests go through one of the faults in ways, and some also
// through a random fault.
func makeCalls(t *testing.T, books *infratest.Books, calls [][]string, now func() time.Time, ways ...faults.Fault) {
	t.Helper()
	todo := make(chan []string)
	var callers sync.WaitGroup
	for i := range 16 {
		s := script.New(books).By(ledgerOver(books, now, sometimes(ways[i%len(ways)])))
		callers.Go(func() {
			for steps := range todo {
				for _, step := range steps {
					_, _ = s.Send(t.Context(), t, step)
				}
			}
		})
	}
	for _, steps := range calls {
		todo <- steps
	}
	close(todo)
	callers.Wait()
}

// sometimes returns a fault that applies the fault way to each request, and adds a random
// fault to one request in twelve.
func sometimes(way faults.Fault) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		onItsWay := func() (*http.Response, error) { return way(r, deliver) }
		if rand.IntN(12) > 0 {
			return onItsWay()
		}
		return faults.All[rand.IntN(len(faults.All))].Fault(r, onItsWay)
	}
}
