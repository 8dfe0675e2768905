package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// begun is when the attempts start. Each refusal arrives one second later.
var begun = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// holdOfA returns a hold that user "a" can spend from that time on.
func holdOfA(t *testing.T, key string, amount string, spendable time.Time) Hold {
	t.Helper()
	k, err := ParseIdempotencyKey(key)
	require.NoError(t, err)
	a, err := ParseAmount(amount)
	require.NoError(t, err)
	return Hold{NewTransactionID(UserID{"a"}, k), a, spendable.Add(-grace)}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	arrives := begun.Add(time.Second)
	long, meanwhile, never := begun.Add(-time.Hour), arrives, arrives.Add(time.Millisecond)
	holds := func(count int, spendable time.Time) (all []Hold) {
		for i := range count {
			all = append(all, holdOfA(t, fmt.Sprint(i), "1", spendable))
		}
		return all
	}
	account := func(balance string, holds ...Hold) Account {
		b, err := ParseBalance(balance)
		require.NoError(t, err)
		return Account{Balance: b, Holds: holds}
	}
	blocked := func(a Account) Account {
		a.DebitsBlocked = true
		return a
	}
	seen := func(a Account) RefusedError { return RefusedError{Accounts: map[UserID]Account{{"a"}: a}} }
	released := []expiredHolds{{UserID{"a"}, holds(1, long)}} // the refused attempt did
	for _, c := range []struct {
		name     string
		pending  bool
		expired  []expiredHolds
		in       RefusedError
		want     decision
		seen     string // by the decline
		releases int    // of the next attempt
	}{
		{"too little", false, nil, seen(account("69")), decline, "69", 0},
		{"too little beside a hold", false, nil, seen(account("69", holdOfA(t, "0", "1", never))), decline, "69", 0},
		{"too little with what has expired", false, nil, seen(account("68", holds(1, long)...)), decline, "69", 0},
		{"enough with what has expired", false, nil, seen(account("69", holds(1, long)...)), postAgain, "", 1},
		{"enough with what expires meanwhile", false, nil, seen(account("69", holds(1, meanwhile)...)), postAgain, "", 1},
		{"too little with what expires meanwhile", false, nil, seen(account("10", holds(1, meanwhile)...)), postAgain, "", 1},
		{"another caller has released it", false, released, seen(account("70")), postAgain, "", 0},
		{"another caller has captured it", false, released, seen(account("69")), decline, "69", 0},
		{"the store is wrong", false, nil, seen(account("70")), contradiction, "", 0},
		{"the store reports nothing", false, nil, RefusedError{}, contradiction, "", 0},
		{"read later, and enough by then", false, nil, RefusedError{Accounts: seen(account("70")).Accounts, ReadLater: true}, postAgain, "", 0},
		{"read later, and too little by then", false, nil, RefusedError{Accounts: seen(account("69")).Accounts, ReadLater: true}, postAgain, "", 0},

		{"blocked, and enough", false, nil, seen(blocked(account("70"))), decline, "70 blocked", 0},
		{"blocked, and too little", false, nil, seen(blocked(account("69"))), decline, "69 blocked", 0},
		{"blocked, and enough with what has expired", false, nil, seen(blocked(account("69", holds(1, long)...))), decline, "70 blocked", 0},
		{"blocked, and read later", false, nil, RefusedError{Accounts: seen(blocked(account("70"))).Accounts, ReadLater: true}, postAgain, "", 0},
		{"blocked, and as many as there may be", true, nil, seen(blocked(account("100", holds(MaxHolds, never)...))), decline, "100 blocked", 0},
		{"blocked, and its own hold", true, nil, seen(blocked(account("0", holdOfA(t, "k", "70", never)))), readOwnRow, "", 0},

		{"its own hold", true, nil, seen(account("0", holdOfA(t, "k", "70", never))), readOwnRow, "", 0},
		{"its own hold, which has expired", true, nil, seen(account("0", holdOfA(t, "k", "70", long))), readOwnRow, "", 0},
		{"its own hold, beside as many as there may be", true, nil, seen(account("0", append(holds(MaxHolds-1, never), holdOfA(t, "k", "70", long))...)), readOwnRow, "", 0},
		{"the hold of its key, and it is none", false, nil, seen(account("0", holdOfA(t, "k", "70", long))), readOwnRow, "", 0},
		{"as many as there may be", true, nil, seen(account("100", holds(MaxHolds, never)...)), tooManyHolds, "", 0},
		{"as many, and too little", true, nil, seen(account("0", holds(MaxHolds, never)...)), tooManyHolds, "", 0},
		{"as many with what has expired", true, nil, seen(account("100", append(holds(MaxHolds-1, never), holdOfA(t, "x", "1", long))...)), postAgain, "", 1},
		{"as many, of a debit that is none", false, nil, seen(account("69", holds(MaxHolds, never)...)), decline, "69", 0},
	} {
		key, err := ParseIdempotencyKey("k")
		require.NoError(t, err)
		amount, err := ParseAmount("70")
		require.NoError(t, err)
		r := Request{IdempotencyKey: key, Entries: []Entry{{UserID{"a"}, Debit, amount}}}
		if c.pending {
			r.ExpiresIn = time.Minute
		}
		for _, unknown := range []bool{false, true} {
			in := c.in
			in.Unknown = unknown
			a := attempt{request: r, startedAt: begun, expired: c.expired}
			got, misfit, next := a.decide(&in, arrives)
			assert.Equal(t, c.want, got, c.name)
			assert.Equal(t, unknown, next.unknown, c.name)
			assert.Equal(t, arrives, next.startedAt, c.name)
			if c.want == decline {
				seen := misfit.seen.String()
				if misfit.blocked {
					seen += " blocked"
				}
				assert.Equal(t, c.seen, seen, c.name)
			}
			if c.want == postAgain {
				releases := 0
				for _, one := range next.expired {
					releases += len(one.holds)
				}
				assert.Equal(t, c.releases, releases, c.name)
			}
			_, _, later := next.decide(&RefusedError{Accounts: in.Accounts}, arrives)
			assert.Equal(t, unknown, later.unknown, "%s: it stays unknown", c.name)
		}
	}
}
