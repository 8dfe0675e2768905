package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard rejects requests from other sites' web pages. The server needs no credentials, so
// any page that its user visits could otherwise move money.
//
//   - A call that may change something must not come from a page of another origin
//     ([http.CrossOriginProtection]). curl and other programs send no origin.
//   - The Host header must name this server. An attacker's host name may resolve to this
//     machine (DNS rebinding). The attacker's page then has the same origin as the
//     server, and only the Host header reveals the attacker's name.
func guard(own hosts, next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forbid(w, r, "A page of another origin must not call this server.")
	}))
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !own.include(r.Host) {
			forbid(w, r, fmt.Sprintf("The Host header is %q, and this server does not have that name. "+
				"Call it by localhost or by its address, or start it with -addr NAME:PORT.", r.Host))
			return
		}
		protected.ServeHTTP(w, r)
	})
}

func forbid(w http.ResponseWriter, r *http.Request, detail string) {
	body, err := json.Marshal(map[string]any{
		"type": "/problems/forbidden", "title": "Forbidden", "status": http.StatusForbidden, "detail": detail, "instance": r.URL.EscapedPath(),
	})
	if err != nil {
		panic(err) // strings and a number always encode
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write(body) // the caller may have disconnected
}

// hosts recognises the names and addresses of this server.
type hosts struct {
	listen string // the host of -addr; "" means all addresses
}

// include reports whether a Host header names this server. It accepts loopback names and
// addresses, the host of -addr, and any IP address if the server listens on all addresses.
// An IP address is safe, because DNS rebinding needs a name.
func (h hosts) include(header string) bool {
	host := strings.ToLower(hostOf(header))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || host != "" && host == strings.ToLower(h.listen) {
		return true
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	return address.Unmap().IsLoopback() || h.all()
}

// all reports whether the server listens on all addresses of this machine.
func (h hosts) all() bool {
	address, err := netip.ParseAddr(h.listen)
	return h.listen == "" || err == nil && address.IsUnspecified()
}

// hostOf returns the host in a Host header, without the port.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
}
