package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// The audit of a version from before refunds and account rules reports them as damage,
// and its rebuild keeps the users of refunds and undoes rules. The documents say so. A
// rebuild of this version undoes that.
func TestOlderAudit(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	l := ledger.New(b.Store, at(lastYear))
	sale := refunds(t, l)[0]
	for user, rule := range map[string]string{"lent": "limit 50", "blocked": "debits blocked", "declined": "debits blocked"} {
		_, err := l.ChangeRules(t.Context(), infratest.Rules(t, user, "r", rule))
		require.NoError(t, err)
	}
	post(t, l, "lent", "-30")
	_, err := l.Post(t.Context(), infratest.Request(t, "declined", "d", ledger.Debit, "1"))
	require.ErrorIs(t, err, ledger.ErrAccountBlocked)
	right := contents(t, b)

	a, network := auditor(b)
	network.Always(faults.Older)
	found := map[string]bool{}
	for _, f := range a.run(t.Context()).Mismatches {
		found[strings.TrimSpace(f.UserID)+" "+f.Kind] = true
	}
	assert.Equal(t, map[string]bool{
		"alice attributes": true, "bob attributes": true, "shop attributes": true, "lent attributes": true,
		fmt.Sprintf("later_refunds %s balance-row", sale): true,
		" transaction-row": true, "lent balance": true, "blocked balance-row": true,
		"declined balance-row": true, "declined attributes": true, "declined decline": true,
	}, found)

	a, network = auditor(b)
	network.Always(faults.Older)
	var out strings.Builder
	_, err = rebuildAll(t.Context(), a, options{rebuild: true, write: true}, &out)
	require.NoError(t, err)
	for _, user := range []string{"alice", "bob", "shop", "declined"} {
		assert.Contains(t, out.String(), fmt.Sprintf("kept       user %q", user))
	}
	assert.Contains(t, out.String(), `rebuilt    user "lent": from 120 at version 1 to 70 at version 1`)
	assert.Contains(t, out.String(), `rebuilt    user "blocked": from a damaged balance (version: is 0, must be a whole number of at least 1) to no balance`)
	status, text, _ := command(t, b, "-settle", "10ms")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, text, `user "lent": balance: `)
	assert.Contains(t, text, `user "blocked": rules: `)
	assert.Contains(t, text, "2 wrong")

	status, text, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status, text)
	assert.ElementsMatch(t, withoutMover(right), withoutMover(contents(t, b)))
}
