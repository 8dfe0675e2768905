package handler

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// target returns the method, and the path as it was sent below the API.
func (e event) target() (method, path string) {
	switch {
	case e.RequestContext.HTTP.Method != "":
		return e.RequestContext.HTTP.Method, e.belowAPI(e.RawPath)
	case e.HTTPMethod != "":
		return e.HTTPMethod, e.belowAPI(e.Path)
	case e.hasBody():
		return http.MethodPost, transactionsPath
	default:
		return http.MethodGet, balancePath
	}
}

// belowAPI returns a path without what a gateway has in front of the API's own
// paths: a stage, or the base path of a custom domain's mapping. Only the event
// can say which of it that is, as a stage may have a route's name.
func (e event) belowAPI(path string) string {
	if template, ok := e.template(); ok {
		below, _ := cutToTemplate(path, template)
		return below
	}
	if e.stageInPath() {
		rest, ok := strings.CutPrefix(path, "/"+e.RequestContext.Stage)
		switch {
		case ok && rest == "":
			return "/"
		case ok && rest[0] == '/':
			return rest
		}
	}
	return path
}

// checkParameters returns errNotFound if a path parameter that stands for one
// segment holds more, as the slash was sent encoded: an HTTP API decodes it in
// path and parameter. The caller's policy was checked for the parameter's route,
// so the call may reach no other.
func (e event) checkParameters() error {
	_, path := e.target()
	for name, value := range e.PathParameters {
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		whole := e.RouteKey == "$default" && path == "/"+value // sam local names what $default matched
		if strings.Contains(value, "/") && !e.greedy(name) && !whole {
			return errNotFound
		}
	}
	if template, ok := e.template(); ok && strings.Contains(e.routePath(), "{") {
		if _, fits := cutToTemplate(path, template); !fits {
			return errNotFound
		}
	}
	return nil
}

// greedy reports whether a path parameter stands for several segments.
func (e event) greedy(parameter string) bool {
	return strings.Contains(e.routePath(), "{"+parameter+"+}")
}

// routePath returns the path of the API's route that matched. The route
// $default has none.
func (e event) routePath() string {
	if e.RouteKey == "" {
		return e.Resource
	}
	_, path, _ := strings.Cut(e.RouteKey, " ")
	return path
}

// template returns the path of the API's route that matched, by its segments.
// The route $default matches any path, and has none.
func (e event) template() (segments []string, ok bool) {
	path := e.routePath()
	if !strings.HasPrefix(path, "/") {
		return nil, false
	}
	for _, segment := range strings.Split(path, "/") {
		name, greedy := strings.CutSuffix(strings.TrimPrefix(segment, "{"), "+}")
		if !greedy {
			segments = append(segments, segment)
			continue
		}
		for range strings.Split(e.PathParameters[name], "/") { // {proxy+} stands for several
			segments = append(segments, "{}")
		}
	}
	return segments, true
}

// cutToTemplate returns the end of a path that matches a template. It returns the
// whole path if none does.
func cutToTemplate(path string, template []string) (end string, ok bool) {
	segments := strings.Split(path, "/")
	before := len(segments) - len(template)
	if before < 0 {
		return path, false
	}
	segments = segments[before:]
	segments[0] = "" // belongs to the part before
	if !slices.EqualFunc(template, segments, matchesSegment) {
		return path, false
	}
	return strings.Join(segments, "/"), true
}

func matchesSegment(template, sent string) bool {
	if strings.HasPrefix(template, "{") {
		return true
	}
	decoded, err := url.PathUnescape(sent)
	return err == nil && decoded == template
}

// stageInPath reports whether a path without a template begins with the stage.
// It does in an HTTP API if the stage has a name. By a custom domain, only payload
// 2.0 has it: 1.0 has the mapping's base path there. A REST API leaves the stage
// out, and so does sam local.
func (e event) stageInPath() bool {
	switch e.RequestContext.Stage {
	case "", "$default":
		return false
	}
	domain := e.RequestContext.DomainName
	if domain == "" || strings.Contains(domain, ".execute-api.") {
		return e.isHTTPAPI()
	}
	return e.RequestContext.HTTP.Method != "" && domain != "localhost"
}

func (e event) isHTTPAPI() bool {
	return e.RequestContext.HTTP.Method != "" || e.Version == "1.0"
}
