package handler

import (
	"maps"
	"net/http"
	"slices"

	"onewrite/ledger"
)

// Settings returns the ledger's settings.
func (h *Handler) Settings() ledger.Settings { return h.settings }

// Routes lists each route's method and path.
func Routes() (routes []string) {
	for _, r := range (&Handler{}).allRoutes() {
		routes = append(routes, r.method+" "+r.path)
	}
	return routes
}

// RoutesForTokens lists the routes that tokens may call.
func RoutesForTokens() []string { return slices.Collect(maps.Keys(rights)) }

// WithRoute adds a route that the rights table does not have. The route answers 418.
func WithRoute(h *Handler, method, path string) {
	h.routes = append(h.routes, route{method, path, func(*call) (answer, error) {
		return answer{status: http.StatusTeapot, outcome: outcomeRead}, nil
	}})
}
