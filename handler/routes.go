package handler

import (
	"net/http"
	"slices"
	"strings"
)

// action answers a call to one route.
type action func(*call) (answer, error)

// allRoutes returns the routes. GET routes serve HEAD too. A wildcard matches one segment.
// http.ServeMux is not used: its 404s, 405s and redirects are not problem documents.
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

// match returns a call's action, and sets the call's route and id. The action fails if no
// route matches, or if the caller has no right to call the route. A path with an encoded
// slash matches no route, because such a slash is part of a segment.
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

// match reports whether the route matches the path, and returns the segment in the
// wildcard's place.
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

func failWith(err error) action {
	return func(*call) (answer, error) { return answer{}, err }
}
