package handler

import (
	"net/http"
	"slices"
	"strings"
)

// action answers one route.
type action func(*call) (answer, error)

// allRoutes are the routes. GET serves HEAD too. A wildcard matches any one
// segment. They are not an http.ServeMux's, whose 404, 405 and redirects are no
// problem documents.
func (h *Handler) allRoutes() []route {
	return []route{
		{http.MethodGet, balancePath, h.balance},
		{http.MethodGet, transactionsPath, h.history},
		{http.MethodPost, transactionsPath, h.post},
		{http.MethodGet, transactionPath + wildcard, h.transaction},
		{http.MethodPost, transactionPath + wildcard + capturePath, h.capture},
		{http.MethodPost, transactionPath + wildcard + voidPath, h.void},
		{http.MethodPost, accountsPath, h.changeRules},
		{http.MethodGet, transactionPath + wildcard + refundsPath, h.refunds},
		{http.MethodPost, transactionPath + wildcard + refundsPath, h.refund},
	}
}

const (
	balancePath      = "/balance"
	accountsPath     = "/accounts"
	transactionsPath = "/transactions"
	transactionPath  = "/transactions/"
	wildcard         = "{id}"
	capturePath      = "/capture"
	voidPath         = "/void"
	refundsPath      = "/refunds"
)

type route struct {
	method, path string
	do           action
}

// match returns a call's action, and notes its route for the log and the id in its
// path. The action for an unknown route fails, and so does that of a caller who may
// not call the route. An encoded slash is part of a segment, and no route has such a
// segment.
func (h *Handler) match(c *call) action {
	if sent := c.URL.EscapedPath(); strings.Contains(sent, "%2F") || strings.Contains(sent, "%2f") {
		return failWith(errNotFound)
	}
	method := c.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allow []string
	for _, r := range h.routes {
		id, ok := r.match(c.URL.Path)
		switch {
		case !ok:
		case r.method == method:
			c.route, c.id = r.method+" "+r.path, id
			if c.caller.rule(c.route) == nil {
				return failWith(errForbidden)
			}
			return r.do
		case r.method == http.MethodGet:
			allow = append(allow, http.MethodGet, http.MethodHead)
		default:
			allow = append(allow, r.method)
		}
	}
	if allow == nil {
		return failWith(errNotFound)
	}
	slices.Sort(allow)
	return failWith(&methodError{allow})
}

// match reports whether the route has that path, and returns the wildcard's
// segment.
func (r route) match(path string) (id string, ok bool) {
	prefix, suffix, wild := strings.Cut(r.path, wildcard)
	if !wild {
		return "", path == r.path
	}
	id, ok = strings.CutPrefix(path, prefix)
	if !ok {
		return "", false
	}
	id, ok = strings.CutSuffix(id, suffix)
	return id, ok && id != "" && !strings.Contains(id, "/")
}

// failWith returns the action that fails with err.
func failWith(err error) action {
	return func(*call) (answer, error) { return answer{}, err }
}
