package retry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/proof/callers/gateway"
)

// outcome is a caller's result: an answer, or an error which reports that the outcome is
// unknown.
type outcome struct {
	Status        int
	Text, Unknown string
}

// callers are the retry loops, by language.
var callers = map[string]func(t *testing.T, url, key, body string, seconds int) outcome{
	"Go": func(t *testing.T, url, key, body string, seconds int) (o outcome) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second)
		defer cancel()
		var err error
		o.Status, o.Text, err = Post(ctx, url, key, body)
		if unknown, ok := errors.AsType[*UnknownError](err); ok {
			return outcome{Unknown: unknown.Error()}
		}
		require.NoError(t, err)
		return o
	},
	"Python":     program("PYTHON", "drive.py"),
	"TypeScript": program("NODE", filepath.Join(os.Getenv("TYPESCRIPT"), "drive.js")),
}

// program returns a caller that runs a script. The environment variable with the given name
// holds the path of the script's interpreter.
func program(variable, script string) func(t *testing.T, url, key, body string, seconds int) outcome {
	return func(t *testing.T, url, key, body string, seconds int) (o outcome) {
		require.NotEmpty(t, os.Getenv(variable), "%s must be set: .ci/callers does", variable)
		command := exec.CommandContext(t.Context(), os.Getenv(variable), script, url, key, body, strconv.Itoa(seconds))
		command.Stderr = t.Output()
		output, err := command.Output()
		require.NoError(t, err, script)
		require.NoError(t, json.Unmarshal(output, &o), "%s", output)
		return o
	}
}

// fault handles one call. It can lose or change the call or its answer.
type fault func(w http.ResponseWriter, forward func() *httptest.ResponseRecorder)

// network forwards calls to the ledger. It applies one fault to each of the first calls, in
// order.
type network struct {
	t      *testing.T
	ledger http.Handler
	faults []fault

	mu       sync.Mutex
	calls    []string // each call's key and body
	arrived  []time.Time
	forwards int
}

func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	assert.NoError(n.t, err)
	r.Body = io.NopCloser(bytes.NewReader(body))
	fault := pass
	if len(n.calls) < len(n.faults) {
		fault = n.faults[len(n.calls)]
	}
	assert.Equal(n.t, http.MethodPost, r.Method, "a redirect is not followed")
	n.calls = append(n.calls, r.Header.Get("Idempotent-Key")+r.Header.Get("Idempotency-Key")+" "+string(body))
	n.arrived = append(n.arrived, time.Now())
	fault(w, func() *httptest.ResponseRecorder {
		n.forwards++
		answer := httptest.NewRecorder()
		n.ledger.ServeHTTP(answer, r)
		return answer
	})
}

func pass(w http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
	copyAnswer(w, forward(), 1)
}

// loseBefore loses the call before it reaches the ledger.
func loseBefore(http.ResponseWriter, func() *httptest.ResponseRecorder) { panic(http.ErrAbortHandler) }

// loseAfter loses the answer after the ledger has handled the call.
func loseAfter(_ http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
	forward()
	panic(http.ErrAbortHandler)
}

// half loses the second half of the answer.
func half(w http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
	copyAnswer(w, forward(), 2)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// copyAnswer divides the ledger's answer into parts, and sends the first part.
func copyAnswer(w http.ResponseWriter, answer *httptest.ResponseRecorder, parts int) {
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/parts])
}

// answers returns a fault in which the gateway sends its own answer with this status.
func answers(status int) fault {
	return func(w http.ResponseWriter, _ func() *httptest.ResponseRecorder) { gateway.Answer(w, status) }
}

// wait returns a fault in which the gateway sends 503 and Retry-After.
func wait(seconds int) fault {
	return func(w http.ResponseWriter, _ func() *httptest.ResponseRecorder) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		gateway.Answer(w, http.StatusServiceUnavailable)
	}
}

