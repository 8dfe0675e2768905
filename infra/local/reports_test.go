package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// report is a request that broke another server. To test another such request, add a row.
type report struct {
	name string
	from string // the URL of the bug report
	sent string // HOST, USER and INNER stand for the server's host, the row's user and hidden's length
	want string // the statuses of all responses on the connection, in order
	paid string // USER's balance afterwards, or "" for the opening balance
}

// witness is sent after each report on the same connection. It is answered with 200 only if
// the server finds where the report ends.
const witness = "GET /balance?userId=witness HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"

const (
	rawPost = "POST /transactions HTTP/1.1\r\nHost: HOST\r\nIdempotent-Key: k\r\n"
	rawBody = `{"userId":"USER","ammount":"1","type":"credit"}` // 49 bytes once a user name of 6 bytes replaces USER
	length  = "Content-Length: 49\r\n"
	chunked = "Transfer-Encoding: chunked\r\n"
	chunks  = "31\r\n" + rawBody + "\r\n0\r\n\r\n"
	hidden  = rawPost + length + "\r\n" + rawBody // a request inside another request's body
)

var reports = []report{
	// The end of a request.
	{"two equal lengths", "https://github.com/golang/go/issues/16490",
		rawPost + length + length + "\r\n" + rawBody, "201 200", "101"},
	{"two different lengths", "https://github.com/postrank-labs/goliath/issues/351",
		rawPost + "Content-Length: 0\r\n" + length + "\r\n" + rawBody, "400", ""},
	{"a body that never ends", "https://github.com/golang/go/issues/16100",
		rawPost + "Content-Length: 100000\r\n\r\n" + rawBody, "400", ""},
	{"a length with a sign", "https://github.com/haga-rak/fluxzy.core/pull/671",
		rawPost + "Content-Length: +49\r\n\r\n" + rawBody, "400", ""},
	{"a length with chunks", "https://github.com/litespeedtech/openlitespeed/issues/392",
		rawPost + "Content-Length: 5\r\n" + chunked + "\r\n" + chunks, "201 200", "101"},
	{"chunked with a trailing tab", "https://github.com/sozu-proxy/sozu/issues/726",
		rawPost + "Transfer-Encoding: chunked\t\r\nContent-Length: 5\r\n\r\n" + chunks, "201 200", "101"},
	{"chunks with another coding", "https://github.com/cloudwego/hertz/pull/1490",
		rawPost + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks, "501", ""},
	{"a space before the colon", "https://github.com/ohler55/agoo/issues/88",
		rawPost + length + "Transfer-Encoding : chunked\r\n\r\n" + rawBody, "400", ""},
	{"a call within an unread body", "https://github.com/golang/go/issues/11549",
		"GET /balance?userId=1 HTTP/1.1\r\nHost: HOST\r\nContent-Length: INNER\r\n\r\n" + hidden, "200 200", ""},
	{"a call within a rejected body", "https://github.com/golang/go/issues/11549",
		"POST /transactions HTTP/1.1\r\nHost: evil.example\r\nContent-Length: INNER\r\nExpect: 100-continue\r\n\r\n" + hidden, "403", ""},
	{"two calls in one packet", "https://github.com/yhirose/cpp-httplib/issues/1271",
		rawPost + length + "\r\n" + rawBody + strings.Replace(rawPost, ": k", ": l", 1) + length + "\r\n" + rawBody, "201 201 200", "102"},

	// Chunked bodies.
	{"a trailer and extensions", "https://github.com/civetweb/civetweb/pull/1133",
		rawPost + chunked + "\r\n31;a=b;c=\"d\"\r\n" + rawBody + "\r\n0;e\r\nX-Sum: 1\r\n\r\n", "201 200", "101"},
	{"a key in the trailer", "https://github.com/moonbitlang/async/issues/618",
		"POST /transactions HTTP/1.1\r\nHost: HOST\r\nTrailer: Idempotent-Key\r\n" + chunked + "\r\n31\r\n" + rawBody + "\r\n0\r\nIdempotent-Key: k\r\n\r\n", "400 200", ""},
	{"a bare line feed ends a chunk's size", "https://github.com/golang/go/issues/71988",
		rawPost + chunked + "\r\n31\n" + rawBody + "\r\n0\r\n\r\n", "400", ""},

	// The Expect header.
	{"a body that waits for 100", "https://github.com/lalinsky/dusty/issues/163",
		rawPost + length + "Expect: 100-continue\r\n\r\n" + rawBody, "100 201 200", "101"},
	{"an empty body that waits for 100", "https://github.com/golang/go/issues/16799",
		rawPost + "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n", "400 200", ""},

	// Other headers.
	{"a header on two lines", "https://github.com/golang/go/issues/14060",
		"POST /transactions HTTP/1.1\r\nHost: HOST\r\nIdempotent-Key: k,\r\n k\r\n" + length + "\r\n" + rawBody, "400 200", ""},
	{"an underscore instead of a hyphen", "https://github.com/benoitc/gunicorn/issues/2799",
		"POST /transactions HTTP/1.1\r\nHost: HOST\r\nIdempotent_Key: k\r\n" + length + "\r\n" + rawBody, "400 200", ""},
	{"a header of two megabytes", "https://github.com/ninenines/cowboy/issues/1063",
		rawPost + "X-Long: " + strings.Repeat("x", 2<<20) + "\r\n" + length + "\r\n" + rawBody, "431", ""},
	{"a byte order mark", "https://github.com/fastify/secure-json-parse/pull/5",
		rawPost + "Content-Length: 52\r\n\r\n\xef\xbb\xbf" + rawBody, "400 200", ""},

	// The Host header.
	{"no host in HTTP/1.0", "https://github.com/golang/go/issues/13624",
		"GET /balance?userId=1 HTTP/1.0\r\n\r\n", "403", ""},
	{"an empty host", "https://github.com/golang/go/issues/77798",
		"GET /balance?userId=1 HTTP/1.1\r\nHost:\r\n\r\n", "403 200", ""},
	{"two hosts", "https://github.com/golang/go/issues/45463",
		"GET /balance?userId=1 HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n", "400", ""},
	{"different hosts in target and header", "https://github.com/quic-go/quic-go/pull/5830",
		strings.Replace(rawPost, "/transactions", "http://evil.example/transactions", 1) + length + "\r\n" + rawBody, "403 200", ""},
	{"another host named by a proxy", "https://github.com/webpack/webpack-dev-server/issues/887",
		"GET /balance?userId=1 HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: HOST\r\nForwarded: host=HOST\r\n\r\n", "403 200", ""},

	// Request targets.
	{"two slashes", "https://github.com/gofr-dev/gofr/pull/2759",
		strings.Replace(rawPost, "/transactions", "//transactions", 1) + length + "\r\n" + rawBody, "404 200", ""},
	{"two encoded slashes", "https://github.com/golang/go/issues/21955",
		"GET /docs%2F%2Fbalance?userId=1 HTTP/1.1\r\nHost: HOST\r\n\r\n", "404 200", ""},
	{"encoded dots", "https://github.com/aenix-io/aeman/issues/239",
		"GET /transactions/%2e%2e/balance?userId=1 HTTP/1.1\r\nHost: HOST\r\n\r\n", "404 200", ""},
	{"a lone percent sign", "https://github.com/expressjs/express/issues/2143",
		"GET /transactions/% HTTP/1.1\r\nHost: HOST\r\n\r\n", "400", ""},
	{"OPTIONS of the whole server", "https://github.com/golang/go/issues/41773",
		"OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n", "404 200", ""},
	{"OPTIONS of another host", "https://github.com/golang/go/issues/41773",
		"OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403 200", ""},
	{"HEAD with a body", "https://github.com/gin-gonic/gin/issues/1936",
		"HEAD /balance?userId=1 HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\n\r\ntest", "200 200", ""},

	// Query strings.
	{"a semicolon instead of an ampersand", "https://github.com/golang/go/issues/25192",
		"GET /balance?x=y;userId=evil&userId=USER HTTP/1.1\r\nHost: HOST\r\n\r\n", "400 200", ""},
	{"NUL", "https://github.com/ruuvi/ruuvi.gateway_esp.c/issues/1529",
		"GET /balance?userId=USER%00evil HTTP/1.1\r\nHost: HOST\r\n\r\n", "400 200", ""},
	{"a plus at the end", "https://github.com/aws/aws-lambda-web-adapter/issues/491",
		"GET /balance?userId=USER+ HTTP/1.1\r\nHost: HOST\r\n\r\n", "400 200", ""},
}

