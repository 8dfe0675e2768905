package soak

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"onewrite/infra/infratest/faults"
)

// proxy stands between the function's processes and DynamoDB, and gives some requests a fault,
// drawn from a seed.
type proxy struct {
	endpoint string // DynamoDB's
	client   http.Client
	server   http.Server
	faults   atomic.Int64 // given so far

	mu     sync.Mutex
	chance *rand.Rand
}

// faulty is the share of requests that meet a fault.
const faulty = 0.1

// late delivers a request when the function no longer waits for it.
func late(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	time.Sleep(1100 * time.Millisecond)
	return deliver()
}

// startProxy serves on a free port on this machine, and returns its address.
func startProxy(endpoint string, seed uint64) (p *proxy, address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	p = &proxy{endpoint: endpoint, chance: rand.New(rand.NewPCG(seed, 0))}
	p.client.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	p.server = http.Server{Handler: p, ReadHeaderTimeout: time.Second}
	go p.server.Serve(listener) //nolint:errcheck // ends with Close
	return p, "http://" + listener.Addr().String(), nil
}

// ServeHTTP implements [http.Handler]. Without a whole answer it breaks the connection.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	deliver := func() (*http.Response, error) {
		onward, err := http.NewRequest(r.Method, p.endpoint+r.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		onward.Header = r.Header
		return p.client.Do(onward)
	}
	response, err := p.draw()(r, deliver)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer response.Body.Close()
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	if _, err := io.Copy(w, response.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// draw returns a request's fault: one of [faults.All] or late, all equally likely.
func (p *proxy) draw() faults.Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.chance.Float64() >= faulty {
		return func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			return deliver()
		}
	}
	p.faults.Add(1)
	if i := p.chance.IntN(len(faults.All) + 1); i < len(faults.All) {
		return faults.All[i].Fault
	}
	return late
}
