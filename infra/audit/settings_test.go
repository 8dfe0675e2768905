package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// The audit, a statement, an export and the rebuild go by the settings in the tables,
// whatever the environment has.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ currency, places, opening, unit string }{
		{"JPY", "0", "0", "1"},
		{"EUR", "2", "0", "0.01"},
		{"KWD", "3", "0.5", "0.001"},
		{"POINTS", "0", "100", "1"},
		{"XBT", "8", "0", "0.00000001"},
	} {
		books := infratest.NewWith(t, infratest.Settings(t, c.currency, c.places, c.opening))
		post(t, ledger.New(books.Store, at(lastYear)), "1", "+10", "+"+c.unit, "-1000")
		post(t, ledger.New(books.Store, at(lastYear)), "2", "+1")
		balance := books.Balance(t, "1")
		for _, task := range []struct{ args, want string }{
			{"", "every balance is what its history says"},
			{"-user 1 -csv", fmt.Sprintf(",opening,,%s,", c.opening)},
			{"-user 1 -csv", fmt.Sprintf(",closing,,%s,", balance)},
			{"-user nobody -csv", fmt.Sprintf(",closing,,%s,", c.opening)},
		} {
			status, out, _ := command(t, books, strings.Fields(task.args)...)
			assert.Equal(t, exitRight, status, out)
			assert.Contains(t, out, task.want)
		}
		books.Execute(t, books.Config.AggregateTable, "DELETE FROM ? WHERE user_id = '1'")
		status, out, _ := command(t, books, "-rebuild", "-write", "-settle", "0s")
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
