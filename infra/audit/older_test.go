package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
)

// The audit of a version from before refunds and account rules reports them as damage,
// and its rebuild keeps the users of refunds and undoes rules. The documents say so. A
// rebuild of this version undoes that.
func TestOlderAudit(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	kinds(t).writeTo(t, b)
	for user, rule := range map[string]string{"loan": "limit 50", "blocked": "debits blocked"} {
		_, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, user, "r", rule))
		require.NoError(t, err)
	}
	post(t, b.Ledger, "loan", "-30")
	sale, gift, rented := idOf(t, "buyer", "sale"), idOf(t, "giver", "gift"), holdOf(t, "renter")
	right := rowsOf(t, b)

	a, network := auditor(b)
	network.Always(faults.Older)
	found := map[string]bool{}
	for _, f := range a.run(t.Context()).Mismatches {
		found[strings.TrimSpace(f.UserID)+" "+f.Kind] = true
	}
	assert.Equal(t, map[string]bool{
		"buyer attributes": true, "seller attributes": true, "market attributes": true, "giver attributes": true, "renter attributes": true,
		"later_refunds " + sale + " balance-row": true, "later_refunds " + gift + " balance-row": true, "later_refunds " + rented.String() + " balance-row": true,
		" transaction-row": true, "lent balance": true, "lent attributes": true, "capped balance": true, "capped attributes": true,
		"loan balance": true, "loan attributes": true, "blocked balance-row": true,
		"barred balance-row": true, "barred attributes": true, "barred decline": true,
	}, found)

	a, network = auditor(b)
	network.Always(faults.Older)
	var out strings.Builder
	_, err := rebuildAll(t.Context(), a, options{rebuild: true, write: true}, &out)
	require.NoError(t, err)
	for _, user := range []string{"buyer", "seller", "market", "lent", "capped", "barred"} {
		assert.Contains(t, out.String(), fmt.Sprintf("kept       user %q", user))
	}
	assert.Contains(t, out.String(), `rebuilt    user "loan": from 120 at version 1 to 70 at version 1`)
	assert.Contains(t, out.String(), `rebuilt    user "blocked": from a damaged balance (version: is 0, must be a whole number of at least 1) to no balance`)
	status, text, _ := command(t, b, "-settle", "10ms")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, text, `user "loan": balance: `)
	assert.Contains(t, text, `user "blocked": rules: `)
	assert.Contains(t, text, "2 wrong")

	status, text, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status, text)
	assert.Equal(t, withoutMover(right), withoutMover(rowsOf(t, b)))
}
