package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// The audit, a statement, an export and the rebuild go by the settings in the tables,
// whatever the environment has.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ currency, places, opening, unit, added, taken string }{
		{"JPY", "0", "0", "1", "11", "0"},
		{"EUR", "2", "0", "0.01", "10.01", "0"},
		{"KWD", "3", "0.5", "0.001", "10.001", "0.5"},
		{"POINTS", "0", "100", "1", "11", "100"},
		{"XBT", "8", "0", "0.00000001", "10.00000001", "0"},
	} {
		books := infratest.NewWith(t, infratest.Settings(t, c.currency, c.places, c.opening))
		l := ledger.New(books.Store, at(lastYear))
		post(t, l, "1", "+10", "+"+c.unit, "-1000")
		post(t, l, "2", "+1")
		if c.taken != "0" {
			post(t, ledger.New(books.Store, at(lastYear)), "3", "-"+c.taken)
		}
		status, out, _ := command(t, books)
		assert.Equal(t, exitRight, status, out)
		assert.Contains(t, out, "every balance is what its history says")

		status, out, _ = command(t, books, "-user", "1", "-csv")
		assert.Equal(t, exitRight, status, out)
		assert.Contains(t, out, fmt.Sprintf(",opening,,%s,", c.opening))
		assert.Contains(t, out, fmt.Sprintf(",closing,,%s,", books.Balance(t, "1")))
		status, out, _ = command(t, books, "-user", "nobody", "-csv")
		assert.Equal(t, exitRight, status, out)
		assert.Contains(t, out, fmt.Sprintf(",closing,,%s,", books.Balance(t, "nobody")), "the function has the same for whoever has no row")
		assert.Equal(t, c.opening, books.Balance(t, "nobody"))

		status, out, _ = command(t, books, "-export", "transactions", "-csv")
		assert.Equal(t, exitRight, status)
		assert.NotContains(t, out, "settings", "which are no transaction")

		balance := books.Balance(t, "1")
		books.Execute(t, books.Config.AggregateTable, "DELETE FROM ? WHERE user_id = '1'")
		status, out, _ = command(t, books, "-rebuild", "-write", "-settle", "0s")
		assert.Equal(t, exitRight, status, out)
		assert.Equal(t, balance, books.Balance(t, "1"))
	}
}

// Without a readable settings row the audit reports that, and no balance is rebuilt.
func TestDamagedSettings(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		"DELETE FROM ? WHERE id = 'settings'":                    "there is no row of settings",
		"UPDATE ? REMOVE currency WHERE id = 'settings'":         "currency: is missing",
		"UPDATE ? SET places = 9 WHERE id = 'settings'":          `decimal places are "9", must be a digit from 0 to 8`,
		"UPDATE ? SET opening = 'nothing' WHERE id = 'settings'": "opening: is of type S, must be N",
	} {
		books := infratest.New(t)
		post(t, ledger.New(books.Store, at(lastYear)), "1", "+10")
		books.Damage(t, books.Config.TransactionsTable, change)
		status, out, _ := command(t, books, "-settle", "0s")
		assert.Equal(t, exitWrong, status)
		assert.Contains(t, out, `transaction "settings": settings: `+want)
		assert.Contains(t, out, "this audit goes by the environment: currency USD, decimal places 2, opening balance 100")
		assert.NotContains(t, out, "balance: the balance")

		books.Execute(t, books.Config.AggregateTable, "DELETE FROM ? WHERE user_id = '1'")
		status, out, log := command(t, books, "-rebuild", "-write", "-settle", "0s")
		assert.Equal(t, exitWrong, status)
		assert.Empty(t, out)
		assert.Contains(t, log, want)
		assert.Equal(t, "100", books.Balance(t, "1"), "nothing was written")
	}
	books := infratest.New(t) // changed by hand, and whole: every balance is wrong
	post(t, ledger.New(books.Store, at(lastYear)), "1", "+10")
	books.Damage(t, books.Config.TransactionsTable, "UPDATE ? SET opening = 50 WHERE id = 'settings'")
	status, out, _ := command(t, books, "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, out, "the balance is 110 at version 1, and the history makes it 60 at version 1")
}
