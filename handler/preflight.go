package handler

import (
	"net/http"
	"slices"
)

// The headers of a preflight request.
const (
	originHeader        = "Origin"
	requestMethodHeader = "Access-Control-Request-Method"
)

// isPreflight reports whether a browser asks on behalf of a page if it may make
// a call, and may do so here. It asks without the page's token, so the answer
// is the same for everybody: what the page's origin may do is for API Gateway
// to add, and what the call itself may do for its token.
//
// https://fetch.spec.whatwg.org/#cors-preflight-request
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
func (h *Handler) isPreflight(c *call) bool {
	return h.access.Browsers && c.Method == http.MethodOptions &&
		c.Header.Get(originHeader) != "" && c.Header.Get(requestMethodHeader) != "" &&
		slices.ContainsFunc(h.routes, func(r route) bool { return r.matches(c.URL.Path) })
}

// preflight answers a preflight request. It reads nothing.
func (h *Handler) preflight(*call) (answer, error) {
	return answer{status: http.StatusNoContent, outcome: outcomeRead}, nil
}
