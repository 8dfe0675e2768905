package soak

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest/faults"
)

// network delivers requests to DynamoDB, one in ten with a fault.
type network struct {
	to     http.RoundTripper
	faults atomic.Int64 // the number of faults so far
}

// startNetwork starts a network in front of endpoint. It runs at address until the test ends.
func startNetwork(t *testing.T, endpoint string) (n *network, address string) {
	t.Helper()
	target, err := url.Parse(endpoint)
	require.NoError(t, err)
	n = &network{to: &http.Transport{MaxIdleConnsPerHost: 64}}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: n,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // breaks the sender's connection
		},
	})
	t.Cleanup(server.Close)
	return n, server.URL
}

// RoundTrip implements [http.RoundTripper]. It delivers a request even if its sender no longer
// waits. All faults are equally likely.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.WithContext(context.WithoutCancel(r.Context()))
	if _, err := faults.Body(r); err != nil {
		return nil, err
	}
	if rand.IntN(10) > 0 {
		return n.to.RoundTrip(r)
	}
	n.faults.Add(1)
	if i := rand.IntN(len(faults.All) + 1); i < len(faults.All) {
		return faults.All[i].Fault.Before(n.to).RoundTrip(r)
	}
	time.Sleep(1100 * time.Millisecond) // longer than the function waits for a response
	return n.to.RoundTrip(r)
}