// The server answers each report with the expected statuses, and moves only the expected
// money. It never reads the witness as a part of the report.
func TestReports(t *testing.T) {
	t.Parallel()
	s := start(t)
	sent := make([]string, len(reports))
	for i, r := range reports {
		fill := strings.NewReplacer("HOST", s.address, "USER", userOf(i))
		inner := strconv.Itoa(len(fill.Replace(hidden)))
		sent[i] = fill.Replace(strings.ReplaceAll(r.sent, "INNER", inner) + witness)
	}
	for i, answers := range sendAndStall(t, s, sent) {
		r := reports[i]
		assert.Equal(t, r.want, statuses(t, sent[i], answers), "%s: %s: %.300q", r.name, r.from, answers)
		assert.Equal(t, `{"data":{"balance":"`+cmp.Or(r.paid, "100")+`"}}`, s.balance(t, userOf(i)), "%s: %s", r.name, r.from)
	}
	s.stop(t)
}

func userOf(row int) string { return fmt.Sprintf("user%02d", row) }

func statuses(t *testing.T, sent, answers string) string {
	t.Helper()
	method, _, _ := strings.Cut(sent, " ")
	var all []string
	for r := bufio.NewReader(strings.NewReader(answers)); ; method = http.MethodGet {
		response, err := http.ReadResponse(r, &http.Request{Method: method})
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return strings.Join(all, " ")
		}
		require.NoError(t, err, "%q", answers)
		read(t, response)
		all = append(all, strconv.Itoa(response.StatusCode))
	}
}

// sendAndStall sends the texts at the same time, each over its own connection, and leaves
// these open. It returns what arrives on each connection until the server closes it.
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
