package simulation_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

var runs = flag.Uint64("runs", 5, "how many seeds TestDynamoDBLocal plays")

// TestDynamoDBLocal makes runs like those of TestSimulation on DynamoDB Local, in real time.
func TestDynamoDBLocal(t *testing.T) {
	t.Parallel()
	count := newCounts()
	t.Run("runs", func(t *testing.T) {
		for seed := range *runs {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				trial(t, seed, count)
			})
		}
	})
	t.Log(count)
}

func trial(t *testing.T, seed uint64, count *counts) {
	books := infratest.New(t)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	var r run
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d\n%v", seed, &r)
		}
	})
	r = run{
		books:    books,
		think:    5 * time.Millisecond,
		patience: 400 * time.Millisecond,
		life:     10 * time.Millisecond,
		seed:     seed,
		rich:     10,

		reportsAll: true,

		holds: seed%2 == 0, refunds: seed%3 == 0, rules: seed%3 == 1,
		pause: 10 * time.Millisecond,
		apart: 900 * time.Millisecond,
	}
	r.connect = func(_ int, chance *rand.Rand) (ledger.Store, *faults.Wire) {
		n := &network{chance, 30, []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, time.Second}, count}
		wire := faults.NewWire(func() faults.Delivery {
			d := faults.Delivery{To: transport}
			n.mishap(&d)
			return d
		})
		return books.Over(wire), wire
	}
	r.play(t)
	assert.NoError(t, r.history.explain(r.users, r.calls))
	count.run(&r)
}
