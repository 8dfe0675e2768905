package simulation_test

import (
	"time"

	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
)

// tick is the unit for all times in the simulation. Each request arrives in its own nanosecond of
// a tick, so no two reach DynamoDB at the same instant. The order of events then depends on the
// seed alone, not on Go's scheduler.
const tick = 4096 * time.Nanosecond

// mostLag is the longest delay until the model's indexes show a write.
const mostLag = time.Second

// simulatedNetwork delivers requests to the model, in virtual time.
type simulatedNetwork struct {
	network
	model  *dynamodbmodel.Model
	caller int
	sent   int

	reportsAll bool // DynamoDB reports all failed conditions
}

func (n *simulatedNetwork) delivery() faults.Delivery {
	d := faults.Delivery{Out: n.below(10 * time.Millisecond), Back: n.below(10 * time.Millisecond)}
	moment := dynamodbmodel.Moment{Hold: n.below(20 * time.Millisecond), Lag: n.below(mostLag)}
	n.mishap(&d)
	moment.Refusals, moment.Unreported = n.besides(), n.unreported()
	d.To = n.model.At(moment)

	lane := time.Duration(n.caller + mostCallers*n.sent)
	if n.sent++; lane >= tick {
		panic("more requests than lanes")
	}
	arrival := time.Duration(time.Now().Add(d.Out).UnixNano())
	d.Out += (lane - arrival%tick + tick) % tick
	return d
}

// besides sometimes returns a cancellation reason, such as a conflict, for one write in a
// transaction. If the conditions of other writes fail as well, the answer reports both, which only
// the model can do.
func (n *simulatedNetwork) besides() (cancels []string) {
	if n.chance.IntN(1000) < n.percent {
		reasons := []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
		cancels = make([]string, 2+n.chance.IntN(mostWrites-1))
		cancels[n.chance.IntN(len(cancels))] = reasons[n.chance.IntN(len(reasons))]
		n.count.mishap("reason beside another")
	}
	return cancels
}

const mostWrites = mostEntries + 3 + 2 + 1 // in a transaction: entries, users, releases, and a refund account

// unreported marks half of the conditions at random. The model does not report a marked condition
// that fails, unless no other reason would be left.
func (n *simulatedNetwork) unreported() []bool {
	if n.reportsAll {
		return nil
	}
	left := make([]bool, mostWrites)
	for i := range left {
		left[i] = n.chance.IntN(2) == 0
	}
	return left
}
