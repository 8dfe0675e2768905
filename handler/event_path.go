package handler

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// target returns the request's method, and its path as the caller sent it, without the
// gateway's prefix.
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

// belowAPI returns a path without the gateway's prefix, which is a stage or a custom
// domain's base path. The path alone does not show where the prefix ends, because a stage
// can have a route's name.
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

// checkParameters returns errNotFound if a path parameter for one segment contains a slash,
// or if the path does not match its route. The caller sent the slash encoded, and an HTTP
// API decoded it. IAM checked the caller's policy only for the parameter's route, so the
// call must not reach another route.
func (e event) checkParameters() error {
	_, path := e.target()
	for name, value := range e.PathParameters {
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		whole := e.RouteKey == "$default" && path == "/"+value // sam local sends $default's path as a parameter
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

// greedy reports whether a path parameter can match several segments.
func (e event) greedy(parameter string) bool {
	return strings.Contains(e.routePath(), "{"+parameter+"+}")
}

// routePath returns the path of the matched API Gateway route, or "" for $default.
func (e event) routePath() string {
	if e.RouteKey == "" {
		return e.Resource
	}
	_, path, _ := strings.Cut(e.RouteKey, " ")
	return path
}

// template returns the segments of routePath, with a "{}" for each segment that a greedy
// parameter matches. ok is false for the route $default, which matches any path.
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
		for range strings.Split(e.PathParameters[name], "/") {
			segments = append(segments, "{}")
		}
	}
	return segments, true
}

// cutToTemplate removes the prefix of a path, so that the rest matches the template. If
// nothing matches, it returns the whole path, and ok is false.
func cutToTemplate(path string, template []string) (end string, ok bool) {
	segments := strings.Split(path, "/")
	before := len(segments) - len(template)
	if before < 0 {
		return path, false
	}
	segments = segments[before:]
	segments[0] = "" // drop the prefix's last segment, because a template begins with an empty one
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

// stageInPath reports whether the path of an event without a template begins with the
// stage. An HTTP API puts a named stage there. On a custom domain only payload 2.0 has the
// stage: payload 1.0 has the mapping's base path instead. REST APIs and sam local leave the
// stage out.
func (e event) stageInPath() bool {
	payload2, domain := e.RequestContext.HTTP.Method != "", e.RequestContext.DomainName
	switch {
	case e.RequestContext.Stage == "", e.RequestContext.Stage == "$default":
		return false
	case domain == "", strings.Contains(domain, ".execute-api."):
		return payload2 || e.Version == "1.0" // true for an HTTP API
	}
	return payload2 && domain != "localhost"
}
