package simulation_test

import (
	"math/rand/v2"
	"time"

	"onewrite/infra/infratest/faults"
)

// network carries one caller's requests. The caller's chance decides about each when it is sent.
type network struct {
	chance  *rand.Rand
	percent int             // how many requests meet a mishap
	later   []time.Duration // by how much copies and late requests come later
	count   *counts
}

// mishap is something that can happen to a request.
type mishap struct {
	name string
	on   func(n *network, d *faults.Delivery)
}

// mishaps lists the mishaps for a request: first those that its sender sees as an error, then the
// others.
var mishaps = [2][]mishap{answered(faults.All), {
	{"request lost in silence", silently(faults.LoseRequest)},
	{"answer lost in silence", silently(faults.LoseResponse)},
	{"sent twice", func(n *network, d *faults.Delivery) { d.Again = n.much() }},
	{"late", func(n *network, d *faults.Delivery) { d.Out += n.much() }},
}}

// answered returns the mishaps that give a request a fault.
func answered(kinds []faults.Kind) (all []mishap) {
	for _, kind := range kinds {
		all = append(all, mishap{kind.Name, func(_ *network, d *faults.Delivery) { d.Fault = kind.Fault }})
	}
	return all
}

// silently returns a fault without an error for the sender.
func silently(fault faults.Fault) func(*network, *faults.Delivery) {
	return func(_ *network, d *faults.Delivery) { d.Fault, d.Silent = fault, true }
}

// mishap lets something happen, or not.
func (n *network) mishap(d *faults.Delivery) {
	if n.chance.IntN(100) >= n.percent {
		return
	}
	sort := mishaps[n.chance.IntN(len(mishaps))]
	m := sort[n.chance.IntN(len(sort))]
	m.on(n, d)
	n.count.mishap(m.name)
}

func (n *network) much() time.Duration {
	return n.below(n.later[n.chance.IntN(len(n.later))])
}

// below draws a duration of at least one tick.
func (n *network) below(most time.Duration) time.Duration {
	return tick * time.Duration(1+n.chance.Int64N(int64(most/tick)))
}
