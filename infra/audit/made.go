package main

import (
	"context"
	"slices"
	"time"

	"github.com/cockroachdb/apd/v3"

	"onewrite/infra"
	"onewrite/ledger"
)

// latenesses are how much later than its created_at a row may have been written,
// the likeliest first: a call ends after 10 seconds.
var latenesses = []time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second}

// made reports whether the balance is what the user's posted rows make but for
// the last that were written, as many as it doesn't count. Those are not quite
// the last by created_at: at any moment, some rows of the lateness before it have
// been written and others have not. So they are all the rows after some moment,
// and of those of the lateness before it as many as are left to choose.
func (a *audit) made(ctx context.Context, balance infra.Aggregate, rows *tally) (bool, error) {
	lacking := rows.posted - balance.Version
	latest, err := a.latest(ctx, balance, lacking)
	if err != nil || len(latest) < lacking {
		return false, err // fewer: the index lags
	}
	last, cents := &tally{}, make([]int64, len(latest))
	for i, t := range latest {
		if i < lacking {
			last.add(t)
		}
		one := &tally{}
		one.add(t)
		cents[i], _ = inCents(one.net()) // of one amount there are never too many
	}
	// What all rows make and the balance has not, and the last lacking make not.
	var unexplained apd.Decimal
	mustExact(sums.Sub(&unexplained, rows.balance(), decimal(balance.Balance)))
	mustExact(sums.Sub(&unexplained, &unexplained, last.net()))
	rest, ok := inCents(&unexplained)
	if !ok {
		return false, nil // the few rows that are to choose from never make so much
	}
	for _, lateness := range latenesses {
		left := rest
		for i := lacking; i >= 0; i-- { // latest[:i] is after the moment
			if i < lacking {
				left += cents[i]
			}
			end := i
			for end < len(latest) && latest[i].CreatedAt.Sub(latest[end].CreatedAt) <= lateness {
				end++
			}
			if end < lacking {
				break
			}
			if someMake(cents[i:end], lacking-i, left) {
				return true, nil
			}
		}
	}
	return false, nil
}

// latest returns the user's posted rows, newest first: as many as the balance
// lacks, and those of the time before in which one of them may have been written.
func (a *audit) latest(ctx context.Context, balance infra.Aggregate, lacking int) (latest []ledger.Transaction, err error) {
	err = a.books.newest(ctx, balance.UserID, func(r row) (more bool) {
		t, err := infra.DecodeTransaction(r)
		if err != nil || t.Status == ledger.Declined {
			return true // what is wrong with a row is found elsewhere
		}
		if len(latest) >= lacking && t.CreatedAt.Before(latest[lacking-1].CreatedAt.Add(-slices.Max(latenesses))) {
			return false
		}
		latest = append(latest, t)
		return true
	})
	return latest, err
}

// Limits of the search for amounts. Beyond them none are found, and the balance
// is left as it is: so many choices would make about any sum.
const (
	maxChoices = 100
	maxSums    = 20_000
)

// someMake reports whether n of the amounts add up to sum.
func someMake(amounts []int64, n int, sum int64) bool {
	if len(amounts) > maxChoices {
		return false
	}
	if rest := len(amounts) - n; rest < n { // fewer to choose: those that don't
		for _, amount := range amounts {
			sum -= amount
		}
		n, sum = rest, -sum
	}
	made := make([]map[int64]bool, n+1) // the sums of so many of the amounts so far
	made[0] = map[int64]bool{0: true}
	for _, amount := range amounts {
		for chosen := n; chosen > 0; chosen-- {
			for before := range made[chosen-1] {
				if made[chosen] == nil {
					made[chosen] = map[int64]bool{}
				}
				made[chosen][before+amount] = true
			}
		}
		found := 0
		for _, sums := range made {
			found += len(sums)
		}
		if found > maxSums {
			return false
		}
	}
	return made[n][sum]
}

// inCents returns dollars in cents, if that is no more than an int64 holds.
func inCents(dollars *apd.Decimal) (cents int64, ok bool) {
	var d apd.Decimal
	mustExact(sums.Mul(&d, dollars, apd.New(100, 0)))
	cents, err := d.Int64()
	return cents, err == nil
}
