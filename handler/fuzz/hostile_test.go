package fuzz_test

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The server answers any bytes on a connection, or waits for more. It never panics.
func FuzzRawHTTP(f *testing.F) {
	for _, seed := range []string{
		"GET /transactions/%FF HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /%ff?userId=%FF HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /balance?userId=\xff HTTP/1.0\r\n\r\n",
		"POST /transactions HTTP/1.1\r\nHost: x\r\nIdempotent-Key: \xff\r\nIdempotent-Key: a\r\nContent-Length: 3\r\n\r\n\xff{}",
		"POST /transactions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HEAD //transactions/../%2e HTTP/1.1\r\nHost: \xfe\r\n\r\n",
		"HEAD /ctions/\xfe./$2e HTTP/1.1\r\nHost: .\r\n\r\n",
		"answered before it is read\r\n" + strings.Repeat("\xff", 64<<10),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		h, _ := newMemory(0)
		var errors bytes.Buffer
		server := httptest.NewUnstartedServer(h)
		server.Config.ErrorLog = log.New(&errors, "", 0)
		server.Start()
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
		_, _ = connection.Write(sent) // fails if the server has answered early and closed the connection
		_ = connection.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(connection)
		_ = connection.Close()
		server.Close()
		assert.NotContains(t, errors.String(), "panic")
		if head, ok := strings.CutPrefix(string(answer), "HTTP/1."); ok {
			method, _, _ := strings.Cut(string(sent), " ") // ReadResponse needs it: the answer to HEAD has a length but no body
			r, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1."+head)), &http.Request{Method: method})
			require.NoError(t, err)
			assert.NoError(t, r.Body.Close())
			assert.NotEqual(t, http.StatusInternalServerError, r.StatusCode, "%q", answer)
		}
	})
}
