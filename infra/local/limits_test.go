package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every call ends, whatever its caller stops sending.
func TestStalledCalls(t *testing.T) {
	t.Parallel()
	s := start(t)
	var stalls []string
	for _, target := range []string{
		"POST /transactions", "POST /transactions/1/capture", "POST /transactions/1/void", "POST " + callersPath, "PUT /nothing",
		"GET /balance?userId=1", "GET /transactions?userId=1", "GET " + requestsPath + "?call=1", "GET /", "GET /docs", "HEAD /balance?userId=1",
	} {
		for _, body := range []string{
			"Content-Length: 100\r\n\r\n{\"userId\":",
			"Content-Length: 1\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n20\r\n{",
			"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
			"Content-Length: 2000000\r\n\r\n" + strings.Repeat(" ", 20_000),
		} {
			stalls = append(stalls, fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nIdempotent-Key: 1\r\n%s", target, s.address, body))
		}
	}
	for i, answer := range sendAndStall(t, s, stalls) {
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
		require.NoError(t, err, "%q: %q", stalls[i], answer)
		response.Body.Close()
		assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode, stalls[i])
		assert.Equal(t, "1", response.Header.Get("Retry-After"))
		if !strings.HasPrefix(stalls[i], http.MethodHead) {
			assert.Contains(t, answer, `"type":"/problems/try-again"`, stalls[i])
			assert.Contains(t, answer, "The body did not arrive within 5s, and nothing was written.", stalls[i])
		}
	}
	for _, answer := range sendAndStall(t, s, []string{"", "POST", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "}) {
		assert.NotContains(t, answer, "200 OK")
	}
	assert.Equal(t, `{"data":{"balance":"100"}}`, s.balance(t, "1"))
	s.stop(t)
}

// sendAndStall sends each text over a connection of its own, all at once, and no more.
// It returns what the server answers before it closes the connections.
func sendAndStall(t *testing.T, s server, texts []string) []string {
	t.Helper()
	answers := make([]string, len(texts))
	var done sync.WaitGroup
	for i, text := range texts {
		done.Go(func() {
			connection, err := net.Dial("tcp", s.address)
			if !assert.NoError(t, err) {
				return
			}
			defer connection.Close()
			assert.NoError(t, connection.SetDeadline(time.Now().Add(4*readWithin)))
			_, err = io.WriteString(connection, text)
			assert.NoError(t, err)
			answer, err := io.ReadAll(connection)
			assert.NoError(t, err, "the connection stays open: %q", text)
			answers[i] = string(answer)
		})
	}
	done.Wait()
	return answers
}

// A caller that stops reading, or never sends another call, keeps no connection.
func TestServerLimits(t *testing.T) {
	t.Parallel()
	server := newServer(http.NotFoundHandler())
	assert.Equal(t, readWithin, server.ReadTimeout)
	assert.Equal(t, writeWithin, server.WriteTimeout)
	assert.Equal(t, idleFor, server.IdleTimeout)
	assert.Greater(t, writeWithin, readWithin+answersWithin)
}

// A body of any size arrives whole.
func TestBodiesArriveWhole(t *testing.T) {
	t.Parallel()
	var seen int
	h := afterBody(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		seen = len(body)
	}))
	for _, size := range []int{0, 1, callersLimitBytes - 1, callersLimitBytes, callersLimitBytes + 1, 3 * callersLimitBytes} {
		h.ServeHTTP(nil, mustRequest(t, strings.Repeat("x", size)))
		assert.Equal(t, size, seen)
	}
}

func mustRequest(t *testing.T, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", io.NopCloser(strings.NewReader(body)))
	require.NoError(t, err)
	return r
}
