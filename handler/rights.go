package handler

import (
	"slices"

	"onewrite/ledger"
)

// rights is the table of permissions for tokens. Each route has a rule for any token, and
// one for a token with [Access.CreditScope]. Services may call every route. Only they may
// call a route that is missing here.
var rights = map[string]struct{ token, scoped rule }{
	"GET /balance":                    {own, own},
	"GET /transactions":               {own, own},
	"GET /transactions/{id}":          {ownOrReceived, ownOrReceived},
	"POST /transactions":              {ownAndCovered, ownDebits}, // also for holds, which are debits
	"POST /transactions/{id}/capture": {received, received},
	"POST /transactions/{id}/void":    {received, received}, // a payer may not end its own payment
}

// rule decides whether a token's user may make a call about a subject.
type rule func(user ledger.UserID, about subject) bool

// subject describes the data that a call reads or writes.
type subject struct {
	owner    ledger.UserID  // owner of the balance, the history or the stored row
	receiver ledger.UserID  // receiver of the stored payment on hold
	stored   bool           // true if the call names a stored row by its id
	entries  []ledger.Entry // the entries to post
}

func rowSubject(t ledger.Transaction) subject {
	if t.Kind() == ledger.RulesRow {
		return subject{stored: true} // no owner, so only services may read it
	}
	return subject{owner: t.UserID, receiver: t.Receiver(), stored: true}
}

func anything(ledger.UserID, subject) bool { return true }

func own(user ledger.UserID, about subject) bool { return about.owner == user }

func received(user ledger.UserID, about subject) bool { return about.receiver == user }

func ownOrReceived(user ledger.UserID, about subject) bool {
	return own(user, about) || received(user, about)
}

// ownDebits allows entries if every debit is the user's own. Like ownAndCovered, it allows
// entries that could not be parsed, because the call then gets a 400.
func ownDebits(user ledger.UserID, about subject) bool {
	return !slices.ContainsFunc(about.entries, func(e ledger.Entry) bool {
		return e.Type == ledger.Debit && isAnother(user, e)
	})
}

// ownAndCovered allows entries if the first one and every debit are the user's own, and the
// credits are at most the debits.
func ownAndCovered(user ledger.UserID, about subject) bool {
	if len(about.entries) > 0 && isAnother(user, about.entries[0]) {
		return false
	}
	return ownDebits(user, about) && !mints(about.entries)
}

func isAnother(user ledger.UserID, e ledger.Entry) bool {
	return e.UserID != user && e.UserID != (ledger.UserID{})
}

// mints reports whether the entries credit more than they debit. If an entry that can be a
// debit was not parsed, mints returns false, because that debit can cover the credits.
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

// caller is a call's sender. The zero caller has no rights.
type caller struct {
	name ledger.Caller // an ARN, a token's name, or "direct"; empty over plain HTTP
	kind kind          // which rights the caller has
	user ledger.UserID // the token's user
}

type kind int

const (
	_       kind = iota // has no rights
	token               // has a token's rights
	scoped              // has the rights of a token with Access.CreditScope
	service             // may call every route, for every user
)

var anyone = caller{kind: service}

// rule returns the caller's rule for a route, or nil if the caller may not call the route.
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

// may returns nil if the caller may call the route for the subject. Otherwise it returns
// errForbidden. For a stored row that the caller may not even read, it returns
// [ledger.ErrNotFound], as if the row did not exist.
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

// mayRead returns errForbidden if the caller may not make the call for this user. Routes
// must report that before any other error, so that the answer shows nothing about another
// user. It returns nil for a user that could not be parsed, because that call gets a 400.
func (c *call) mayRead(user ledger.UserID) error {
	if user == (ledger.UserID{}) {
		return nil
	}
	return c.caller.may(c.route, subject{owner: user})
}

// allow returns nil if the caller may make the call on the stored row t, else an error.
func (c *call) allow(t ledger.Transaction) error { return c.caller.may(c.route, rowSubject(t)) }

// visible returns a stored transaction as the caller may see it: without metadata, unless
// the caller is a service or the transaction's own user.
func (c *call) visible(t ledger.Transaction) ledger.Transaction {
	if c.caller.kind != service && t.UserID != c.caller.user {
		t.Metadata = ledger.Metadata{}
	}
	return t
}
