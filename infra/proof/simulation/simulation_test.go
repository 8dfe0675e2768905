package simulation_test

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

var (
	seeds = flag.Uint64("seeds", 200, "TestSimulation plays the seeds from 1 to this one")
	seed  = flag.Uint64("seed", 0, "TestSimulation plays this seed only, and prints its history")
)

func TestMain(m *testing.M) { infratest.Main(m) }

func TestSimulation(t *testing.T) {
	t.Parallel()
	count := newCounts()
	if *seed != 0 {
		r := simulate(t, *seed, count)
		t.Log(&r)
		return
	}
	var last atomic.Uint64
	t.Run("seeds", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				defer last.Store(*seeds) // after a failed seed, stops the other loops as well
				for seed := last.Add(1); seed <= *seeds && !t.Failed(); seed = last.Add(1) {
					simulate(t, seed, count)
				}
			})
		}
	})
	t.Log(count)
}

// A run depends only on its seed.
func TestSeedIsReproducible(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		first, again := simulate(t, seed, newCounts()), simulate(t, seed, newCounts())
		assert.Equal(t, first.String(), again.String(), "seed %d", seed)
	}
}

// simulate runs one seed in virtual time, and checks the result.
func simulate(t *testing.T, seed uint64, count *counts) (r run) {
	defer func() {
		if t.Failed() {
			t.Logf("the same again: go test -C infra/proof ./simulation -run TestSimulation -seed %d\n%v", seed, &r)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		books, model := infratest.NewOnModelWith(t, dynamodbmodel.Moment{}, settingsOf(t, seed))
		r = run{
			books:    books,
			think:    100 * time.Millisecond,
			patience: 4 * time.Second,
			life:     100 * time.Millisecond,
			lag:      mostLag,
			seed:     seed,
			rich:     40,

			reportsAll: seed/4%2 == 0,
		}
		percent := []int{0, 10, 30, 60}[seed%4]
		if seed/8%3 == 0 {
			r.withHolds(seed, percent)
		}
		r.rules = seed/8%3 == 2 || seed/48%2 == 1
		r.refunds = seed/8%3 == 1 || r.holds && seed/24%2 == 1
		r.connect = func(caller int, chance *rand.Rand) (ledger.Store, *faults.Wire) {
			n := &simulatedNetwork{
				network: network{chance, percent, []time.Duration{20 * time.Millisecond, 3 * time.Second, 20 * time.Minute}, count},
				model:   model,
				caller:  caller,

				reportsAll: r.reportsAll,
			}
			wire := faults.NewWire(n.delivery)
			jitter := func(bound time.Duration) time.Duration { return time.Duration(chance.Int64N(int64(bound))) }
			return books.Over(wire, infra.WithJitter(jitter)), wire
		}
		r.play(t)
		count.run(&r)
	})
	assert.NoError(t, r.history.explain(r.users, r.calls))
	return r
}

// settingsOf returns the table settings for a seed: the default ones in four of five cases.
func settingsOf(t *testing.T, seed uint64) ledger.Settings {
	others := [][3]string{{"EUR", "2", "0"}, {"KWD", "3", "60"}, {"XBT", "8", "0.02"}}
	if seed%5 != 4 {
		return ledger.DefaultSettings()
	}
	other := others[seed/5%uint64(len(others))]
	return infratest.Settings(t, other[0], other[1], other[2])
}

// withHolds makes some transactions pending. Clocks differ by less than 900 ms in most runs, and by
// less than an hour in the others.
func (r *run) withHolds(seed uint64, percent int) {
	r.holds, r.pause, r.rich = true, 5*time.Second, 10
	r.apart, r.punctual = 900*time.Millisecond, percent == 0
	if seed/24%4 == 3 {
		r.apart, r.punctual = time.Hour, false
	}
}
