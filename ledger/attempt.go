package ledger

import (
	"maps"
	"slices"
	"time"
)

// attempt is one try to post a request, in one write. If the store refuses it, the next
// attempt uses the accounts that the store reported.
type attempt struct {
	request   Request
	startedAt time.Time          // the time of all rows in the write
	accounts  map[UserID]Account // as the store last reported them; some may be missing
	unknown   bool               // an earlier write of this call may still be applied
}

// posting returns the attempt's write, which also releases expired holds in a.accounts.
func (a attempt) posting() Posting { return newPosting(a.request, a.startedAt, a.accounts) }

func (a attempt) releases() bool { return anyExpires(a.accounts, time.Time{}, a.startedAt) }

// decision is the next step after a refusal.
type decision int

const (
	postAgain     decision = iota // send the next attempt
	readOwnRow                    // the request's row is already stored; read it
	storeNothing                  // return the misfit's error; store nothing
	decline                       // store the transaction as declined
	contradiction                 // the store refused a posting that the accounts allow
)

// misfit is the reason why a request cannot be posted. For a decline, place is the index of
// the first entry that did not fit, seen is the user's spendable balance before that entry,
// and blocked is true if the account blocks the entry. If nothing is stored, only err is
// set.
type misfit struct {
	place   int
	seen    Balance
	blocked bool
	err     error
}

// decide returns the next step after a refusal, the reason if the step is to decline or to
// store nothing, and the next attempt, which starts at now.
func (a attempt) decide(refused *RefusedError, now time.Time) (decision, misfit, attempt) {
	next := attempt{request: a.request, startedAt: now, unknown: a.unknown || refused.Unknown}
	if refused.Refunds != nil {
		if limit := a.request.Refund.limit(*refused.Refunds); limit != nil {
			return storeNothing, misfit{err: limit}, next
		}
		return contradiction, misfit{}, next
	}
	if a.request.holdIsIn(refused.Accounts) {
		return readOwnRow, misfit{}, next
	}
	// A hold that expired during this attempt may have been captured. Only an attempt to
	// release it shows whether it was.
	mayHaveBeenCaptured := anyExpires(refused.Accounts, a.startedAt, now)
	// Accounts read at different moments do not justify a decline, because together they
	// may have allowed the request at every single moment.
	oneMoment := !refused.ReadLater
	first, declined := declinedAt(a.request.Entries, refused.Accounts, now)
	declined = declined && oneMoment && !mayHaveBeenCaptured
	switch {
	case declined && first.blocked:
		return decline, first, next
	case a.request.tooManyHolds(refused.Accounts, now):
		return storeNothing, misfit{err: ErrTooManyHolds}, next
	case declined:
		return decline, first, next
	}
	next.accounts = map[UserID]Account{}
	maps.Copy(next.accounts, a.accounts)
	maps.Copy(next.accounts, refused.Accounts)
	if oneMoment && !a.releases() && !next.releases() {
		return contradiction, misfit{}, next
	}
	return postAgain, misfit{}, next
}

// holdIsIn reports whether the account of the key's user already contains this request's
// hold. If so, the request's row is stored, although the refusal did not report it.
func (r Request) holdIsIn(accounts map[UserID]Account) bool {
	id := r.TransactionID()
	return slices.ContainsFunc(accounts[r.UserID()].Holds, func(h Hold) bool { return h.TransactionID == id })
}

// tooManyHolds reports whether the request would open more than [MaxHolds] holds. Expired
// holds do not count, because the next attempt can release them.
func (r Request) tooManyHolds(accounts map[UserID]Account, now time.Time) bool {
	if r.ExpiresIn == 0 {
		return false
	}
	payer := accounts[r.UserID()]
	return len(payer.Holds)-len(payer.expired(now)) >= MaxHolds
}

// declinedAt applies the entries to the accounts in order, counts expired holds as
// spendable, and returns the first entry that does not fit. It checks blocks before
// balances, and skips users without a reported account. If all entries fit, ok is false.
func declinedAt(entries []Entry, accounts map[UserID]Account, now time.Time) (first misfit, ok bool) {
	balances := map[UserID]Balance{}
	for user, account := range accounts {
		balances[user] = account.Funds(now).Balance
	}
	for i, e := range entries {
		before, known := balances[e.UserID]
		if !known {
			continue
		}
		if accounts[e.UserID].block(e.Type) {
			return misfit{place: i, seen: before, blocked: true}, true
		}
		after, fits := before.After(e.Type, e.Amount)
		if !fits {
			return misfit{place: i, seen: before}, true
		}
		balances[e.UserID] = after
	}
	return misfit{}, false
}
