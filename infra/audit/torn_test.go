package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// tornScripts has one for each kind of call. Add one for a new kind of row. The rows of one, from
// one write or from a hold and its end, are torn.
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
		"expired: hold e1 debit 90; 2h; spend: e1 debit 80",
	}
}

// Transactions come back without any one row, or with one row alone, for every kind, with no
// balances or with later ones. The rebuild makes each whole or removes it, and the balances fit.
// Then each call is sent again, and every user has the same money as without a restore.
func TestTornTransactions(t *testing.T) {
	t.Parallel()
	live := newScript(infratest.NewInMemory(t, ledger.DefaultSettings()), lastYear)
	var torn [][]ledger.TransactionID // rows, by the script
	for _, steps := range tornScripts() {
		live.repeat(live.books, lastYear).play(t, steps)
		var rows []ledger.TransactionID
		for _, name := range namesOf(steps) {
			if c := live.calls[name]; c != nil { // else time goes by
				rows = append(rows, c.rows...)
			}
		}
		torn = append(torn, rows)
	}
	rows := rowsOf(t, live.books)
	for place := range 4 {
		for _, alone := range []bool{false, true} {
			withBalances := (place%2 == 0) != alone
			t.Run(fmt.Sprintf("row %d alone=%t balances=%t", place, alone, withBalances), func(t *testing.T) {
				t.Parallel()
				b, back := infratest.New(t), rows.with()
				for key, r := range rows {
					if r["id"] == nil && !withBalances {
						delete(back, key)
					}
				}
				for _, ids := range torn {
					for i, id := range ids {
						if (i == place) != alone {
							delete(back, id.String())
						}
					}
				}
				back.writeTo(t, b)
				rebuildTorn(t, b)

				again := infratest.NewInMemory(t, ledger.DefaultSettings())
				rowsOf(t, b).writeTo(t, again)
				for range 2 { // each call twice
					for _, steps := range tornScripts() {
						live.repeat(again, lastYear).play(t, strings.Join(namesOf(steps), "; "))
					}
				}
				for user, r := range rows {
					if r["id"] == nil && !infra.IsRefundAccount(r) {
						assert.Equal(t, fundsOf(t, live.books, user), fundsOf(t, again, user), user)
					}
				}
			})
		}
	}
}

// namesOf returns the names of a script's calls. A duration is no name, and stays.
func namesOf(steps string) (names []string) {
	for step := range strings.SplitSeq(steps, "; ") {
		name, _, _ := strings.Cut(step, ": ")
		names = append(names, name)
	}
	return names
}

// rebuildTorn rebuilds the books, and audits them.
func rebuildTorn(t *testing.T, b *infratest.Books) {
	t.Helper()
	before := rowsOf(t, b)
	status, dry, _ := command(t, b, "-rebuild", "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Equal(t, before, rowsOf(t, b), "nothing is written unless -write says so")
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
