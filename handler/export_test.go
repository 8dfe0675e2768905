package handler

import (
	"maps"
	"net/http"
	"slices"

	"onewrite/ledger"
)

// Settings returns the settings of the ledger.
func (h *Handler) Settings() ledger.Settings { return h.settings }

// Routes lists method and path of every route.
func Routes() (routes [][2]string) {
	for _, r := range (&Handler{}).allRoutes() {
		routes = append(routes, [2]string{r.method, r.path})
	}
	return routes
}

// RoutesForTokens lists the routes that are not for services only.
func RoutesForTokens() []string { return slices.Collect(maps.Keys(rights)) }

// WithRoute adds a route that no right is of. It is answered 418.
func WithRoute(h *Handler, method, path string) {
	h.routes = append(h.routes, route{method, path, func(*call) (answer, error) {
		return answer{status: http.StatusTeapot, outcome: outcomeRead}, nil
	}})
}
