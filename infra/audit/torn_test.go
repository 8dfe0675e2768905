package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// tornScripts returns a script for each kind of call. Add one for each new kind of row.
func tornScripts() []string {
	var fifty []string
	for i := range 50 {
		fifty = append(fifty, fmt.Sprintf("many-%d credit 1.01", i))
	}
	return []string{
		"circle: c1 debit 10, c2 credit 10, c2 debit 20, c3 credit 20, c3 debit 5, c1 credit 5",
		"fee: f1 debit 100, f2 credit 99.5, f3 credit 0.5",
		"fifty: " + strings.Join(fifty, ", "),
		"open: hold h1 debit 40",
		"captured: hold h2 debit 40; capture1: capture captured 25",
		"paid: hold h3 debit 40, shop credit 40; capture2: capture paid 25",
		"voided: hold h4 debit 40; void: void voided",
		"sale: r1 debit 10, r2 credit 10; refund1: refund sale 0 4, 1 4",
		"payment: hold p1 debit 40, p2 credit 40; capture3: capture payment 25; refund2: refund payment 0 4, 1 4",
		"expired: hold e1 debit 90; 1m1s; spend: e1 debit 80",
		"lend: rules l1 limit 50; lower: rules l1 limit 20, debits blocked; higher: rules l1 limit 70; allow: rules l1 debits allowed",
		"refused: d1 debit 1000 = insufficient funds: entry 0 on 100.125",
	}
}

// restored selects the rows that a restore brings back from each script: all rows except the one at
// place in storedBy's list, only that row, or random rows. The restore also brings back the latest
// balances, earlier balances or none.
type restored struct {
	place    int
	rows     string // "others", "alone" or "any"
	balances string // "later", "earlier" or "no"
}

func (r restored) has(place int) bool {
	switch r.rows {
	case "any":
		return rand.N(2) == 0
	case "alone":
		return place == r.place
	}
	return place != r.place
}

// Point-in-time recovery restores each table as of its own moment, and can restore any of the rows
// written around that moment. The rebuild completes or removes each transaction, and corrects the
// balances. When all calls are then retried, every user has the same money as without a restore.
func TestTornTransactions(t *testing.T) {
	t.Parallel()
	settings := infratest.Settings(t, "KWD", "3", "100.125")
	live := script.At(infratest.NewInMemory(t, settings), lastYear)
	var earlier stored
	for i, steps := range tornScripts() {
		if i == len(tornScripts())/2 {
			earlier = rowsOf(t, live.Books)
		}
		live.On(live.Books).Play(t, steps)
	}
	later := rowsOf(t, live.Books)
	cases := []restored{{0, "any", "later"}, {0, "any", "earlier"}, {0, "any", "no"}}
	for place := range 4 {
		cases = append(cases, restored{place, "others", []string{"later", "no"}[place%2]}, restored{place, "alone", []string{"no", "later"}[place%2]})
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			t.Parallel()
			b, back := infratest.NewWith(t, settings), stored{}
			for key, r := range map[string]stored{"earlier": earlier, "later": later}[c.balances] {
				if r["id"] == nil {
					back[key] = r
				}
			}
			for _, steps := range tornScripts() {
				for place, id := range storedBy(live, steps, later) {
					if c.has(place) {
						back[id] = later[id]
					}
				}
			}
			back.writeTo(t, b)
			rebuildTorn(t, b)

			again := infratest.NewInMemory(t, settings)
			rowsOf(t, b).writeTo(t, again)
			for range 2 { // each call twice
				for _, steps := range tornScripts() {
					sendAgain(t, live.On(again), steps)
				}
			}
			for user, r := range later {
				if r["id"] == nil && !infra.IsRefundAccount(r) {
					assert.Equal(t, ownMoney(t, live.Books, user), ownMoney(t, again, user), user)
				}
			}
		})
	}
}

// storedBy returns the ids of the rows that a script stored: first rows, ends and further entries.
func storedBy(calls *script.Script, steps string, rows stored) (ids []string) {
	for step := range strings.SplitSeq(steps, "; ") {
		name, _, isCall := strings.Cut(step, ": ")
		if !isCall {
			continue
		}
		first := calls.ID(name) // for a capture, its hold's id
		of := []ledger.TransactionID{first, first.End()}
		for place := 1; place < ledger.MaxItems; place++ {
			of = append(of, first.Entry(place))
		}
		for _, id := range of {
			if key := id.String(); rows[key] != nil && !slices.Contains(ids, key) {
				ids = append(ids, key)
			}
		}
	}
	return ids
}

// sendAgain repeats a script's calls, and accepts declines: a lost hold is declined if the
// restore kept the debit that had released it.
func sendAgain(t *testing.T, calls *script.Script, steps string) {
	t.Helper()
	for step := range strings.SplitSeq(steps, "; ") {
		name, _, isCall := strings.Cut(step, ": ")
		if !isCall {
			calls.Play(t, step) // advances the clock
			continue
		}
		_, err := script.Stored(calls.Send(t.Context(), t, name))
		require.NoError(t, err, name)
	}
}

// ownMoney returns a user's balance plus the held sum, minus the credit limit. The limit can differ
// after a restore, because another rule change can then be the last.
func ownMoney(t *testing.T, b *infratest.Books, user string) string {
	t.Helper()
	id, err := ledger.ParseUserID(user)
	require.NoError(t, err)
	funds, err := b.Ledger.Balance(t.Context(), id)
	require.NoError(t, err)
	return books.SumOf(funds.Balance).Plus(books.SumOf(funds.Held)).Minus(books.SumOf(funds.CreditLimit)).String()
}

func rebuildTorn(t *testing.T, b *infratest.Books) {
	t.Helper()
	before := rowsOf(t, b)
	status, dry, _ := command(t, b, "-rebuild", "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Equal(t, before, rowsOf(t, b), "without -write, nothing is written")
	a, _ := auditor(b)
	a.maxWaiting = 0
	var again bytes.Buffer
	_, err := rebuildAll(t.Context(), a, options{rebuild: true}, &again)
	require.NoError(t, err)
	assert.ElementsMatch(t, strings.Split(dry, "\n"), strings.Split(again.String(), "\n"), "the same where other rows are looked up")
	status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
	require.Equal(t, exitRight, status, "%s\n%s", dry, out)
	require.NoError(t, b.Check(t.Context()))
	status, out, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status, out)
	assert.Contains(t, out, "nothing to rebuild")
	status, out, _ = command(t, b, "-settle", "0s")
	assert.Equal(t, exitRight, status, out)
}
