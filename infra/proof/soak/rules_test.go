package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

const (
	debitsAround = 96 // around a block
	grants       = 24
)

// Callers debit and lend to one user at once, each call sent by two, over a network with faults and
// while processes are killed. Then the user is blocked. No debit sent after the answer to the block
// is posted, no grant is lost, and every call has one answer forever.
func TestRulesAtOnce(t *testing.T) {
	t.Parallel()
	books, proxy, tr := newFaultyTraffic(t)
	rule := func(key, rules string) []byte {
		return fmt.Appendf(nil, `{"httpMethod":"POST","path":"/accounts","headers":{"Idempotent-Key":%q},"body":{"userId":"u",%s}}`, key, rules)
	}
	payloads := make([][]byte, 0, debitsAround+grants)
	for n := range debitsAround {
		payloads = append(payloads, fmt.Appendf(nil, `{"headers":{"Idempotent-Key":"debit %d"},"body":{"userId":"u","ammount":"0.01","type":"debit"}}`, n))
	}
	for n := range grants {
		payloads = append(payloads, rule(fmt.Sprint("grant ", n), fmt.Sprintf(`"creditLimit":"%d"`, n+1)))
	}
	block := rule("block", `"debits":"blocked"`)

	ctx, stop := context.WithCancel(t.Context())
	r := rand.New(rand.NewPCG(*seed, 1<<34))
	r.Shuffle(len(payloads), func(i, j int) { payloads[i], payloads[j] = payloads[j], payloads[i] })
	var crashes, calling sync.WaitGroup
	kills := 0
	crashes.Go(func() { kills = tr.keepCrashing(ctx) })
	var blocked atomic.Bool
	var late atomic.Int64
	answers := make([][2]answer, len(payloads))
	next := atomic.Int64{}
	for range refundsAtOnce {
		calling.Go(func() {
			for i := next.Add(1) - 1; i < int64(2*len(payloads)); i = next.Add(1) - 1 {
				if i == int64(len(payloads)) {
					got, _ := tr.insist(t.Context(), block)
					assert.Equal(t, http.StatusCreated, got.StatusCode, got.Body)
					blocked.Store(true)
				}
				n, twin := i/2, i%2
				isLate := blocked.Load() && strings.Contains(string(payloads[n]), "debit ")
				got, _ := tr.insist(t.Context(), payloads[n])
				if isLate && got.Headers["Idempotent-Replayed"] != "true" {
					late.Add(1)
					assert.Contains(t, got.Body, "/problems/account-blocked", "sent after the block was answered")
				}
				answers[n][twin] = got
			}
		})
	}
	calling.Wait()
	stop()
	crashes.Wait()

	debits := 0
	for n, payload := range payloads {
		again, _ := tr.insist(t.Context(), payload)
		first := answers[n][0]
		for _, other := range []answer{answers[n][1], again} {
			assert.Equal(t, []any{first.StatusCode, first.Body}, []any{other.StatusCode, other.Body}, "%s", payload)
		}
		switch isDebit := strings.Contains(string(payload), "debit "); {
		case first.StatusCode == http.StatusCreated && isDebit:
			debits++
		case isDebit:
			assert.Contains(t, first.Body, "/problems/account-blocked")
		default:
			assert.Equal(t, http.StatusCreated, first.StatusCode, "%s: %s", payload, first.Body)
		}
	}
	id, err := ledger.ParseUserID("u")
	require.NoError(t, err)
	funds, err := books.Ledger.Balance(t.Context(), id)
	require.NoError(t, err)
	assert.True(t, funds.DebitsBlocked)
	assert.Equal(t, grants+1, funds.Changes)
	balance, err := cents(funds.Balance)
	require.NoError(t, err)
	limit, err := cents(funds.CreditLimit)
	require.NoError(t, err)
	assert.Equal(t, 100_00-debits+limit, balance)
	t.Logf("%d of %d debits posted, %d sent after the block, %d calls, %d answered 503, %d cut off, %d kills, %d faults",
		debits, debitsAround, late.Load(), tr.calls.Load(), tr.again.Load(), tr.cut.Load(), kills, proxy.faults.Load())
	assert.Positive(t, kills)
	assert.Positive(t, debits)
	assert.Less(t, debits, debitsAround)
}
