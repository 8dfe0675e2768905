package handler

import (
	"slices"

	"onewrite/ledger"
)

// rights is the table of permissions, where tokens decide. Each route has a rule for a
// token, and one for a token with the scope that [Access] names. A service may call
// every route. A route that is not here is for services only.
var rights = map[string]struct{ token, scoped rule }{
	"GET /balance":                    {own, own},
	"GET /transactions":               {own, own},
	"GET /transactions/{id}":          {ownOrReceived, ownOrReceived},
	"POST /transactions":              {ownAndCovered, ownDebits}, // holds too: a hold is a debit
	"POST /transactions/{id}/capture": {received, received},
	"POST /transactions/{id}/void":    {received, received}, // a payer can't take back a promise
}

// rule decides whether a token's user may make a call about a subject.
type rule func(user ledger.UserID, about subject) bool

// subject is what a call is about.
type subject struct {
	owner    ledger.UserID  // owns the balance, the history or the stored row
	receiver ledger.UserID  // receives the stored payment on hold
	stored   bool           // whether it is a stored row, whose id the caller sent
	entries  []ledger.Entry // to post
}

func rowSubject(t ledger.Transaction) subject {
	if t.Kind() == ledger.RulesRow {
		return subject{stored: true} // for services only
	}
	return subject{owner: t.UserID, receiver: t.Receiver(), stored: true}
}

func anything(ledger.UserID, subject) bool { return true }

func own(user ledger.UserID, about subject) bool { return about.owner == user }

func received(user ledger.UserID, about subject) bool { return about.receiver == user }

func ownOrReceived(user ledger.UserID, about subject) bool {
	return own(user, about) || received(user, about)
}

// ownDebits allows entries whose debits are all the user's. Here and below, entries
// that could not be parsed are allowed: the call gets a 400.
func ownDebits(user ledger.UserID, about subject) bool {
	return !slices.ContainsFunc(about.entries, func(e ledger.Entry) bool {
		return e.Type == ledger.Debit && isAnother(user, e)
	})
}

// ownAndCovered allows entries that ownDebits allows if the first one is the
// user's, too, and they credit at most what they debit.
func ownAndCovered(user ledger.UserID, about subject) bool {
	if len(about.entries) > 0 && isAnother(user, about.entries[0]) {
		return false
	}
	return ownDebits(user, about) && !mints(about.entries)
}

func isAnother(user ledger.UserID, e ledger.Entry) bool {
	return e.UserID != user && e.UserID != (ledger.UserID{})
}

// mints reports whether the entries bring in money. An entry that could not be parsed
// may be a debit that covers the credits.
func mints(entries []ledger.Entry) bool {
	debits := false
	for _, e := range entries {
		switch {
		case e.Type == ledger.Credit:
		case e.Type == "" || e.Amount.Equal(ledger.Amount{}):
			return false
		default:
			debits = true
		}
	}
	return len(entries) > 0 && (!debits || ledger.Mints(entries))
}

// caller is a call's sender. The zero caller may do nothing.
type caller struct {
	name ledger.Caller // IAM's ARN, the token's name, or direct; none over plain HTTP
	kind kind          // which rights it has
	user ledger.UserID // the token's
}

type kind int

const (
	_       kind = iota // may do nothing
	token               // may do as tokens do
	scoped              // may do as tokens with the scope do
	service             // may do everything
)

var anyone = caller{kind: service}

// rule returns the caller's rule for a route, or nil if it may not call the route.
func (c caller) rule(route string) rule {
	switch c.kind {
	case token:
		return rights[route].token
	case scoped:
		return rights[route].scoped
	case service:
		return anything
	}
	return nil
}

// may returns nil if the caller may call the route about the subject. Otherwise the
// error is errForbidden, or for a stored row that it may not even read
// [ledger.ErrNotFound], as if there were none.
func (c caller) may(route string, about subject) error {
	switch allows := c.rule(route); {
	case allows != nil && allows(c.user, about):
		return nil
	case about.stored && !ownOrReceived(c.user, about):
		return ledger.ErrNotFound
	}
	return errForbidden
}

// mayReadBalance reports whether the caller may read a user's balance.
func (c caller) mayReadBalance(user ledger.UserID) bool {
	return c.may("GET "+balancePath, subject{owner: user}) == nil
}

// mayRead returns errForbidden if the caller may not make the call about a user. It
// goes before the call's other errors, so that the answer shows nothing about another
// user. A user that could not be parsed gets a 400 later.
func (c *call) mayRead(user ledger.UserID) error {
	if user == (ledger.UserID{}) {
		return nil
	}
	return c.caller.may(c.route, subject{owner: user})
}

// allow decides whether the call may go on about a stored row.
func (c *call) allow(t ledger.Transaction) error { return c.caller.may(c.route, rowSubject(t)) }

// visible returns a stored transaction as the caller may see it: a receiver does not
// see the payer's metadata.
func (c *call) visible(t ledger.Transaction) ledger.Transaction {
	if c.caller.kind != service && t.UserID != c.caller.user {
		t.Metadata = ledger.Metadata{}
	}
	return t
}
