package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// A balance names the first row of a write that moved it. If it names another, the audit finds
// that, also for one user, and a rebuild removes the name.
func TestTransactionOfBalance(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	l := ledger.New(b.Store, at(lastYear))
	post(t, l, "alice", "+10", "-1000", "+1")
	post(t, l, "carol", "+1")
	transfer := infratest.Entries(t, "t", "alice debit 10", "bob credit 9", "shop credit 1")
	_, err := l.Post(t.Context(), transfer)
	require.NoError(t, err)
	payment, other := hold(t, l, "p", "bob debit 5", "shop credit 5"), hold(t, l, "o", "alice debit 1")
	_, err = l.Capture(t.Context(), ledger.EndRequest{TransactionID: payment}, ledger.Amount{})
	require.NoError(t, err)
	_, err = l.Void(t.Context(), ledger.EndRequest{TransactionID: other})
	require.NoError(t, err)
	a, network := auditor(b)
	assert.Equal(t, exitRight, a.run(t.Context()).status())
	assert.Zero(t, requests(network, "GetItem"), "the newest rows tell")

	for _, c := range []struct {
		name, user, id string
		right          bool
	}{
		{"of no row", "alice", idOf(t, "alice", "9"), false},
		{"declined", "alice", idOf(t, "alice", "2"), false},
		{"of another user", "alice", idOf(t, "carol", "1"), false},
		{"of an entry", "bob", transfer.TransactionID().Entry(1).String(), false},
		{"another's end", "bob", other.End().String(), false},
		{"an end that pays another", "carol", payment.End().String(), false},
		{"a transfer of others", "carol", transfer.TransactionID().String(), false},
		{"an earlier credit", "alice", idOf(t, "alice", "1"), true},
		{"an earlier transfer", "bob", transfer.TransactionID().String(), true},
		{"an earlier transfer to a shop", "shop", transfer.TransactionID().String(), true},
		{"the end that pays", "shop", payment.End().String(), true},
		{"its own hold", "bob", payment.String(), true},
		{"its own end", "alice", other.End().String(), true},
	} {
		name := fmt.Sprintf("UPDATE ? SET transaction_id = '%s' WHERE user_id = '%s'", c.id, c.user)
		alter(t, b, b.Config.AggregateTable, name)
		want := map[bool]int{true: exitRight, false: exitWrong}[c.right]
		for _, task := range [][]string{nil, {"-user", c.user}} {
			status, out, _ := command(t, b, append(task, "-settle", "0s")...)
			assert.Equal(t, want, status, "%s: %s", c.name, out)
			if !c.right {
				assert.Contains(t, out, fmt.Sprintf("wrong      user %q: mover: transaction_id of the balance is %s, and no row of that write is the user's\n", c.user, c.id), c.name)
			}
		}
		status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
		assert.Equal(t, exitRight, status, out)
		if !c.right {
			assert.Contains(t, out, " by transaction "+c.id+" to ", c.name)
		}
		status, out, _ = command(t, b, "-settle", "0s")
		assert.Equal(t, exitRight, status, "%s: %s", c.name, out)
	}
}

// The row may show later than the balance that names it.
func TestTransactionOfBalanceIsLate(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, ledger.New(b.Store, at(lastYear)), "1", "+10", "+1")
	alter(t, b, b.Config.AggregateTable, "UPDATE ? SET transaction_id = '"+idOf(t, "1", "1")+"' WHERE user_id = '1'")
	a, network := auditor(b)
	reads := 0
	network.Always(on("GetItem", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if reads++; reads == 1 {
			return faults.Answer(r, http.StatusOK, "{}"), nil
		}
		return deliver()
	}))
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
	assert.Equal(t, 2, reads)
}
