package main

import (
	"sync"
	"time"
)

// recordsLimit is the number of calls whose records are kept. The oldest records are
// dropped.
const recordsLimit = 500

// records holds a record for each named call of the console, by the call's name. It is safe
// for concurrent use.
type records struct {
	mu     sync.Mutex
	byName map[string]*record
	names  []string // oldest first
}

// open returns the record of the call with this name, and creates it if there is none. If
// the name is empty, the record is not kept.
func (r *records) open(name string) *record {
	made := &record{began: time.Now()}
	if name == "" {
		return made
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.byName[name]; known != nil {
		return known
	}
	if r.byName == nil {
		r.byName = map[string]*record{}
	}
	r.byName[name] = made
	r.names = append(r.names, name)
	if len(r.names) > recordsLimit {
		delete(r.byName, r.names[0])
		r.names = r.names[1:]
	}
	return made
}

// find returns the requests recorded so far for the call with this name.
func (r *records) find(name string) []exchange {
	r.mu.Lock()
	known := r.byName[name]
	r.mu.Unlock()
	if known == nil {
		return []exchange{}
	}
	return known.all()
}

// record holds one call's requests. It is safe for concurrent use.
type record struct {
	began time.Time

	mu        sync.Mutex
	exchanges []exchange
}

// exchange is a request to DynamoDB and its response, once it has arrived. Sent counts from
// the beginning of the call.
type exchange struct {
	Caller int     `json:"caller,omitempty"`
	Sent   float64 `json:"sentMs"`
	Took   float64 `json:"tookMs"`
	request
	result // its Outcome is "" until the response arrives
}

// add records a request from the caller with this number, and returns the request's index.
func (r *record) add(caller int, sent request) (place int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanges = append(r.exchanges, exchange{Caller: caller, Sent: r.age(), request: sent})
	return len(r.exchanges) - 1
}

// end records the response to the request with the index place.
func (r *record) end(place int, came result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &r.exchanges[place]
	e.Took, e.result = r.age()-e.Sent, came
}

func (r *record) all() []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]exchange{}, r.exchanges...)
}

func (r *record) age() float64 {
	return float64(time.Since(r.began).Microseconds()) / 1e3
}
