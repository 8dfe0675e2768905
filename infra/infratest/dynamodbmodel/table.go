package dynamodbmodel

import (
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// value is an attribute as it is sent, with any type: {"N": "12.5"}.
type value map[string]any

// text returns an S value's text, or "".
func (v value) text() string {
	text, _ := v["S"].(string)
	return text
}

type item map[string]value

type table struct {
	key     string // the partition key, a text
	indexes map[string]index
	rows    map[string]*row
}

type index struct{ partition, sort string }

// row is one item through time.
type row struct {
	held     bool // by a transaction under way
	versions []version
}

type version struct {
	item    item
	visible time.Time // to eventually consistent reads
}

// row returns the row under a key, which may hold nothing yet.
func (t *table) row(key item) *row {
	name := key[t.key].text()
	if t.rows[name] == nil {
		t.rows[name] = &row{}
	}
	return t.rows[name]
}

// keys returns all rows' keys, always in the same order.
func (t *table) keys() []string { return slices.Sorted(maps.Keys(t.rows)) }

// segment returns the keys in one part of a table, as a parallel Scan reads it.
func (t *table) segment(number, of int) (keys []string) {
	for _, key := range t.keys() {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(key))
		if of <= 1 || int(hash.Sum32()%uint32(of)) == number {
			keys = append(keys, key)
		}
	}
	return keys
}

// now returns the committed item, or nil.
func (r *row) now() item {
	if len(r.versions) == 0 {
		return nil
	}
	return r.versions[len(r.versions)-1].item
}

// eventually returns what an eventually consistent read sees. A visible version hides
// all before it.
func (r *row) eventually() (seen item) {
	now := time.Now()
	for _, v := range r.versions {
		if !v.visible.After(now) {
			seen = v.item
		}
	}
	return seen
}

func (r *row) put(i item, lag time.Duration) {
	r.versions = append(r.versions, version{i, time.Now().Add(lag)})
}
