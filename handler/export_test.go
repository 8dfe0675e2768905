package handler

// Routes lists method and path of every route.
func Routes() (routes [][2]string) {
	for _, r := range (&Handler{}).allRoutes() {
		routes = append(routes, [2]string{r.method, r.path})
	}
	return routes
}
