package simulation_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/ledger"
)

type user struct {
	id      ledger.UserID
	opening int64 // cents
	moves   []string
}

// key is a user's idempotency key, and the requests that the callers send with it.
type key struct {
	uses   []ledger.Request     // the usual request first; the others reuse the key by mistake
	change *ledger.RulesRequest // the rule change, if the key is for one

	isRefund bool
	original int // for a refund, the index of its original's key, which is the same user's
}

func (k key) id() ledger.TransactionID {
	if k.change != nil {
		return k.change.TransactionID()
	}
	return k.uses[0].TransactionID()
}

// poor begins near the lower bound for balances, and rich near the upper one. Some of their moves
// reach the bound, some would cross it, and some move away from it.
var (
	poor = user{opening: 100_00, moves: []string{
		"u debit 60", "u debit 100", "u credit 40", "u debit 40.01", "u debit 100.01", "u credit 0.01",
	}}
	rich = user{opening: ceiling - 100_00, moves: []string{
		"u credit 60", "u credit 100", "u debit 40", "u credit 40.01", "u credit 100.01", "u debit 0.01",
	}}
)

// transactions lists transactions with several entries. u stands for the key's user, and v and w
// for the next two users.
var transactions = []string{
	"u debit 60, v credit 60",
	"u debit 40.01, v credit 40.01",
	"u debit 100.01, v credit 100.01",
	"u credit 40, v debit 40",                     // u collects from v
	"u debit 100, v credit 99, w credit 1",        // w gets a fee
	"u debit 60, u credit 60",                     // declined if u has less than 60
	"u credit 60, u debit 60",                     // declined near the ceiling
	"u credit 40.01, u debit 100.01, u credit 60", // u's balance is 60 lower in between
	"u credit 0.01, u credit 0.01, u credit 0.01",
	"u debit 40, v credit 40, v debit 100.01, w credit 60",   // v spends more than it receives, and w gets a part
	"u credit 0.01, v debit 60, w debit 60",                  // declined if v or w has less than 60
	"u debit 0.01, v credit 40.01, v debit 40, u credit 100", // v's entries come between u's
}

// pending lists holds, followed by payments on hold, which need two users.
var pending = []string{"u debit 60", "u debit 100", "u debit 40.01", "u debit 0.01", "u debit 60, v credit 60", "u debit 100, v credit 100"}

const holdsAlone = 4

// ruleTexts are the rule changes that callers make. Many lower a credit limit that may be in use.
var ruleTexts = [][]string{
	{"limit 100"}, {"limit 100"}, {"limit 40.01"}, {"limit 0"}, {"limit 0"}, {"limit 0"}, {"limit 50", "debits allowed"},
	{"debits blocked"}, {"debits allowed"}, {"credits blocked"}, {"credits allowed", "debits allowed"},
}

func nameOf(user int) string { return fmt.Sprintf("user-%d", user) }

// userOf returns the user's number from an id that nameOf made.
func userOf(id ledger.UserID) int {
	name := id.String()
	return int(name[len(name)-1] - '0')
}

// plan picks random users and keys. The keys for rule changes come last.
func (r *run) plan(t *testing.T, chance *rand.Rand) {
	n := 1 + chance.IntN(mostUsers)
	for i := range n {
		u := poor
		u.opening = cents(r.books.Config.Settings.Opening)
		if chance.IntN(r.rich) == 0 {
			u = rich
			r.books.Fill(t, nameOf(i))
		}
		id, err := ledger.ParseUserID(nameOf(i))
		require.NoError(t, err)
		u.id = id
		r.users = append(r.users, u)
	}
	perUser := min(len(poor.moves), mostPosts/n)
	if r.holds { // fewer keys, so that callers often share one
		perUser = (perUser + 1) / 2
	}
	for i := range n * perUser {
		user, move := i%n, i/n
		k := r.newKey(t, chance, user, fmt.Sprintf("key-%d", move), move)
		if r.refunds && move > 1 { // each user's third and later keys refund the transaction of the first key
			k.isRefund, k.original = true, user
		}
		r.keys = append(r.keys, k)
	}
	for i := range mostChanges {
		if r.rules {
			change := infratest.Rules(t, nameOf(i%n), fmt.Sprint("rules-", i), ruleTexts[chance.IntN(len(ruleTexts))]...)
			r.keys = append(r.keys, key{change: &change})
		}
	}
}

// newKey returns a user's key with random requests: the usual one, and others that reuse the key.
func (r *run) newKey(t *testing.T, chance *rand.Rand, u int, name string, move int) key {
	moves := r.users[u].moves
	request := func(text string) ledger.Request { return r.request(t, u, name, text) }
	several := func() ledger.Request { return request(transactions[chance.IntN(len(transactions))]) }
	usual := request(moves[move])
	if chance.IntN(2) == 0 {
		usual = several()
	}
	if r.holds && chance.IntN(2) == 0 {
		usual = request(r.pendingText(chance))
		usual.ExpiresIn = time.Second
	}
	labelled, longer := usual, usual
	labelled.Metadata = metadata(t, chance.IntN(2))
	others := []ledger.Request{request(moves[chance.IntN(len(moves))]), several(), labelled}
	if usual.ExpiresIn > 0 {
		longer.ExpiresIn += time.Second
		others = append(others, longer)
	}
	if chance.IntN(6) == 0 {
		usual.Metadata = metadata(t, 0)
	}
	return key{uses: append([]ledger.Request{usual}, others...)}
}

// pendingText picks a random pending transaction. With only one user, it picks no payment.
func (r *run) pendingText(chance *rand.Rand) string {
	if len(r.users) == 1 {
		return pending[chance.IntN(holdsAlone)]
	}
	return pending[chance.IntN(len(pending))]
}

// request returns the request that a string in moves, transactions or pending describes.
func (r *run) request(t *testing.T, u int, name, text string) ledger.Request {
	names := strings.NewReplacer("u ", nameOf(u)+" ", "v ", nameOf((u+1)%len(r.users))+" ", "w ", nameOf((u+2)%len(r.users))+" ")
	return infratest.Entries(t, name, strings.Split(names.Replace(text), ", ")...)
}

func metadata(t *testing.T, order int) ledger.Metadata {
	m, err := ledger.NewMetadata(map[string]string{"order": fmt.Sprint(order)})
	require.NoError(t, err)
	return m
}
