package handler

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// action answers one route.
type action func(*call) (answer, error)

// allRoutes lists the routes. GET serves HEAD too. A wildcard
// in a path takes any one segment in its place. They are not an http.ServeMux's
// because its 404, 405 and redirects are no problem documents.
func (h *Handler) allRoutes() []route {
	return []route{
		{http.MethodGet, balancePath, h.balance},
		{http.MethodGet, transactionsPath, h.history},
		{http.MethodPost, transactionsPath, h.post},
		{http.MethodGet, transactionPath + wildcard, h.transaction},
		{http.MethodPost, transactionPath + wildcard + capturePath, h.capture},
		{http.MethodPost, transactionPath + wildcard + voidPath, h.void},
	}
}

const (
	balancePath      = "/balance"
	transactionsPath = "/transactions"
	transactionPath  = "/transactions/"
	wildcard         = "{id}"
	capturePath      = "/capture"
	voidPath         = "/void"
)

type route struct {
	method, path string
	do           action
}

// match returns the action of a request, and its route as the log names it. The
// action of a request without a route fails. A slash that is sent encoded is part
// of a segment, and no route has such a segment.
func (h *Handler) match(method string, u *url.URL) (name string, do action) {
	if sent := u.EscapedPath(); strings.Contains(sent, "%2F") || strings.Contains(sent, "%2f") {
		return "", failWith(errNotFound)
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allow []string
	for _, r := range h.routes {
		switch {
		case !r.matches(u.Path):
		case r.method == method:
			return r.method + " " + r.path, r.do
		case r.method == http.MethodGet:
			allow = append(allow, http.MethodGet, http.MethodHead)
		default:
			allow = append(allow, r.method)
		}
	}
	if allow == nil {
		return "", failWith(errNotFound)
	}
	slices.Sort(allow)
	return "", failWith(&methodError{allow})
}

func (r route) matches(path string) bool {
	prefix, suffix, wild := strings.Cut(r.path, wildcard)
	if !wild {
		return path == r.path
	}
	segment, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return false
	}
	segment, ok = strings.CutSuffix(segment, suffix)
	return ok && segment != "" && !strings.Contains(segment, "/")
}

// failWith returns the action that fails with err.
func failWith(err error) action {
	return func(*call) (answer, error) { return answer{}, err }
}