// odd returns a fault in which a proxy answers instead of the ledger.
func odd(status int, body string, headers ...string) fault {
	return func(w http.ResponseWriter, _ func() *httptest.ResponseRecorder) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cut truncates the answer without a trace: Content-Length matches the shorter body, which
// ends in the middle of a character.
func cut(w http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
	answer := forward()
	w.WriteHeader(answer.Code)
	_, _ = w.Write(append(answer.Body.Bytes()[:answer.Body.Len()/2], "\xc3"...))
}

// With any fault, a caller returns a final answer, or an error which reports that the
// outcome is unknown. The ledger counts the transaction at most once.
func TestPost(t *testing.T) {
	t.Parallel()
	ledger, err := gateway.New(os.Getenv("LEDGER_URL"))
	require.NoError(t, err)
	const unknown = 0
	for name, c := range map[string]struct {
		faults          []fault
		amount          string
		seconds, status int
		calls, forwards int
		balance         string
	}{
		"counted":                         {nil, "10", 60, 201, 1, 1, "90"},
		"declined":                        {nil, "1000", 60, 422, 1, 1, "100"},
		"invalid":                         {nil, "0", 60, 400, 1, 1, "100"},
		"no token":                        {[]fault{answers(401)}, "10", 60, 401, 1, 0, "100"},
		"lost three times":                {[]fault{loseBefore, loseAfter, half}, "10", 60, 201, 4, 3, "90"},
		"declined, answer lost":           {[]fault{loseAfter}, "1000", 60, 422, 2, 2, "100"},
		"Retry-After, 429 and 500":        {[]fault{wait(2), answers(429), answers(500)}, "10", 60, 201, 4, 1, "90"},
		"502, 503 and 504":                {[]fault{answers(502), answers(503), answers(504)}, "10", 60, 201, 4, 1, "90"},
		"counted, then 401":               {[]fault{loseAfter, answers(401)}, "10", 60, unknown, 2, 1, "90"},
		"Retry-After beyond the deadline": {[]fault{loseBefore, wait(60)}, "10", 20, unknown, 2, 0, "100"},
		"429, then 403":                   {[]fault{answers(429), answers(403)}, "10", 60, 403, 2, 0, "100"},
		"not UTF-8":                       {[]fault{odd(502, "Fehler: au\xdfer Betrieb", "Content-Type", "text/html; charset=iso-8859-1")}, "10", 60, 201, 2, 1, "90"},
		"unrequested gzip":                {[]fault{odd(503, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xffrubbish", "Content-Encoding", "gzip")}, "10", 60, 201, 2, 1, "90"},
		"truncated in a character":        {[]fault{cut}, "10", 60, 201, 2, 2, "90"},
		"declined, truncated":             {[]fault{cut}, "1000", 60, 422, 2, 2, "100"},
		"201 from another server":         {[]fault{odd(201, "<html>Welcome!</html>")}, "10", 60, 201, 2, 1, "90"},
		"200 from another server":         {[]fault{odd(200, "<html>Please sign in</html>")}, "10", 60, unknown, 1, 0, "100"},
		"204":                             {[]fault{odd(204, "")}, "10", 60, unknown, 1, 0, "100"},
		"301":                             {[]fault{odd(301, "", "Location", "/elsewhere")}, "10", 60, unknown, 1, 0, "100"},
		"302":                             {[]fault{odd(302, "", "Location", "/elsewhere")}, "10", 60, unknown, 1, 0, "100"},
		"lost, then 303":                  {[]fault{loseBefore, odd(303, "", "Location", "/balance?userId=1")}, "10", 60, unknown, 2, 0, "100"},
		"307":                             {[]fault{odd(307, "", "Location", "/elsewhere")}, "10", 60, unknown, 1, 0, "100"},
		"308":                             {[]fault{odd(308, "", "Location", "/elsewhere")}, "10", 60, unknown, 1, 0, "100"},
		"408 and 425":                     {[]fault{odd(408, ""), odd(425, "")}, "10", 60, 201, 3, 1, "90"},
		"408, then 403":                   {[]fault{odd(408, ""), answers(403)}, "10", 60, unknown, 2, 0, "100"},
		"425, then 403":                   {[]fault{odd(425, ""), answers(403)}, "10", 60, 403, 2, 0, "100"},
		"endless Retry-After":             {[]fault{odd(503, "", "Retry-After", strings.Repeat("9", 5000))}, "10", 60, unknown, 1, 0, "100"},
		"Retry-After as a date":           {[]fault{odd(503, "", "Retry-After", "Sun, 22 Nov 2026 12:00:00 GMT")}, "10", 60, 201, 2, 1, "90"},
		"negative Retry-After":            {[]fault{odd(503, "", "Retry-After", "-5")}, "10", 60, 201, 2, 1, "90"},
		"fractional Retry-After":          {[]fault{odd(503, "", "Retry-After", "0.5")}, "10", 60, 201, 2, 1, "90"},
		"nonsense Retry-After":            {[]fault{odd(503, "", "Retry-After", "\xb2 soon")}, "10", 60, 201, 2, 1, "90"},
	} {
		for language, post := range callers {
			t.Run(name+" in "+language, func(t *testing.T) {
				t.Parallel()
				way := &network{t: t, ledger: ledger, faults: c.faults}
				server := httptest.NewServer(way)
				t.Cleanup(server.Close)
				user := fmt.Sprintf("%s, %s, %d", language, name, time.Now().UnixNano())
				transaction, err := json.Marshal(map[string]string{"userId": user, "ammount": c.amount, "type": "debit"})
				require.NoError(t, err)

				got := post(t, server.URL+"/transactions", "order-7", string(transaction), c.seconds)
				assert.Equal(t, c.status, got.Status, got)
				if c.status == unknown {
					assert.Contains(t, got.Unknown, `keep the key "order-7"`)
				} else {
					assert.NotEmpty(t, got.Text)
				}
				assert.Len(t, way.calls, c.calls)
				for _, call := range way.calls {
					key, body, _ := strings.Cut(call, " ")
					assert.Equal(t, "order-7", key)
					assert.JSONEq(t, string(transaction), body)
				}
				assert.Equal(t, c.forwards, way.forwards)
				assert.Equal(t, c.balance, balance(t, user))
				if name == "Retry-After, 429 and 500" {
					// The caller must wait for 2 s, as Retry-After demands. Its own
					// back-off would be under 0.2 s. A timer can be a few milliseconds
					// early.
					assert.GreaterOrEqual(t, way.arrived[1].Sub(way.arrived[0]), 1990*time.Millisecond)
				}
			})
		}
	}
}

func balance(t *testing.T, user string) string {
	response, err := http.Get(os.Getenv("LEDGER_URL") + "/balance?userId=" + url.QueryEscape(user))
	require.NoError(t, err)
	defer response.Body.Close()
	var body struct{ Data struct{ Balance string } }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&body))
	return body.Data.Balance
}

// If a call can't be sent at all, the error is not an UnknownError.
func TestPostNothingSent(t *testing.T) {
	t.Parallel()
	_, _, err := Post(t.Context(), "http://a b/", "1", "{}")
	require.Error(t, err)
	_, ok := errors.AsType[*UnknownError](err)
	assert.False(t, ok, err)
}

// handler/retries.md shows post.go, post.ts and post.py as they are.
func TestDocumentShowsTheLoops(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../../../handler/retries.md")
	require.NoError(t, err)
	for language, path := range map[string]string{"go": "post.go", "typescript": "post.ts", "python": "post.py"} {
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Contains(t, string(document), "\n```"+language+"\n"+string(source)+"```\n", "handler/retries.md shows %s as it is", path)
	}
}
