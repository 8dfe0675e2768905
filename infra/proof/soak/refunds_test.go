package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refundsAtOnce is how many refunds of one original are in flight at once, each by two callers.
const refundsAtOnce = 64

// Callers refund one sale at once, each refund sent by two, over a network with faults and while
// processes are killed. The account, the rows and the answers agree, and no more than the sale is
// refunded.
func TestRefundsAtOnce(t *testing.T) {
	t.Parallel()
	books, proxy, tr := newFaultyTraffic(t)
	sale, ok := tr.insist(t.Context(), []byte(`{"headers":{"Idempotent-Key":"sale"},"body":{"entries":[`+
		`{"userId":"payer","ammount":"100","type":"debit"},{"userId":"shop","ammount":"100","type":"credit"}]}}`))
	require.True(t, ok && sale.StatusCode == http.StatusCreated, "%+v", sale)
	path := sale.Headers["Location"] + "/refunds"
	r := rand.New(rand.NewPCG(*seed, 1<<33))
	var dollars [refundsAtOnce]int
	for n := range dollars {
		dollars[n] = 1 + r.IntN(9)
	}
	refund := func(n int) answer {
		got, _ := tr.insist(t.Context(), fmt.Appendf(nil, `{"httpMethod":"POST","path":%q,"headers":{"Idempotent-Key":"%d"},"body":{"ammount":"%d"}}`, path, n, dollars[n]))
		return got
	}

	ctx, stop := context.WithCancel(t.Context())
	var crashes, callers sync.WaitGroup
	kills := 0
	crashes.Go(func() { kills = tr.keepCrashing(ctx) })
	var answers [2][refundsAtOnce]answer
	for n := range dollars {
		for twin := range answers {
			callers.Go(func() { answers[twin][n] = refund(n) })
		}
	}
	callers.Wait()
	stop()
	crashes.Wait()

	posted, sum := 0, 0
	for n := range dollars {
		first := answers[0][n]
		if first.StatusCode == http.StatusCreated {
			posted++
			sum += dollars[n]
		} else {
			assert.Contains(t, first.Body, "/problems/refund-limit", "refund %d", n)
		}
		for _, again := range []answer{answers[1][n], refund(n)} {
			assert.Equal(t, first.StatusCode, again.StatusCode, "refund %d of %d: %s, and then %s", n, dollars[n], first.Body, again.Body)
			if first.StatusCode == http.StatusCreated {
				assert.Equal(t, first.Body, again.Body, "refund %d", n)
			}
		}
	}
	assert.LessOrEqual(t, sum, 100)
	left := 100 - sum
	assert.Less(t, left, 9, "what is left is less than some refund asked for")
	read, _ := tr.insist(t.Context(), fmt.Appendf(nil, `{"httpMethod":"GET","path":%q}`, path))
	var stored struct {
		Data struct {
			Refunds int
			Entries []struct{ Refunded string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read.Body), &stored), read.Body)
	assert.Equal(t, posted, stored.Data.Refunds)
	for _, e := range stored.Data.Entries {
		assert.Equal(t, fmt.Sprint(sum), e.Refunded)
	}
	assert.Equal(t, fmt.Sprint(sum), books.Balance(t, "payer"))
	assert.Equal(t, fmt.Sprint(200-sum), books.Balance(t, "shop"))
	assert.Equal(t, 2+2*posted, books.Rows(t), "no other refund has a row")
	t.Logf("%d of %d refunds posted, %d calls, %d answered 503, %d cut off, %d kills, %d faults",
		posted, refundsAtOnce, tr.calls.Load(), tr.again.Load(), tr.cut.Load(), kills, proxy.faults.Load())
	assert.Positive(t, kills)
}
