package handler

import (
	"fmt"
	"net/url"
	"strconv"

	"onewrite/ledger"
)

const defaultLimit = 50

// query contains the parameters in a call's query. Each may be given at most once.
type query struct {
	values  url.Values
	invalid *invalidRequest
}

func newQuery(c *call, invalid *invalidRequest) query {
	values, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		invalid.add(queryField, "must be well-formed: "+err.Error())
	}
	return query{values, invalid}
}

// one returns the value of a parameter, and adds a fault if it was given more than once. ok
// is false unless it was given exactly once.
func (q query) one(field string) (value string, ok bool) {
	switch values := q.values[field]; len(values) {
	case 0:
		return "", false
	case 1:
		return values[0], true
	default:
		q.invalid.add(field, "must be given once")
		return "", false
	}
}

// user returns the required parameter userId.
func (q query) user() ledger.UserID {
	value, ok := q.one(userField)
	if !ok {
		if !q.values.Has(userField) {
			q.invalid.add(userField, "is required")
		}
		return ledger.UserID{}
	}
	return parse(q.invalid, userField, value, ledger.ParseUserID)
}

// limit returns the parameter limit, which must be from 1 to [ledger.MaxPage].
func (q query) limit() int {
	value, ok := q.one(limitField)
	if !ok {
		return defaultLimit
	}
	limit, err := strconv.ParseUint(value, 10, 0) // unlike ParseInt, accepts no sign
	if err != nil || limit < 1 || limit > ledger.MaxPage {
		q.invalid.add(limitField, fmt.Sprintf("must be a whole number from 1 to %d", ledger.MaxPage))
	}
	return int(limit)
}

// cursor returns the parameter cursor, which must be from an answer for the same user.
// Without a cursor the history begins with the newest row.
func (q query) cursor(user ledger.UserID) ledger.Cursor {
	value, ok := q.one(cursorField)
	if !ok || user == (ledger.UserID{}) {
		return ledger.Cursor{}
	}
	return parse(q.invalid, cursorField, value, func(text string) (ledger.Cursor, error) {
		return ledger.ParseCursor(user, text)
	})
}
