package ledger

import (
	"maps"
	"slices"
	"time"
)

// attempt is one write that tries to post a request. After a refusal the next attempt
// is another write.
type attempt struct {
	request   Request
	startedAt time.Time          // every row of the write has this time
	accounts  map[UserID]Account // as last reported; a store may leave some out
	unknown   bool               // an earlier write of the call may still be applied
}

// posting returns the attempt's write, which releases the accounts' expired holds.
func (a attempt) posting() Posting { return newPosting(a.request, a.startedAt, a.accounts) }

// releases reports whether the attempt's write releases a hold.
func (a attempt) releases() bool { return anyExpires(a.accounts, time.Time{}, a.startedAt) }

// decision is what follows a refusal.
type decision int

const (
	postAgain     decision = iota // send the next attempt
	readOwnRow                    // the transaction is stored; read it
	storeNothing                  // answer the misfit's error
	decline                       // store the decline
	contradiction                 // the accounts allow what the store refused
)

// misfit is why a request does not fit. A decline stores the place of the first entry
// that did not fit, the balance that its user could spend then, and whether the account's
// rules blocked it, whatever the balance. An answer that is not stored has an error.
type misfit struct {
	place   int
	seen    Balance
	blocked bool
	err     error
}

// decide returns what follows a refusal that arrived now, and the next attempt. It
// leaves a unchanged.
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
	// A hold that expired during this attempt may have been captured. Only an attempt
	// to release it shows that.
	mayHaveBeenCaptured := anyExpires(refused.Accounts, a.startedAt, now)
	// Accounts read at different moments may together refuse a request that every
	// moment allowed.
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

// holdIsIn reports whether an account already has this request's hold. Then the
// request's row is stored, although the refusal did not report it.
func (r Request) holdIsIn(accounts map[UserID]Account) bool {
	id := r.TransactionID()
	return slices.ContainsFunc(accounts[r.UserID()].Holds, func(h Hold) bool { return h.TransactionID == id })
}

// tooManyHolds reports whether the request would open one hold too many. Expired
// holds are not open.
func (r Request) tooManyHolds(accounts map[UserID]Account, now time.Time) bool {
	if r.ExpiresIn == 0 {
		return false
	}
	payer := accounts[r.UserID()]
	return len(payer.Holds)-len(payer.expired(now)) >= MaxHolds
}

// declinedAt returns the first entry that the accounts do not allow, after the
// entries before it and with expired holds as spendable. A block counts before the
// balance. A user without a reported account declines nothing. It is not ok if the
// accounts allow all entries.
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
