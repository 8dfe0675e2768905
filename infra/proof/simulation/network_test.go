package simulation_test

import (
	"math/rand/v2"
	"time"

	"onewrite/infra/infratest/faults"
)

// network delivers one caller's requests, and injects random mishaps into some of them.
type network struct {
	chance  *rand.Rand
	percent int             // the share of requests with a mishap
	later   []time.Duration // upper bounds for the delays of copies and late requests
	count   *counts
}

// mishap is a failure in the network or in DynamoDB that affects one request.
type mishap struct {
	name string
	on   func(n *network, d *faults.Delivery)
}

// mishaps has two lists: the mishaps that the sender sees as an error, and all others.
var mishaps = [2][]mishap{answered(faults.All), {
	{"request lost silently", silently(faults.LoseRequest)},
	{"answer lost silently", silently(faults.LoseResponse)},
	{"sent twice", func(n *network, d *faults.Delivery) { d.Again = n.much() }},
	{"late", func(n *network, d *faults.Delivery) { d.Out += n.much() }},
}}

// answered returns a mishap for each kind in kinds. The sender sees the fault as an error.
func answered(kinds []faults.Kind) (all []mishap) {
	for _, kind := range kinds {
		all = append(all, mishap{kind.Name, func(_ *network, d *faults.Delivery) { d.Fault = kind.Fault }})
	}
	return all
}

// silently returns a mishap with a fault that the sender does not see. The sender keeps waiting.
func silently(fault faults.Fault) func(*network, *faults.Delivery) {
	return func(_ *network, d *faults.Delivery) { d.Fault, d.Silent = fault, true }
}

// mishap gives the delivery a random mishap, with a probability of n.percent.
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

// below returns a random duration in whole ticks, from one tick up to and including most.
func (n *network) below(most time.Duration) time.Duration {
	return tick * time.Duration(1+n.chance.Int64N(int64(most/tick)))
}
