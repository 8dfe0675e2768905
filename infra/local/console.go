package main

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// The console sends these headers to name a call, to request faults, and to mark the reads
// that it repeats every second. The ledger never receives them.
const (
	callHeader  = "Local-Call"
	faultHeader = "Local-Fault"
	lookHeader  = "Local-Look"
)

// ledgerHeader is in the response to each of the console's calls, unless a fault loses that
// response. Its value is the time at which the tables were created, so a page can detect
// that the server restarted with other tables.
const ledgerHeader = "Local-Ledger"

// The local server handles requests to these paths itself. The ledger never receives them.
const (
	requestsPath = "/local/requests"
	callersPath  = "/local/callers"
)

const (
	callersLimit      = 100
	callersLimitBytes = 1 << 20
)

// console serves the ledger and, for the page at /, requestsPath and callersPath.
type console struct {
	made    string // the value of ledgerHeader
	ledger  http.Handler
	looks   http.Handler // the same ledger without a log, for reads that the page repeats
	records records
}

func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET " + requestsPath:
		answerJSON(w, c.records.find(r.URL.Query().Get("call")))
	case "POST " + callersPath:
		w.Header().Set(ledgerHeader, c.made)
		c.serveCallers(w, r)
	default:
		c.serveCall(w, r)
	}
}

func (c *console) serveCall(w http.ResponseWriter, r *http.Request) {
	look := r.Method == http.MethodGet && r.Header.Get(lookHeader) != ""
	r.Header.Del(lookHeader)
	if look {
		w.Header().Set(ledgerHeader, c.made)
		c.looks.ServeHTTP(w, r)
		return
	}
	who, err := c.callerOf(r, 0)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case who == nil:
		c.ledger.ServeHTTP(w, r)
	case who.faults[answerLost]:
		c.ledger.ServeHTTP(newAnswer(), r.WithContext(who.in(r.Context())))
		breakOff(w, r)
	default:
		w.Header().Set(ledgerHeader, c.made)
		c.ledger.ServeHTTP(w, r.WithContext(who.in(r.Context())))
	}
}

// callerOf removes callHeader and faultHeader from a call, and returns the caller that they
// describe, with the given number. It returns nil if both headers are missing.
func (c *console) callerOf(r *http.Request, number int) (*caller, error) {
	name, words := r.Header.Get(callHeader), strings.Join(r.Header.Values(faultHeader), ",")
	r.Header.Del(callHeader)
	r.Header.Del(faultHeader)
	if name == "" && words == "" {
		return nil, nil
	}
	f, err := parseFaults(words)
	if err != nil {
		return nil, err
	}
	return &caller{number, c.records.open(name), f}, nil
}

// breakOff closes the connection in the middle of the response's body. A browser would
// retry by itself if the connection closed before the response. A response to HEAD has no
// body, so after HEAD breakOff does close the connection before the response.
func breakOff(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", "1")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// serveCallers makes the calls in the request's body at once, each as a separate caller,
// because a browser sends only about six at a time. It responds with a JSON array of
// answers, with null for a lost answer.
func (c *console) serveCallers(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "the Content-Type must be application/json", http.StatusUnsupportedMediaType)
		return
	}
	prepared, err := c.prepare(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answerJSON(w, c.atOnce(prepared))
}

type prepared struct {
	*http.Request
	answerLost bool
}

// prepare parses the calls in a request's body, and the caller that each call's headers
// describe.
func (c *console) prepare(w http.ResponseWriter, r *http.Request) ([]prepared, error) {
	var calls []call
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, callersLimitBytes)).Decode(&calls); err != nil {
		return nil, err
	}
	if len(calls) > callersLimit {
		return nil, fmt.Errorf("at most %d callers", callersLimit)
	}
	all := make([]prepared, len(calls))
	for i, one := range calls {
		request, err := one.request(r.Context())
		if err != nil {
			return nil, err
		}
		who, err := c.callerOf(request, i+1)
		if err != nil {
			return nil, err
		}
		all[i] = prepared{Request: request}
		if who != nil {
			all[i] = prepared{request.WithContext(who.in(r.Context())), who.faults[answerLost]}
		}
	}
	return all, nil
}

// atOnce makes the calls concurrently, once every caller is ready. It returns their
// answers, with nil for a lost answer.
func (c *console) atOnce(calls []prepared) []*answer {
	answers := make([]*answer, len(calls))
	var ready, done sync.WaitGroup
	ready.Add(len(calls))
	for i, one := range calls {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			a := newAnswer()
			c.ledger.ServeHTTP(a, one.Request)
			if !one.answerLost {
				answers[i] = a
			}
		})
	}
	done.Wait()
	return answers
}

type call struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func (c call) request(ctx context.Context) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, c.Method, c.Path, strings.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	return r, nil
}

// answer records the ledger's response instead of sending it.
type answer struct {
	Status  int         `json:"status"`
	Reason  string      `json:"reason"`
	Headers http.Header `json:"headers"`
	Text    string      `json:"text"`
}

func newAnswer() *answer {
	a := &answer{Headers: http.Header{}}
	a.WriteHeader(http.StatusOK)
	return a
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.Headers }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	a.Status, a.Reason = status, http.StatusText(status)
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(p []byte) (int, error) {
	a.Text += string(p)
	return len(p), nil
}

func answerJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // the browser may have disconnected
}
